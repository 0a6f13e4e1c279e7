"""Answers in one piece. A whole answer takes the same way as a streamed one: it is unfolded into events, run through
the same stages and folded again."""

from __future__ import annotations

from collections.abc import Sequence

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.pipeline.stages import Stage, through
from proxy_core.protocols.contract import Codec, View
from proxy_core.turn.events import Event
from proxy_core.turn.fold import Folder, fold, unfold
from proxy_core.turn.reply import Reply
from proxy_core.wire.json import dumps, loads
from proxy_core.wire.sse import FrameSplitter


def translate_reply(
    body: bytes, content_type: str, upstream: Codec, client: Codec, view: View, stages: Sequence[Stage]
) -> bytes:
    """The client's body for an upstream's. Raises ParleyError when the upstream's cannot be read."""
    reply = read_reply(body, content_type, upstream)
    if stages:
        reply = fold(through(stages, unfold(reply)))
    return dumps(client.write_reply(reply, view))


def translate_reply_to_stream(
    body: bytes, content_type: str, upstream: Codec, client: Codec, view: View, stages: Sequence[Stage]
) -> list[bytes]:
    """The client's stream for an upstream that answered in one piece although a stream was asked for."""
    writer = client.stream_writer(view)
    events = through(stages, unfold(read_reply(body, content_type, upstream)))
    return [data for event in events if (data := writer.write(event))]


def read_reply(body: bytes, content_type: str, upstream: Codec) -> Reply:
    """A whole reply, also from a backend that streams whether asked to or not."""
    if content_type.startswith("text/event-stream"):
        return fold(_events(body, upstream))
    try:
        value = loads(body)
    except ValueError:
        raise _unreadable(body) from None
    if not isinstance(value, dict):
        raise _unreadable(body)
    return upstream.read_reply(value)


def _events(body: bytes, upstream: Codec) -> list[Event]:
    reader = upstream.stream_reader()
    splitter = FrameSplitter()
    frames = splitter.feed(body) + splitter.flush()
    events = [event for frame in frames for event in reader.read(frame)]
    return events + list(reader.close())


def stream_fault(body: bytes, upstream: Codec) -> Fault | None:
    """The fault in a stream that was received whole, if it failed."""
    folder = Folder()
    for event in _events(body, upstream):
        folder.add(event)
    return folder.fault


def _unreadable(body: bytes) -> ParleyError:
    start = body[:80].decode("utf-8", "replace")
    return ParleyError(Fault(FaultKind.UPSTREAM, f"The backend's answer is not the JSON it should be: {start!r}"))
