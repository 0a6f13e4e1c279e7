"""Server-sent events, split without losing a byte.

A Frame keeps the exact bytes it came from, so writing frames back reproduces the stream.
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from proxy_core.errors import Fault, FaultKind, ParleyError

_BOUNDARY = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
MAX_EVENT_BYTES = 64 * 1024 * 1024


@dataclass
class Frame:
    """One event or comment block, with the blank line that ends it (missing only at the end of a cut stream)."""

    raw: bytes

    @cached_property
    def data(self) -> bytes | None:
        """The joined `data:` lines; None when there are none (a comment, a bare `event:` line)."""
        usual = _usual_data(self.raw)
        if usual is not None:
            return usual
        values = [value for name, value in self._fields if name == b"data"]
        return b"\n".join(values) if values else None

    @cached_property
    def event(self) -> str | None:
        for name, value in self._fields:
            if name == b"event":
                return value.decode("utf-8", "replace")
        return None

    @cached_property
    def is_comment(self) -> bool:
        return not self._fields

    @cached_property
    def _fields(self) -> list[tuple[bytes, bytes]]:
        fields = []
        for line in _LINE.split(self.raw.removeprefix(_BOM)):
            if not line or line.startswith(b":"):
                continue
            name, _, value = line.partition(b":")
            fields.append((name, value[1:] if value.startswith(b" ") else value))
        return fields


class FrameSplitter:
    """Bytes in any portions to Frames. `feed` returns the frames that are complete; `flush` what is left."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._max = max_event_bytes

    def feed(self, data: bytes) -> list[Frame]:
        """Raises ParleyError when one event grows beyond the limit."""
        if not self._pieces and _is_one_event(data):
            return [Frame(data)]
        frames = self._split(data) if self._may_end(data) else self._keep(data)
        if self._size > self._max:
            raise ParleyError(Fault(FaultKind.UPSTREAM, f"The backend sent an event of over {self._max} bytes."))
        return frames

    def flush(self) -> list[Frame]:
        rest = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return [Frame(rest)] if rest else []

    def _may_end(self, data: bytes) -> bool:
        """Whether some event ends in `data`: only then the pieces are put together, which takes time."""
        if not self._pieces:
            return True
        last = b"".join(self._pieces[-3:])[-3:] + data
        return b"\n\n" in last if b"\r" not in last else _BOUNDARY.search(last) is not None

    def _keep(self, data: bytes) -> list[Frame]:
        if data:
            self._pieces.append(data)
            self._size += len(data)
        return []

    def _split(self, data: bytes) -> list[Frame]:
        buffer = b"".join((*self._pieces, data)) if self._pieces else data
        frames: list[Frame] = []
        start = 0
        for end in _ends(buffer, max(0, self._size - 3)):
            frames.append(Frame(buffer[start:end]))
            start = end
        rest = buffer[start:]
        self._pieces, self._size = [rest] if rest else [], len(rest)
        return frames


def _usual_data(raw: bytes) -> bytes | None:
    """The data of nearly every event there is: one `data:` line, perhaps an `event:` line before it."""
    if b"\r" in raw or not raw.endswith(b"\n\n"):
        return None
    start = raw.find(b"\n") + 1 if raw.startswith(b"event:") else 0
    if raw.startswith(b"data: ", start) and raw.find(b"\n", start) == len(raw) - 2:
        return raw[start + 6 : -2]
    return None


def _is_one_event(data: bytes) -> bool:
    """How tokens come from a provider that generates them one by one."""
    return data.endswith(b"\n\n") and data.find(b"\n\n") == len(data) - 2 and b"\r" not in data


def _ends(buffer: bytes, start: int) -> Iterator[int]:
    """Where events end, from `start` on."""
    if b"\r" not in buffer:
        while (found := buffer.find(b"\n\n", start)) >= 0:
            start = found + 2
            yield start
        return
    for match in _BOUNDARY.finditer(buffer, start):
        if match.end() == len(buffer) and match.group().endswith(b"\r"):
            return  # the second half of a CRLF may be still to come
        yield match.end()


def render(data: bytes, event: str | None = None) -> bytes:
    """One event as bytes; `data` must hold no line break (JSON never does)."""
    if event is None:
        return b"data: " + data + b"\n\n"
    return b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"
