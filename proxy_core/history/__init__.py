"""A readable log of each session, off unless switched on: what was asked, what was answered, without secrets.

heard     collects a reply while it goes by
turns     turns as plain messages
entry     one exchange as a line
files     a session's file: its name, its modes, its rotation
log       HistoryLog: a queue, and the one thread that writes
"""
