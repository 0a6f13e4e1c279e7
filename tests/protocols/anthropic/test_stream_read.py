from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.protocols.anthropic.frames import classify
from proxy_core.protocols.anthropic.stream_read import AnthropicReader
from proxy_core.protocols.contract import FrameKind
from proxy_core.turn.content import Opaque, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    ExtraDelta,
    Failed,
    Finished,
    Ping,
    SealDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    Unknown,
    UsageReported,
)
from proxy_core.turn.fold import fold
from proxy_core.wire.sse import Frame, FrameSplitter
from tests.protocols.anthropic.streams import (
    MESSAGE_STOP,
    block_start,
    block_stop,
    delta,
    message_delta,
    message_start,
    random_cuts,
    read,
    sse,
)
from tests.recordings import Recording, cases

_GENERATED = (TextDelta, ThinkingDelta, ArgumentsDelta, SealDelta, ExtraDelta)


def _stream(*middle: dict[str, Any], stop_reason: str = "end_turn") -> bytes:
    return sse(message_start(), *middle, message_delta(stop_reason), MESSAGE_STOP)


def test_text_thinking_and_tool_call():
    stream = _stream(
        block_start(0, type="thinking", thinking="", signature=""),
        {"type": "ping"},
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "signature_delta", signature="c2ln"),
        block_stop(0),
        block_start(1, type="text", text=""),
        delta(1, "text_delta", text="Let me "),
        delta(1, "text_delta", text="look."),
        block_stop(1),
        block_start(2, type="tool_use", id="toolu_1", name="ls", input={}),
        delta(2, "input_json_delta", partial_json=""),
        delta(2, "input_json_delta", partial_json='{"path": '),
        delta(2, "input_json_delta", partial_json='"."}'),
        block_stop(2),
        stop_reason="tool_use",
    )
    reply = fold(read(stream))
    assert reply.choices[0].parts == [
        Thinking("Hm", Seal("anthropic", "c2ln")),
        Text("Let me look."),
        ToolCall("toolu_1", "ls", '{"path": "."}'),
    ]
    assert (reply.choices[0].finish, reply.choices[0].raw_finish) == ("tool_calls", "tool_use")
    assert reply.usage
    assert (reply.usage.input, reply.usage.output) == (5, 7)
    assert (reply.id, reply.model, reply.origin) == ("msg_1", "claude", "anthropic")


@pytest.mark.parametrize("recording", cases("messages", stream=True))
def test_any_split_gives_the_same_events(recording: Recording):
    stream = recording.stream
    whole = read(stream)
    assert isinstance(whole[-1], Ended | Failed)
    assert sum(isinstance(event, Ended | Failed) for event in whole) == 1
    assert not any(isinstance(event, Unknown) for event in whole)
    for seed in range(3):
        assert read(stream, random_cuts(stream, seed)) == whole
    if len(stream) < 20_000:
        assert read(stream, range(1, len(stream))) == whole


@pytest.mark.parametrize("recording", cases("messages", stream=True))
def test_classify_agrees_with_the_reader(recording: Recording):
    reader = AnthropicReader()
    for frame in FrameSplitter().feed(recording.stream):
        kind, events = classify(frame), list(reader.read(frame))
        if isinstance(events[-1], Failed):  # a second answer began
            return
        assert (kind is FrameKind.TERMINAL) == isinstance(events[-1], Ended)
        if kind is FrameKind.TERMINAL:
            return
        match kind:
            case FrameKind.CONTENT:
                assert any(_is_content(event) for event in events) or events == [Ping()]  # a server tool's input
            case FrameKind.FINISH:
                assert any(isinstance(event, Finished) for event in events)
            case FrameKind.PING:
                assert events == [Ping()]
            case _:
                assert kind is FrameKind.OPENING
                ends_block = isinstance(events[-1], BlockEnded)  # what was held comes with the end
                assert ends_block or not any(_is_content(event) for event in events)


def _is_content(event: Any) -> bool:
    if isinstance(event, BlockStarted):
        return not (isinstance(event.part, Text | Thinking) and not event.part.text and event.part.seal is None)
    return isinstance(event, _GENERATED)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"event: ping\ndata: {}\n\n", FrameKind.PING),
        (b": comment\n\n", FrameKind.PING),
        (b'event:message_stop\ndata:{"type":"message_stop"}\n\n', FrameKind.TERMINAL),
        (b'data: {"type": "content_block_delta", "index": 0}\n\n', FrameKind.CONTENT),
        (b'event: error\r\ndata: {"type":"error","error":{"type":"overloaded_error"}}\r\n\r\n', FrameKind.ERROR),
        (b'data: {"error":{"message":"no"}}\n\n', FrameKind.ERROR),
        (b'event: thing_of_tomorrow\ndata: {"type":"thing_of_tomorrow"}\n\n', FrameKind.PING),
        (
            b'data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a"}}\n\n',
            FrameKind.CONTENT,
        ),
        (
            b'data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}\n\n',
            FrameKind.OPENING,
        ),
    ],
)
def test_classify_looks_at_any_framing(raw: bytes, kind: FrameKind):
    assert classify(Frame(raw)) is kind


def test_a_server_tool_comes_whole_with_its_streamed_input():
    stream = _stream(
        block_start(0, type="server_tool_use", id="srvtoolu_1", name="web_search", input={}),
        delta(0, "input_json_delta", partial_json='{"query":'),
        delta(0, "input_json_delta", partial_json='"x"}'),
        block_stop(0),
        block_start(1, type="compaction", content=None),
        delta(1, "compaction_delta", content="so far", encrypted_content="e"),
        block_stop(1),
    )
    first, second = fold(read(stream)).choices[0].parts
    assert isinstance(first, Opaque)
    assert first.raw["input"] == {"query": "x"}
    assert isinstance(second, Opaque)
    assert second.raw == {"type": "compaction", "content": "so far", "encrypted_content": "e"}


