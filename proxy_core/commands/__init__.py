"""Control from inside the chat.

grammar     finds commands in a text
table       every command and setting, once: help, README and effects come from it
typed       which texts of a request a person typed
cleaning    takes commands and the proxy's own answers out of a request
obeying     `obey`: all of it for one request
"""
