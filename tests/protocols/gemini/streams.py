"""What the tests of Gemini's streams share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from proxy_core.protocols.contract import Framing, View
from proxy_core.protocols.gemini.stream_read import GeminiReader
from proxy_core.protocols.gemini.stream_write import GeminiWriter
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.events import Event, Started
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.json import dumps, loads
from proxy_core.wire.sse import Frame, FrameSplitter


def view(model: str = "asked", framing: Framing = "sse") -> View:
    return View(model=model, request=ChatRequest("gemini", model, []), framing=framing)


def sse(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + dumps(chunk) + b"\r\n\r\n" for chunk in chunks)


def chunk(*parts: dict[str, Any], **candidate: Any) -> dict[str, Any]:
    content = {"content": {"parts": list(parts), "role": "model"}} if parts else {}
    return {"candidates": [{**content, "index": 0, **candidate}], "modelVersion": "gemini-x", "responseId": "r"}


def frames(portions: Iterable[bytes]) -> list[Frame]:
    splitter = FrameSplitter()
    return [frame for data in portions for frame in splitter.feed(data)] + splitter.flush()


def read(*portions: bytes) -> list[Event]:
    reader = GeminiReader()
    events = [event for frame in frames(portions) for event in reader.read(frame)]
    return [*events, *reader.close()]


def written(events: Iterable[Event], shown: View | None = None) -> list[bytes]:
    writer = GeminiWriter(shown or view())
    return [data for event in events if (data := writer.write(event))]


def chunks_of(events: Iterable[Event], shown: View | None = None) -> list[dict[str, Any]]:
    """The JSON of every frame that a Gemini client gets."""
    return [loads(frame.data) for frame in frames(written(events, shown)) if frame.data is not None]


def counted(usage: dict[str, Any]) -> dict[str, Any]:
    """A usage without zeros, which JSON of protocol buffers leaves out at will."""
    return {name: count for name, count in usage.items() if count != 0}


def parts_of(chunks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for chunk in chunks for candidate in chunk["candidates"] for part in candidate["content"]["parts"]]


def started(origin: ProtocolName = "openai_chat") -> Started:
    return Started("reply-1", "model-1", origin=origin)
