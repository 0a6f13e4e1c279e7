"""Fields in the client's own words: writers name them as the canonical request does."""

from __future__ import annotations

import re

from proxy_core.protocols import MESSAGES, PARTS, WORDS
from proxy_core.turn.content import ProtocolName

_MESSAGES = re.compile(r"(?:messages|input|contents)(?=\[|$)")
_HEAD = re.compile(r"\w+")


def client_path(path: str, client: ProtocolName) -> str:
    """`stop[4:]` is `stop_sequences[4:]` to a client of Anthropic, `messages[0].content[1]` Gemini's `parts[1]`."""
    if place := _MESSAGES.match(path):
        rest = path[place.end() :].replace(".content[", f".{PARTS[client]}[", 1)
        path = MESSAGES[client] + rest
    words = WORDS[client]
    if path in words:
        return words[path]
    head = _HEAD.match(path)
    return words.get(head[0], head[0]) + path[head.end() :] if head else path
