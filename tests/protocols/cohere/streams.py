"""Cohere's streams, and what is read out of them."""

from __future__ import annotations

import json
from typing import Any

from proxy_core.protocols.cohere import COHERE
from proxy_core.turn.events import Event
from proxy_core.wire.sse import FrameSplitter

START = {"id": "r-1", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}


def event(kind: str, index: int | None = None, **message: Any) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {"type": kind, **place, **({"delta": {"message": message}} if message else {})}


def text(piece: str, index: int = 0) -> dict[str, Any]:
    return event("content-delta", index, content={"text": piece})


def thought(piece: str, index: int = 0) -> dict[str, Any]:
    return event("content-delta", index, content={"thinking": piece})


def begun(kind: str, index: int = 0) -> dict[str, Any]:
    return event("content-start", index, content={"type": kind, kind: ""})


def call(index: int, name: str, *pieces: str) -> list[dict[str, Any]]:
    start = {"id": f"{name}_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    return [
        event("tool-call-start", index, tool_calls=start),
        *(event("tool-call-delta", index, tool_calls={"function": {"arguments": piece}}) for piece in pieces),
        event("tool-call-end", index),
    ]


def end(reason: str = "COMPLETE", **more: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, **more}}


def written(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


def read(data: bytes, portions: list[bytes] | None = None) -> list[Event]:
    """All events, also of a stream that comes in portions."""
    splitter, reader = FrameSplitter(), COHERE.stream_reader()
    frames = [frame for portion in portions or [data] for frame in splitter.feed(portion)] + splitter.flush()
    events = [event for frame in frames for event in reader.read(frame)]
    return [*events, *reader.close()]