def test_input_that_came_whole_is_replaced_by_deltas():
    started = block_start(0, type="tool_use", id="a", name="f", input={"x": 1})
    assert fold(read(_stream(started, block_stop(0)))).choices[0].parts == [ToolCall("a", "f", '{"x":1}')]
    deltas = (delta(0, "input_json_delta", partial_json=""), delta(0, "input_json_delta", partial_json='{"x": 1}'))
    assert fold(read(_stream(started, *deltas, block_stop(0)))).choices[0].parts == [ToolCall("a", "f", '{"x": 1}')]


def test_a_message_may_come_whole_in_its_start():
    start = message_start(
        content=[{"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}],
        stop_reason="tool_use",
        container={"id": "c"},
    )
    reply = fold(read(sse(start, MESSAGE_STOP)))
    assert reply.choices[0].parts == [ToolCall("a", "f", '{"x":1}')]
    assert (reply.choices[0].finish, reply.extra) == ("tool_calls", {"container": {"id": "c"}})


def test_citations_are_collected():
    stream = _stream(
        block_start(0, type="text", text="", citations=[]),
        delta(0, "citations_delta", citation={"n": 1}),
        delta(0, "text_delta", text="so"),
        delta(0, "citations_delta", citation={"n": 2}),
        block_stop(0),
    )
    assert fold(read(stream)).choices[0].parts == [Text("so", extra={"citations": [{"n": 1}, {"n": 2}]})]


def test_t10_interleaved_blocks_keep_their_deltas():
    stream = _stream(
        block_start(0, type="tool_use", id="a", name="f", input={}),
        block_start(1, type="tool_use", id="b", name="f", input={}),
        delta(0, "input_json_delta", partial_json='{"x":1}'),
        delta(1, "input_json_delta", partial_json='{"x":2}'),
        block_stop(1),
        block_stop(0),
    )
    assert fold(read(stream)).choices[0].parts == [ToolCall("a", "f", '{"x":1}'), ToolCall("b", "f", '{"x":2}')]


def test_a_delta_without_a_start_opens_its_block():
    assert fold(read(_stream(delta(0, "text_delta", text="hi")))).choices[0].parts == [Text("hi")]


def test_usage_of_the_end_keeps_the_shares_of_the_start():
    shares = {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}
    usage = {"input_tokens": 3, "output_tokens": 1, "cache_creation_input_tokens": 30, "cache_creation": shares}
    end = message_delta("end_turn", input_tokens=3, cache_creation_input_tokens=30, cache_read_input_tokens=4)
    counted = fold(read(sse(message_start(usage=usage), end, MESSAGE_STOP))).usage
    assert counted
    assert (counted.cache_write_5m, counted.cache_write_1h, counted.cache_read) == (10, 20, 4)


def test_refusal_keeps_its_details():
    end = message_delta("refusal")
    end["delta"]["stop_details"] = {"type": "refusal", "category": "cyber"}
    choice = fold(read(sse(message_start(), end, MESSAGE_STOP))).choices[0]
    assert choice.finish == "refusal"
    assert choice.extra == {"stop_details": {"type": "refusal", "category": "cyber"}}


def test_t66_clean_end_without_message_stop_is_a_fault():
    events = read(sse(message_start(), message_delta("end_turn")))
    assert isinstance(events[-1], Failed)
    assert events[-1].fault.kind is FaultKind.CUT


def test_t63_error_as_first_event():
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    (event,) = read(sse(error))
    assert isinstance(event, Failed)
    assert (event.fault.kind, event.fault.http_status, event.fault.raw_type) == (
        FaultKind.OVERLOADED,
        529,
        "overloaded_error",
    )


def test_nothing_comes_after_the_end():
    assert isinstance(read(sse(message_start(), MESSAGE_STOP, message_start(id="msg_2")))[-1], Ended)


def test_a_second_answer_in_the_stream_is_a_cut_but_a_repeated_start_is_not():
    with pytest.raises(ParleyError) as raised:
        fold(read(sse(message_start(), message_start(id="msg_2"), message_delta("end_turn"), MESSAGE_STOP)))
    assert raised.value.fault.kind is FaultKind.CUT
    events = read(sse(message_start(), message_start(), message_delta("end_turn"), MESSAGE_STOP))
    assert [type(event) for event in events] == [Started, UsageReported, Finished, Ended]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"{", "JSON"),
        (b"[1]", "'data' must be an object"),
        (b'{"type":"content_block_delta","index":[0],"delta":{}}', "'index'"),
        (b'{"type":"content_block_delta","index":0,"delta":3}', "'delta'"),
        (b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":5}}', "'delta.text'"),
        (b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":4}}', "content_block.id"),
    ],
)
def test_a_wrong_event_is_the_backends_fault(data: bytes, named: str):
    reader = AnthropicReader()
    events = list(reader.read(Frame(b"data: " + data + b"\n\n")))
    assert isinstance(events[-1], Failed)
    assert events[-1].fault.kind is FaultKind.UPSTREAM
    assert named in events[-1].fault.message
    assert list(reader.close()) == []


def test_events_of_tomorrow_are_kept():
    stream = sse(message_start(), {"type": "news", "x": 1}, message_delta("end_turn"), MESSAGE_STOP)
    assert Unknown("anthropic", "news", {"type": "news", "x": 1}) in read(stream)
