"""Frames that differ from the one before in nothing but a text: recognised by their bytes, without parsing JSON.

Nearly every frame of a stream is of this kind, and parsing it costs ten times as much as comparing it.
"""

from __future__ import annotations

_PADDING = b'"obfuscation":"'
"""A field of random length beside the text, which says nothing: https://platform.openai.com/docs/api-reference/chat-streaming"""


class TextTemplate:
    """Learns from a frame that was parsed, and holds until the first frame that is different."""

    __slots__ = ("_head", "_padding_end", "_start", "_tail")

    def __init__(self) -> None:
        self._head: bytes | None = None
        self._start = 0
        self._tail = b""
        self._padding_end: bytes | None = None

    def learn(self, raw: bytes, text: str) -> None:
        """`text` is what was parsed out of `raw`. Without escapes, a string that stands there once is the text."""
        literal = b'"%s"' % text.encode("utf-8", "replace")
        place = raw.find(literal)
        if place < 0 or b"\\" in raw or raw.find(literal, place + 1) >= 0 or not _is_plain(text):
            return
        self._head, self._start = raw[: place + 1], place + 1
        tail = raw[place + len(literal) - 1 :]
        before, found, after = tail.partition(_PADDING)
        self._tail = before + found
        self._padding_end = after[after.find(b'"') :] if found else None

    def text_of(self, raw: bytes) -> str | None:
        """The text of a frame of the learned form. Of any other None, and what was learned is forgotten."""
        head = self._head
        if head is None:
            return None
        if raw.startswith(head):
            end = raw.find(b'"', self._start)
            if end > self._start and self._ends(raw, end):
                text = _decoded(raw[self._start : end])
                if text is not None:
                    return text
        self._head = None
        return None

    def _ends(self, raw: bytes, end: int) -> bool:
        if self._padding_end is None:
            return raw[end:] == self._tail
        return (
            raw.startswith(self._tail, end)
            and raw.find(b'"', end + len(self._tail)) == len(raw) - len(self._padding_end)
            and raw.endswith(self._padding_end)
        )


def _decoded(literal: bytes) -> str | None:
    if b"\\" in literal:
        return None
    try:
        text = literal.decode()
    except UnicodeDecodeError:
        return None
    return text if _is_plain(text) else None


def _is_plain(text: str) -> bool:
    """Control characters are no JSON unescaped; what they do is the parser's to say."""
    return text.isprintable()
