"""Answers that an observer ends."""

from __future__ import annotations

import pytest

from proxy_core.pipeline.observers import Cut
from proxy_core.pipeline.stream import TranslatedStream, UntouchedStream
from proxy_core.pipeline.whole import translate_reply, watch_reply
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import View
from proxy_core.turn.content import ProtocolName, Text
from proxy_core.turn.events import Event, TextDelta, UsageReported
from proxy_core.turn.fold import fold, unfold
from proxy_core.turn.reply import Choice, Reply, Usage
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.json import dumps
from proxy_core.wire.sse import FrameSplitter

PROTOCOLS: tuple[ProtocolName, ...] = ("openai_chat", "openai_responses", "anthropic", "gemini")


class CutsAt:
    """Ends an answer once it has seen so many characters."""

    def __init__(self, characters: int) -> None:
        self.left = characters
        self.usage: Usage | None = None

    def see(self, event: Event) -> Cut | None:
        if isinstance(event, UsageReported):
            self.usage = event.usage
        if isinstance(event, TextDelta):
            self.left -= len(event.text)
            if self.left <= 0:
                return Cut("[cut]", "test")
        return None


def view(protocol: ProtocolName) -> View:
    return View("m", ChatRequest(protocol, "m", []))


def reply() -> Reply:
    text = "".join(f"word{number} " for number in range(500))
    return Reply("id", "m", [Choice(0, [Text(text)], "stop")], Usage(input=10, output=500))


def native_stream(protocol: ProtocolName) -> bytes:
    writer = CODECS[protocol].stream_writer(view(protocol))
    events = [
        part
        for event in unfold(reply())
        for part in (
            [TextDelta(event.block, event.text[start : start + 9]) for start in range(0, len(event.text), 9)]
            if isinstance(event, TextDelta)
            else [event]
        )
    ]
    return b"".join(writer.write(event) for event in events)


def text_of(whole: Reply) -> str:
    return "".join(part.text for part in whole.choices[0].parts if isinstance(part, Text))


def read(protocol: ProtocolName, data: bytes) -> Reply:
    reader = CODECS[protocol].stream_reader()
    splitter = FrameSplitter()
    events = [event for frame in splitter.feed(data) + splitter.flush() for event in reader.read(frame)]
    return fold([*events, *reader.close()])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_untouched_stream_that_is_cut_ends_validly(protocol: ProtocolName) -> None:
    stream = UntouchedStream(CODECS[protocol], lambda: view(protocol), observers=[CutsAt(300)])
    out = b"".join(stream.feed(native_stream(protocol)))
    whole = read(protocol, out)
    assert stream.cut
    assert text_of(whole).endswith("[cut]")
    assert 300 <= len(text_of(whole)) < 330
    assert whole.choices[0].finish == "stop"


@pytest.mark.parametrize("client", PROTOCOLS)
@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_a_translated_stream_that_is_cut_ends_validly(upstream: ProtocolName, client: ProtocolName) -> None:
    stream = TranslatedStream(CODECS[upstream], CODECS[client], view(client), observers=[CutsAt(300)])
    whole = read(client, b"".join(stream.feed(native_stream(upstream))))
    assert text_of(whole).endswith("[cut]")
    assert whole.choices[0].finish == "stop"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_whole_answer_that_is_cut_tells_what_was_paid_for(protocol: ProtocolName) -> None:
    codec = CODECS[protocol]
    body = dumps(codec.write_reply(reply(), view(protocol)))
    observer = CutsAt(300)
    cut = watch_reply(body, "application/json", codec, [observer])
    assert cut is not None
    assert cut.usage
    assert cut.usage.output == 500
    assert observer.usage
    translated = translate_reply(body, "application/json", codec, codec, view(protocol), observers=[CutsAt(300)])
    assert b"[cut]" in translated
    assert b"500" in translated
