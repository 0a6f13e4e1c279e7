"""A stream that is one JSON array, an element at a time: Gemini's streamGenerateContent without `alt=sse`."""

from __future__ import annotations

import re
from typing import Any

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.wire.sse import MAX_EVENT_BYTES, Frame

_TOKEN = re.compile(rb'["\\{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')


class ElementFrame(Frame):
    """An element of the array with the punctuation around it: `raw` is as it came, `data` the element's JSON."""

    def __init__(self, raw: bytes, data: bytes | None) -> None:
        super().__init__(raw)
        self.data = data


class ArraySplitter:
    """Bytes in any portions to ElementFrames, whose `raw` put together is the stream. `closed` once the array is."""

    def __init__(self, max_element_bytes: int = MAX_EVENT_BYTES) -> None:
        self.closed = False
        self._buffer = bytearray()
        self._position = 0
        self._depth = 0
        self._in_string = False
        self._element = -1
        self._max = max_element_bytes

    def feed(self, data: bytes) -> list[ElementFrame]:
        """Raises ParleyError when one element grows beyond the limit."""
        self._buffer += data
        frames = self._scan()
        if len(self._buffer) > self._max:
            raise ParleyError(Fault(FaultKind.UPSTREAM, f"The backend sent an element of over {self._max} bytes."))
        return frames

    def flush(self) -> list[ElementFrame]:
        rest, self._buffer, self._position = bytes(self._buffer), bytearray(), 0
        return [ElementFrame(rest, None)] if rest else []

    def _scan(self) -> list[ElementFrame]:
        frames: list[ElementFrame] = []
        start = 0
        while token := (_IN_STRING if self._in_string else _TOKEN).search(self._buffer, self._position):
            if token.group() == b"\\" and token.end() == len(self._buffer):
                self._position = token.start()  # what it escapes is still to come
                break
            self._position = token.end()
            if self._take(token):
                end = token.end()
                frames.append(ElementFrame(bytes(self._buffer[start:end]), bytes(self._buffer[self._element : end])))
                start, self._element = end, -1
        else:
            self._position = len(self._buffer)
        del self._buffer[:start]
        self._position -= start
        self._element -= start if self._element >= 0 else 0
        return frames

    def _take(self, token: re.Match[Any]) -> bool:
        """Whether this token ends an element."""
        match token.group():
            case b'"':
                self._in_string = not self._in_string
            case b"\\":
                self._position = token.end() + 1
            case b"{" | b"[":
                self._depth += 1
                if self._depth == 2:
                    self._element = token.start()
            case _:
                self._depth -= 1
                self.closed = self._depth <= 0
                return self._depth == 1 and self._element >= 0
        return False
