"""Changes to native JSON that leave every other byte alone: prompt caches, signatures and unknown fields survive."""

from __future__ import annotations

import re

from proxy_core.wire.json import dumps

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]')
_SPACE = re.compile(rb"[ \t\r\n]*")


def replace_string_field(body: bytes, key: str, value: str) -> bytes:
    """`body` (a JSON object) with its top-level string field `key` set to `value`; as it was when there is none.

    The caller knows that the object has the field. Of repeated keys every one is set, since parsers differ in
    which they take.
    """
    wanted = b'"' + key.encode() + b'"'
    replacement = dumps(value)
    pieces: list[bytes] = []
    copied = 0
    for start, end in _top_level_strings(body, wanted):
        pieces += [body[copied:start], replacement]
        copied = end
    pieces.append(body[copied:])
    return b"".join(pieces)


def _top_level_strings(body: bytes, wanted: bytes) -> list[tuple[int, int]]:
    """Spans of the string values of `wanted` (a quoted key) at depth 1."""
    candidates = [span for match in re.finditer(wanted, body) if (span := _string_after_colon(body, match.end()))]
    if len(candidates) < 2:
        return candidates  # quotes inside a string are escaped, so a lone candidate is a key; usually the only one
    spans: list[tuple[int, int]] = []
    depth = 0
    is_key = True
    for token in _TOKEN.finditer(body):
        text = token.group()
        first = text[:1]
        if first in b"{[":
            depth += 1
            is_key = True
        elif first in b"}]":
            depth -= 1
        elif first == b",":
            is_key = True
        elif first == b":":
            is_key = False
        elif depth == 1 and is_key and text == wanted:
            span = _string_after_colon(body, token.end())
            if span:
                spans.append(span)
    return spans


def _string_after_colon(body: bytes, position: int) -> tuple[int, int] | None:
    position = _after_space(body, position)
    if body[position : position + 1] != b":":
        return None
    match = _STRING.match(body, _after_space(body, position + 1))
    return match.span() if match else None


def _after_space(body: bytes, position: int) -> int:
    match = _SPACE.match(body, position)
    return match.end() if match else position


class ModelMirror:
    """Shows the client the model name it asked for in answers of its own protocol.

    An unescaped `"model":"…"` cannot stand inside a JSON string, so the first one of a frame is the field.
    Gemini calls it `modelVersion`.
    """

    _FIELD = re.compile(rb'("model(?:Version)?")\s*:\s*"(?:[^"\\]|\\.)*"')

    def __init__(self, shown: str) -> None:
        self._shown = b":" + dumps(shown)

    def apply(self, data: bytes) -> bytes:
        match = self._FIELD.search(data)
        if match is None:
            return data
        return data[: match.end(1)] + self._shown + data[match.end() :]
