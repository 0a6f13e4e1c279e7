"""The events of a Messages stream as bytes. https://platform.claude.com/docs/en/build-with-claude/streaming"""

from __future__ import annotations

from typing import Any

from proxy_core.wire.json import dumps
from proxy_core.wire.sse import render

PING = render(b'{"type":"ping"}', "ping")
MESSAGE_STOP = render(b'{"type":"message_stop"}', "message_stop")
DELTA_END = b"}}\n\n"


def delta_start(index: int, kind: str, field: str) -> bytes:
    """What stands before the JSON of a delta's one value; `DELTA_END` follows it."""
    head = f'event: content_block_delta\ndata: {{"type":"content_block_delta","index":{index},"delta":'
    return f'{head}{{"type":"{kind}","{field}":'.encode()


def one_delta(index: int, kind: str, field: str, value: Any) -> bytes:
    return delta_start(index, kind, field) + dumps(value) + DELTA_END


def event(kind: str, **fields: Any) -> bytes:
    return render(dumps({"type": kind, **fields}), kind)


def block_start(index: int, block: dict[str, Any]) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def block_stop(index: int) -> bytes:
    return event("content_block_stop", index=index)
