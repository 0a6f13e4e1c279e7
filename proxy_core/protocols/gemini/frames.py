"""What a chunk is, found by looking for byte strings.

Inside JSON strings every quote is escaped, so a quoted name before a colon can only be a key. There is no frame of
its own for the end: a finish reason and then the end of the stream is the end.
"""

from __future__ import annotations

from proxy_core.protocols.contract import FrameKind
from proxy_core.wire.sse import Frame

_DONE = (b"data: [DONE]", b"data:[DONE]")
"""Never sent by Google, but by some who speak its protocol."""
_ERRORS = (b'"error":{', b'"error": {', b'"error":"', b'"error": "')
_TEXTS = ((b'"text": "', b'"text": ""'), (b'"text":"', b'"text":""'))
_NO_PARTS = (b'"parts":[]', b'"parts": []')


def classify(frame: Frame) -> FrameKind:
    raw = frame.raw
    if b'"candidates"' in raw:
        if b'"finishReason"' in raw:
            return FrameKind.FINISH
        return FrameKind.CONTENT if _has_content(raw) else FrameKind.OPENING
    if b"data:" not in raw and not is_bare_json(raw):
        return FrameKind.PING
    if raw.startswith(_DONE):
        return FrameKind.TERMINAL
    if any(mark in raw for mark in _ERRORS):
        return FrameKind.ERROR
    return FrameKind.FINISH if b'"blockReason":' in raw else FrameKind.OPENING


def is_bare_json(raw: bytes) -> bool:
    """Google sends errors in the middle of a stream, and streams without `alt=sse`, as JSON without `data:`."""
    return raw.lstrip()[:1] in (b"{", b"[")


def _has_content(raw: bytes) -> bool:
    for filled, empty in _TEXTS:
        if filled in raw and (empty not in raw or raw.count(filled) > raw.count(empty)):
            return True
    if b'"parts"' not in raw or any(mark in raw for mark in _NO_PARTS):
        return False
    return b'"text"' not in raw or b'"thoughtSignature"' in raw
