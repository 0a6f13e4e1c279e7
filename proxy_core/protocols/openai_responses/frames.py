"""What an event is, found by looking for its type's name.

Inside JSON strings every quote is escaped, and only events have types that begin with `response.`, so the first
such type of a frame is its own.
"""

from __future__ import annotations

from proxy_core.protocols.contract import FrameKind
from proxy_core.wire.sse import Frame

_TYPES = (b'"type":"response.', b'"type": "response.')
_KINDS: dict[bytes, FrameKind] = {
    b"created": FrameKind.OPENING,
    b"in_progress": FrameKind.OPENING,
    b"queued": FrameKind.OPENING,
    b"content_part.added": FrameKind.OPENING,
    b"reasoning_summary_part.added": FrameKind.OPENING,
    b"completed": FrameKind.TERMINAL,
    b"incomplete": FrameKind.TERMINAL,
    b"cancelled": FrameKind.TERMINAL,
    b"failed": FrameKind.ERROR,
}
_EMPTY_ITEMS = tuple(
    b'"type":%s"%s"' % (space, kind) for kind in (b"message", b"reasoning", b"mcp_list_tools") for space in (b"", b" ")
)
_ERRORS = (b'"type":"error"', b'"type": "error"', b'"error":{', b'"error": {')


def classify(frame: Frame) -> FrameKind:
    raw = frame.raw
    for mark in _TYPES:
        start = raw.find(mark)
        if start >= 0:
            start += len(mark)
            return _kind(raw[start : raw.find(b'"', start)], raw)
    if any(mark in raw for mark in _ERRORS):
        return FrameKind.ERROR
    return FrameKind.PING


def _kind(name: bytes, raw: bytes) -> FrameKind:
    if name.endswith(b".delta"):
        return FrameKind.CONTENT
    if name == b"output_item.added":
        return FrameKind.OPENING if any(mark in raw for mark in _EMPTY_ITEMS) else FrameKind.CONTENT
    return _KINDS.get(name, FrameKind.CONTENT)
