"""Short ways to feed the codec and to look at what comes out."""

from __future__ import annotations

import json
from typing import Any

from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.target import ModelProfile, Target
from proxy_core.protocols.contract import Call, View
from proxy_core.protocols.openai_chat import OPENAI_CHAT
from proxy_core.turn.content import Part, ProtocolName
from proxy_core.turn.events import Event
from proxy_core.turn.fold import fold
from proxy_core.turn.losses import Losses
from proxy_core.turn.reply import Reply
from proxy_core.turn.request import ChatRequest, Turn
from proxy_core.wire.sse import Frame, FrameSplitter

CALL = Call("openai_chat", "chat")


def request_of(body: dict[str, Any]) -> ChatRequest:
    return OPENAI_CHAT.read_request(body, CALL)


def asked(*messages: dict[str, Any], **fields: Any) -> ChatRequest:
    return request_of({"model": "m", "messages": list(messages), **fields})


def foreign(*turns: Turn, origin: ProtocolName = "anthropic", **fields: Any) -> ChatRequest:
    return ChatRequest(origin, "m", list(turns), **fields)


def said(role: Any, *parts: Part) -> Turn:
    return Turn(role, list(parts))


def written(
    request: ChatRequest,
    dialect: str = "openai",
    profile: ModelProfile | None = None,
    losses: Losses | None = None,
) -> dict[str, Any]:
    target = Target("m", DIALECTS[dialect], profile or ModelProfile())
    return OPENAI_CHAT.write_request(request, target, losses if losses is not None else Losses()).body


def view(request: ChatRequest | None = None, include_usage: bool = True) -> View:
    request = request or ChatRequest("openai_chat", "asked", [], include_usage=include_usage)
    return View("asked", request, created=1)


def frames(data: bytes) -> list[Frame]:
    splitter = FrameSplitter()
    return splitter.feed(data) + splitter.flush()


def events_of(data: bytes) -> list[Event]:
    reader = OPENAI_CHAT.stream_reader()
    return [event for frame in frames(data) for event in reader.read(frame)] + list(reader.close())


def chunks(*chunks: dict[str, Any] | str, done: bool = True) -> bytes:
    """A stream of chunks; a string stands for a comment."""
    out = "".join(f": {c}\n\n" if isinstance(c, str) else f"data: {json.dumps(c)}\n\n" for c in chunks)
    return (out + "data: [DONE]\n\n" * done).encode()


def chunk(
    delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **beside: Any
) -> dict[str, Any]:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m1", "choices": [choice], **beside}


def call_delta(**call: Any) -> dict[str, Any]:
    """`arguments` and `name` are put where they belong."""
    function = {key: call.pop(key) for key in ("name", "arguments") if key in call}
    return {"tool_calls": [{**call, "function": function}]}


def reply_of(data: bytes) -> Reply:
    return fold(events_of(data))


def stream_of(events: list[Event], into: View | None = None) -> bytes:
    writer = OPENAI_CHAT.stream_writer(into or view())
    return b"".join(writer.write(event) for event in events)


def payloads(data: bytes) -> list[Any]:
    """The JSON of every data line but [DONE]."""
    found = [frame.data for frame in frames(data)]
    return [json.loads(data) for data in found if data and data != b"[DONE]"]
