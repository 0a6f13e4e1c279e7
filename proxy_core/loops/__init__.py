"""Models that have begun to repeat themselves.

text        the observer that ends a reply
periods     exact repetition at the end of a text
sentences   the same sentences again and again, whatever stands between them
tools       the same tool call again and again, from the request's own history
"""
