"""What a frame is, by the name that stands in its `event:` line or first in its data.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import re

from proxy_core.protocols.contract import FrameKind
from proxy_core.wire.sse import Frame

_KIND_OF_EVENT: dict[bytes, FrameKind] = {
    b"message_start": FrameKind.OPENING,
    b"content_block_start": FrameKind.OPENING,
    b"content_block_delta": FrameKind.CONTENT,
    b"content_block_stop": FrameKind.OPENING,
    b"message_delta": FrameKind.FINISH,
    b"message_stop": FrameKind.TERMINAL,
    b"error": FrameKind.ERROR,
    b"ping": FrameKind.PING,
}
_GENERATED = re.compile(rb'"content_block"\s*:\s*\{[^{}]*?"type"\s*:\s*"(?:tool_use|redacted_thinking)"')
_TYPE = re.compile(rb'"type"\s*:\s*"(%s)"' % b"|".join(_KIND_OF_EVENT))
_ERROR = re.compile(rb'\A[^\n]*data:\s*\{\s*"error"')


def classify(frame: Frame) -> FrameKind:
    """Blocks that a server tool fills are no content before they are complete; see stream_read."""
    raw = frame.raw
    if raw.startswith(b"event: content_block_delta\n"):
        return FrameKind.CONTENT
    if b"data:" not in raw:
        return FrameKind.PING
    name = _name(raw)
    if name == b"content_block_start" and _GENERATED.search(raw):
        return FrameKind.CONTENT
    if name == b"message_start" and b'"content":[{' in raw:
        return FrameKind.CONTENT
    return _KIND_OF_EVENT.get(name, FrameKind.PING)


def _name(raw: bytes) -> bytes:
    if match := _TYPE.search(raw):
        return match.group(1)
    return b"error" if _ERROR.match(raw) else b""
