"""Coding agents: how one is known by its requests, and how the proxy's own replies have to look for it.

rows         one row for each agent
detection    `detect`
replies      `shape_reply`, `own_reply`
errands      requests that an agent makes for its own sake
"""
