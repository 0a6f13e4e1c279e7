"""Vendors' own checks of a request, as far as they are known: each answers a 400 for what it does not know.

chat, responses, anthropic, gemini      one check of a whole request each
shapes                                  what they are made of
"""
