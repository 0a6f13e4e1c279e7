"""Answers in one piece. A whole answer takes the same way as a streamed one: it is unfolded into events, run through
the same stages and folded again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.pipeline.observers import Cut, Observer, Outline, first_cut
from proxy_core.pipeline.stages import Stage, through
from proxy_core.protocols.contract import BackendCodec, Codec, StreamWriter, View
from proxy_core.turn.events import Event, TextDelta, ThinkingDelta, UsageReported
from proxy_core.turn.fold import fold, unfold
from proxy_core.turn.reply import Reply
from proxy_core.wire.json import dumps, loads
from proxy_core.wire.sse import FrameSplitter

_PORTION = 200


def translate_reply(
    body: bytes,
    content_type: str,
    upstream: BackendCodec,
    client: Codec,
    view: View,
    stages: Sequence[Stage] = (),
    observers: Sequence[Observer] = (),
) -> bytes:
    """The client's body for an upstream's. Raises ParleyError when the upstream's cannot be read."""
    events = _answer(read_reply(body, content_type, upstream), client, stages, observers)
    return dumps(client.write_reply(fold(events), view))


def translate_reply_to_stream(
    body: bytes,
    content_type: str,
    upstream: BackendCodec,
    client: Codec,
    view: View,
    stages: Sequence[Stage] = (),
    observers: Sequence[Observer] = (),
    writer: StreamWriter | None = None,
) -> list[bytes]:
    """The client's stream for an upstream that answered in one piece although a stream was asked for. `writer` has
    begun that stream, should it be one."""
    writer = writer or client.stream_writer(view)
    events = _answer(read_reply(body, content_type, upstream), client, stages, observers)
    return [data for event in events if (data := writer.write(event))]


def watch_reply(body: bytes, content_type: str, codec: Codec, observers: Sequence[Observer]) -> Reply | None:
    """Has the observers see a reply that passes untouched. The reply to give instead, when they cut it."""
    kept, cut = _watched(unfold(read_reply(body, content_type, codec)), codec, observers)
    return fold(kept) if cut else None


def _answer(reply: Reply, client: Codec, stages: Sequence[Stage], observers: Sequence[Observer]) -> Iterable[Event]:
    events = through(stages, unfold(reply))
    return _watched(events, client, observers)[0] if observers else events


def _watched(events: Iterable[Event], client: Codec, observers: Sequence[Observer]) -> tuple[list[Event], bool]:
    """What was paid for is told also of an answer that is cut, since it had come whole."""
    kept: list[Event] = []
    passing = iter(_in_pieces(events))
    for event in passing:
        kept.append(event)
        if cut := first_cut(observers, event):
            usage = [late for late in passing if isinstance(late, UsageReported)]
            for late in usage:
                first_cut(observers, late)
            *ending, ended = _ending(kept, cut, client)
            return [*kept, *ending, *usage, ended], True
    return kept, False


def _ending(kept: Sequence[Event], cut: Cut, client: Codec) -> list[Event]:
    outline = Outline(client.name)
    for event in kept:
        outline.see(event)
    return outline.ending(cut.notice)


def _in_pieces(events: Iterable[Event]) -> Iterator[Event]:
    """Long texts in portions, as a stream would bring them: an observer can cut only between events."""
    for event in events:
        if isinstance(event, TextDelta | ThinkingDelta) and len(event.text) > _PORTION:
            first, rest = event.text[:_PORTION], event.text[_PORTION:]
            yield replace(event, text=first)
            for start in range(0, len(rest), _PORTION):
                yield type(event)(event.block, rest[start : start + _PORTION])
        else:
            yield event


def read_reply(body: bytes, content_type: str, upstream: BackendCodec) -> Reply:
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


def _events(body: bytes, upstream: BackendCodec) -> list[Event]:
    reader = upstream.stream_reader()
    splitter = FrameSplitter()
    frames = splitter.feed(body) + splitter.flush()
    events = [event for frame in frames for event in reader.read(frame)]
    return events + list(reader.close())


def _unreadable(body: bytes) -> ParleyError:
    start = body[:80].decode("utf-8", "replace")
    return ParleyError(Fault(FaultKind.UPSTREAM, f"The backend's answer is not the JSON it should be: {start!r}"))
