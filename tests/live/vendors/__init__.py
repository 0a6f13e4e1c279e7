"""Vendors on loopback: they answer as the real ones do, and refuse with a 400 what the real ones would refuse.

said                                    what an answer says, in no protocol's words
chat, responses, anthropic, gemini      one vendor each: said in its protocol, whole and streamed, and its faults
upstream                                the server in a thread, which keeps what it received
"""
