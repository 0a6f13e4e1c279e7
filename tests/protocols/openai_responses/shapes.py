"""What the tests of this folder share: ways to feed the codec, and what may differ between two equal documents."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable
from typing import Any

from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import Call, View
from proxy_core.protocols.openai_responses import OPENAI_RESPONSES
from proxy_core.turn.events import Event
from proxy_core.turn.fold import fold
from proxy_core.turn.losses import Losses
from proxy_core.turn.reply import Reply
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.json import dumps, loads
from proxy_core.wire.sse import Frame, FrameSplitter, render

CALL = Call("openai_responses", "chat")


def frames(data: bytes, size: int | None = None, seed: str | None = None) -> list[Frame]:
    """`size`: bytes per portion; `seed`: portions of random sizes; neither: all at once."""
    splitter, found, position = FrameSplitter(), [], 0
    portions = random.Random(seed)
    while position < len(data):
        step = size or (portions.randint(1, 300) if seed else len(data))
        found += splitter.feed(data[position : position + step])
        position += step
    return found + splitter.flush()


def read_stream(data: bytes, size: int | None = None, seed: str | None = None) -> list[Event]:
    reader = OPENAI_RESPONSES.stream_reader()
    events = [event for frame in frames(data, size, seed) for event in reader.read(frame)]
    return [*events, *reader.close()]


def write_stream(events: Iterable[Event], view: View) -> bytes:
    writer = OPENAI_RESPONSES.stream_writer(view)
    return b"".join(writer.write(event) for event in events)


def payloads(data: bytes) -> list[dict[str, Any]]:
    """The events of a stream, comments left out."""
    return [loads(frame.data) for frame in frames(data) if frame.data]


def stream_of(*events: dict[str, Any]) -> bytes:
    numbered = ({**event, "sequence_number": number} for number, event in enumerate(events))
    return b"".join(render(dumps(event), event["type"]) for event in numbered)


def view(model: str = "asked", request: ChatRequest | None = None) -> View:
    return View(model, request or ChatRequest("openai_responses", model, []), created=1)


def read_request(body: dict[str, Any]) -> ChatRequest:
    return OPENAI_RESPONSES.read_request(copy.deepcopy(body), CALL)


def write_request(request: ChatRequest, target: Target | None = None, losses: Losses | None = None) -> dict[str, Any]:
    losses = losses if losses is not None else Losses()
    return OPENAI_RESPONSES.write_request(request, target or Target(request.model), losses).body


def replied(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A whole response with this output."""
    fixed = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5", "status": "completed"}
    return {**fixed, "output": list(output), **more}


def without_notes(reply: Reply) -> Reply:
    """Without what the reader notes for its own writer, which differs between whole and streamed replies; 0 tokens
    written to a cache are as good as none."""
    reply.extra = {}
    if reply.usage:
        reply.usage.cache_write_5m = reply.usage.cache_write_5m or None
    for choice in reply.choices:
        for part in choice.parts:
            part.extra = {key: value for key, value in part.extra.items() if not key.startswith("_")}
    return reply


def folded(data: bytes) -> Reply:
    return without_notes(fold(read_stream(data)))
