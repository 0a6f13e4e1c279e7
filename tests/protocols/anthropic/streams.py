"""Streams for tests, as the vendor sends them and as clients read them."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable
from typing import Any

from proxy_core.protocols.anthropic.stream_read import AnthropicReader
from proxy_core.protocols.anthropic.stream_write import AnthropicWriter
from proxy_core.protocols.contract import View
from proxy_core.turn.events import Event
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.sse import FrameSplitter


def view(model: str = "asked-for") -> View:
    return View(model, ChatRequest("anthropic", model, []))


def sse(*payloads: dict[str, Any]) -> bytes:
    return b"".join(f"event: {p['type']}\ndata: {json.dumps(p)}\n\n".encode() for p in payloads)


def message_start(**fields: Any) -> dict[str, Any]:
    usage = {"input_tokens": 5, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [], "usage": usage}
    return {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, **fields}}


def block_start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def block_stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def message_delta(stop_reason: str, **usage: int) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason, "stop_sequence": None},
        "usage": {"output_tokens": 7, **usage},
    }


MESSAGE_STOP = {"type": "message_stop"}


def read(stream: bytes, cuts: Iterable[int] = ()) -> list[Event]:
    """The events of a stream that arrives cut at the given places."""
    reader, splitter = AnthropicReader(), FrameSplitter()
    places = [0, *sorted(cuts), len(stream)]
    events: list[Event] = []
    for start, end in itertools.pairwise(places):
        for frame in splitter.feed(stream[start:end]):
            events += reader.read(frame)
    for frame in splitter.flush():
        events += reader.read(frame)
    return [*events, *reader.close()]


def random_cuts(stream: bytes, seed: int) -> list[int]:
    chance = random.Random(seed)
    return [chance.randrange(len(stream) + 1) for _ in range(len(stream) // 50 + 3)]


def write(events: Iterable[Event], shown: View | None = None) -> bytes:
    writer = AnthropicWriter(shown or view())
    return b"".join([writer.write(event) for event in events])


def payloads(stream: bytes) -> list[dict[str, Any]]:
    """The data of every event, each checked to be named as its `event:` line says."""
    found = []
    for frame in FrameSplitter().feed(stream):
        payload = json.loads(frame.data or b"")
        assert frame.event == payload["type"]
        found.append(payload)
    return found


def content_of(stream: bytes) -> list[dict[str, Any]]:
    """The content blocks as a client puts them together; fails where a delta has no open block of its kind."""
    blocks: list[dict[str, Any]] = []
    open_index: int | None = None
    for payload in payloads(stream):
        match payload:
            case {"type": "content_block_start", "index": index, "content_block": block}:
                assert open_index is None
                assert index == len(blocks)
                open_index = index
                blocks.append({**block, "_json": ""})
            case {"type": "content_block_delta", "index": index, "delta": change}:
                assert index == open_index
                _apply(blocks[index], change)
            case {"type": "content_block_stop", "index": index}:
                assert index == open_index
                open_index = None
    assert open_index is None
    return [_finished(block) for block in blocks]


_FIELD_OF_DELTA = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
}


def _apply(block: dict[str, Any], change: dict[str, Any]) -> None:
    kind = change["type"]
    if kind == "input_json_delta":
        assert "input" in block
        block["_json"] += change["partial_json"]
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), change["citation"]]
    else:
        block_type, field = _FIELD_OF_DELTA[kind]
        assert block["type"] == block_type
        block[field] += change[field]


def _finished(block: dict[str, Any]) -> dict[str, Any]:
    text = block.pop("_json")
    return {**block, "input": json.loads(text)} if text else block
