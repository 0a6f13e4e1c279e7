"""Changes to native JSON that leave every other byte alone: prompt caches, signatures and unknown fields survive."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Protocol

from proxy_core.wire.json import dumps

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_SPACE = re.compile(rb"[ \t\r\n]*")


def _nothing(value: object) -> None:
    """Only where a value ends matters."""


_SCANNER = json.JSONDecoder(
    object_pairs_hook=_nothing, parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing, strict=False
)


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
    first = _string_after_key(body, wanted, 0)
    if first is None or _string_after_key(body, wanted, first[1]) is None:
        return [first] if first else []  # quotes inside a string are escaped, so a lone one is a key; usually there is
    return list(_walked(body.decode("latin-1"), wanted.decode("latin-1")))


def _string_after_key(body: bytes, wanted: bytes, position: int) -> tuple[int, int] | None:
    """The first string behind `wanted` and a colon, at any depth."""
    while (found := body.find(wanted, position)) >= 0:
        position = found + len(wanted)
        if span := _string_after_colon(body, position):
            return span
    return None


def _walked(text: str, wanted: str) -> Iterator[tuple[int, int]]:
    """Member after member, values being read over in C. `text` has a character for each byte."""
    position = _behind(text, text.index("{") + 1)
    while text[position] != "}":
        key_end = _SCANNER.raw_decode(text, position)[1]
        start = _behind(text, _behind(text, key_end) + 1)
        end = _SCANNER.raw_decode(text, start)[1]
        if text[position:key_end] == wanted and text[start] == '"':
            yield start, end
        position = _behind(text, end)
        if text[position] == ",":
            position = _behind(text, position + 1)


def _behind(text: str, position: int) -> int:
    """Where the white space ends that begins at `position`, if any does."""
    while text[position] in " \t\r\n":
        position += 1
    return position


def _string_after_colon(body: bytes, position: int) -> tuple[int, int] | None:
    position = _after_space(body, position)
    if body[position : position + 1] != b":":
        return None
    match = _STRING.match(body, _after_space(body, position + 1))
    return match.span() if match else None


def _after_space(body: bytes, position: int) -> int:
    match = _SPACE.match(body, position)
    return match.end() if match else position


class Mirror(Protocol):
    """Retouches an answer that passes: a whole body, or one frame after the other."""

    def apply(self, data: bytes) -> bytes: ...


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
