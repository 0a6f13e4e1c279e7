"""Exchanges as text for people: mitmweb and the console show it.

outline     a request as a conversation, a reply as one message
breakdown   where the tokens of a request go
contexts    that of each session's last request
deeds       what Parley did with a request
"""
