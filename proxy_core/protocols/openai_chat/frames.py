"""What a chunk is, found by looking for byte strings.

Inside JSON strings every quote is escaped, so a quoted key can only be found where it is a key.
"""

from __future__ import annotations

from proxy_core.protocols.contract import FrameKind
from proxy_core.wire.sse import Frame

_DONE = (b"data: [DONE]", b"data:[DONE]")
_ERRORS = (b'"error":{', b'"error": {', b'"error":"', b'"error": "', b'"object":"error"', b'"object": "error"')
_TEXTS = (b"content", b"reasoning_content", b"reasoning", b"refusal")
_FILLED = tuple((b'"%s":"' % key, b'"%s":""' % key) for key in _TEXTS) + tuple(
    (b'"%s": "' % key, b'"%s": ""' % key) for key in _TEXTS
)
_LIST_KEYS = (b"content", b"tool_calls", b"reasoning_details", b"images")
_LISTS = (
    *(b'"%s":[{' % key for key in _LIST_KEYS),
    *(b'"%s": [{' % key for key in _LIST_KEYS),
    b'"function_call":{',
    b'"function_call": {',
)
_FINISHES = ((b'"finish_reason":"', b'"finish_reason":""'), (b'"finish_reason": "', b'"finish_reason": ""'))
_USAGES = (b'"usage":{', b'"usage": {')


def classify(frame: Frame) -> FrameKind:
    """A chunk that holds both content and the finish reason counts as the finish."""
    raw = frame.raw
    if b"data:" not in raw:
        return FrameKind.PING
    if raw.startswith(_DONE):
        return FrameKind.TERMINAL
    if b'"error"' in raw and any(mark in raw for mark in _ERRORS) and not _is_filter_error(raw):
        return FrameKind.ERROR
    if _is_filled(raw, _FINISHES):
        return FrameKind.FINISH
    if _is_content(raw):
        return FrameKind.CONTENT
    return FrameKind.FINISH if any(mark in raw for mark in _USAGES) else FrameKind.OPENING


def _is_filter_error(raw: bytes) -> bool:
    """Azure's filter may fail without harm to the answer: the error then stands beside the choice's content."""
    return b'"content_filter_result' in raw and (b'"choices":[{' in raw or b'"choices": [{' in raw)


def _is_content(raw: bytes) -> bool:
    return _is_filled(raw, _FILLED) or any(mark in raw for mark in _LISTS)


def _is_filled(raw: bytes, marks: tuple[tuple[bytes, bytes], ...]) -> bool:
    return any(opening in raw and empty not in raw for opening, empty in marks)
