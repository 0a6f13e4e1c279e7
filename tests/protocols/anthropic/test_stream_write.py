from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.anthropic.content_read import with_carried_seals
from proxy_core.protocols.anthropic.stream_write import AnthropicWriter
from proxy_core.protocols.anthropic.usage import write_usage
from proxy_core.protocols.contract import View
from proxy_core.turn.content import Media, Opaque, Part, Refusal, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
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
from proxy_core.turn.reply import FinishReason, Reply, Usage
from proxy_core.turn.seals import FOREIGN_MARK, sealed_for
from tests.protocols.anthropic.streams import content_of, payloads, read, view, write
from tests.recordings import Recording, cases

_STARTED = Started("chatcmpl-1", "gpt", origin="openai_chat")
_GEMINI = Started("r", "gemini", origin="gemini")
_SEAL = Seal("gemini", "c2lnbmF0dXJl")


def _call(block: int, call: ToolCall, *arguments: str) -> list[Event]:
    deltas = [ArgumentsDelta(block, text) for text in arguments]
    return [BlockStarted(block, call), *deltas, BlockEnded(block)]


def _said(block: int, *texts: str) -> list[Event]:
    return [BlockStarted(block, Text("")), *(TextDelta(block, text) for text in texts), BlockEnded(block)]


def _stop_reason(stream: bytes) -> str:
    (end,) = [payload for payload in payloads(stream) if payload["type"] == "message_delta"]
    return end["delta"]["stop_reason"]


def test_golden_stream():
    stream = write(
        [
            _STARTED,
            BlockStarted(0, Text("")),
            Ping(),
            TextDelta(0, "Hé"),
            TextDelta(0, 'l"lo'),
            BlockEnded(0),
            Finished("stop", "stop"),
            UsageReported(Usage(input=10, cache_read=4, output=3, reasoning=1)),
            Ended(),
        ]
    )
    shares = '"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}'
    usage = f'"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,{shares},"output_tokens":0'
    final = '"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":3'
    expected = [
        ("message_start", '"message":{"id":"chatcmpl-1","type":"message","role":"assistant","model":"asked-for",'
         f'"content":[],"stop_reason":null,"stop_sequence":null,"usage":{{{usage}}}}}'),
        ("ping", ""),
        ("content_block_start", '"index":0,"content_block":{"type":"text","text":""}'),
        ("content_block_delta", '"index":0,"delta":{"type":"text_delta","text":"Hé"}'),
        ("content_block_delta", '"index":0,"delta":{"type":"text_delta","text":"l\\"lo"}'),
        ("content_block_stop", '"index":0'),
        ("message_delta", '"delta":{"stop_reason":"end_turn","stop_sequence":null},'
         f'"usage":{{{final},"output_tokens_details":{{"thinking_tokens":1}}}}'),
        ("message_stop", ""),
    ]  # fmt: skip
    lines = [
        f'event: {name}\ndata: {{"type":"{name}"{"," if fields else ""}{fields}}}\n\n' for name, fields in expected
    ]
    assert stream.decode() == "".join(lines)


@pytest.mark.parametrize("recording", cases("messages", stream=True))
def test_recorded_streams_are_written_back(recording: Recording):
    events = read(recording.stream)
    if isinstance(events[-1], Failed):  # a second answer began
        return
    shown = view(fold(events).model)
    written = write(events, shown)
    assert _counted(fold(read(written))) == _counted(fold(events))
    assert _sequence(written) == _sequence(recording.stream)
    assert shown.losses.items == []


def _counted(reply: Reply) -> tuple[Reply, dict[str, Any]]:
    """The reply, and its usage with counts that were not said as 0."""
    return replace(reply, usage=None), write_usage(reply.usage, own=True)


def _sequence(stream: bytes) -> list[tuple[str, Any]]:
    """Which events there are up to the end, without pings and deltas, which may come in other pieces."""
    found: list[tuple[str, Any]] = []
    for payload in payloads(stream):
        kind = payload["type"]
        if kind not in ("ping", "content_block_delta"):
            found.append((kind, payload.get("content_block", {}).get("type") or payload.get("index")))
        if kind == "message_stop":
            break
    return found


@pytest.mark.parametrize("recording", cases("messages", stream=True))
def test_recorded_streams_fold_as_a_client_folds_them(recording: Recording):
    events = read(recording.stream)
    if isinstance(events[-1], Failed):
        return
    if recording.stream.count(b'"message_start"') == 1:
        assert content_of(write(events)) == content_of(recording.stream)


def test_t01_triggering_delta_is_not_lost():
    events = [*_said(0, "Look."), *_call(1, ToolCall("a", "f", ""), '{"x":1}')]
    text, call = content_of(write([_STARTED, *events, Ended()]))
    assert (text["text"], call["input"]) == ("Look.", {"x": 1})


def test_t02_t03_t10_interleaved_blocks_come_one_after_another():
    """`content_of` fails where a delta has no open block of its kind."""
    events: list[Event] = [
        _STARTED,
        BlockStarted(0, Thinking("")),
        BlockStarted(1, ToolCall("a", "f", "")),
        BlockStarted(2, ToolCall("b", "f", "")),
        ThinkingDelta(0, "Hm"),
        ArgumentsDelta(1, '{"x":'),
        ArgumentsDelta(2, '{"x":2}'),
        ArgumentsDelta(1, "1}"),
        BlockEnded(2),
        BlockEnded(1),
        ThinkingDelta(0, "m"),
        Finished("tool_calls"),
        Ended(),
    ]
    thinking, first, second = content_of(write(events))
    assert (thinking["thinking"], first["input"], second["input"]) == ("Hmm", {"x": 1}, {"x": 2})
    assert (first["id"], second["id"]) == ("a", "b")


def test_t04_start_has_every_cache_field():
    usage = payloads(write([_STARTED, Ended()]))[0]["message"]["usage"]
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    assert {"input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"} <= usage.keys()


def test_t05_t06_t18_tool_start_goes_out_at_once():
    writer = AnthropicWriter(view())
    writer.write(_STARTED)
    assert b'"tool_use"' in writer.write(BlockStarted(0, ToolCall("a", "f", "")))


def test_t07_t08_usage_after_the_finish_reason_is_in_the_last_message_delta():
    counted = UsageReported(Usage(input=3, output=9))
    stream = write([_STARTED, *_said(0, "x"), Finished("stop"), counted, Ended(), counted, TextDelta(0, "late")])
    kinds = [payload["type"] for payload in payloads(stream)]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_delta") == 1
    assert payloads(stream)[-2]["usage"]["output_tokens"] == 9


@pytest.mark.parametrize("part", [Text(""), Refusal(""), Thinking("")])
def test_t09_empty_blocks_are_not_opened(part: Part):
    stream = write([_STARTED, BlockStarted(0, part), TextDelta(0, ""), BlockEnded(0), *_said(1, "real"), Ended()])
    assert content_of(stream) == [{"type": "text", "text": "real"}]


@pytest.mark.parametrize(
    ("reason", "called", "shown"),
    [
        ("stop", True, "tool_use"),  # T15
        ("tool_calls", False, "end_turn"),  # T16
        ("tool_calls", True, "tool_use"),
        ("content_filter", False, "refusal"),  # T19
        ("refusal", False, "refusal"),
        ("length", True, "max_tokens"),
        ("other", False, "end_turn"),
        ("pause", False, "pause_turn"),
    ],
)
def test_t15_t16_t19_stop_reason_fits_what_was_shown(reason: FinishReason, called: bool, shown: str):
    call = _call(0, ToolCall("a", "f", "{}")) if called else []
    assert _stop_reason(write([_STARTED, *call, Finished(reason, "RAW"), Ended()])) == shown


def test_an_answer_that_ended_in_an_error_is_no_message():
    stream = write([_STARTED, *_said(0, "half"), Finished("error", "MALFORMED_FUNCTION_CALL"), Ended(), Ended()])
    kinds = [payload["type"] for payload in payloads(stream)]
    assert kinds[-2:] == ["content_block_stop", "error"]
    assert payloads(stream)[-1]["error"]["type"] == "api_error"


def test_own_stop_reason_is_kept_as_it_was():
    own = Started("msg_1", "claude", origin="anthropic")
    raw = "model_context_window_exceeded"
    assert _stop_reason(write([own, Finished("length", raw), Ended()])) == raw


def test_stop_reason_without_any_finish():
    assert _stop_reason(write([_STARTED, *_call(0, ToolCall("a", "f", "{}")), Ended()])) == "tool_use"


def test_t17_writers_share_nothing():
    one, two = AnthropicWriter(view()), AnthropicWriter(view())
    for writer in (one, two):
        writer.write(_STARTED)
    one.write(BlockStarted(0, Text("a")))
    assert b'"index":0' in two.write(BlockStarted(0, Text("b")))


def test_t20_the_client_sees_the_model_it_asked_for():
    assert payloads(write([_STARTED, Ended()], view("alias")))[0]["message"]["model"] == "alias"


def test_t62_a_failure_stands_behind_a_message_start_and_is_the_end():
    fault = Fault(FaultKind.CUT, "It was cut.")
    first, last = payloads(write([Failed(fault), Failed(fault), Ended(), *_said(0, "x")]))
    assert first["type"] == "message_start"
    assert last == {"type": "error", "error": {"type": "api_error", "message": "It was cut."}}


def test_a_failure_in_a_block_does_not_close_it():
    """A closed tool call would be run with half of its arguments."""
    events = [_STARTED, BlockStarted(0, ToolCall("a", "f", "")), ArgumentsDelta(0, '{"rm'), ArgumentsDelta(0, "x")]
    stream = write([*events, Failed(Fault(FaultKind.OVERLOADED, "Busy.")), ArgumentsDelta(0, "late")])
    assert [payload["type"] for payload in payloads(stream)][-2:] == ["content_block_delta", "error"]
    assert payloads(stream)[-1]["error"]["type"] == "overloaded_error"


def test_only_the_first_choice_is_shown():
    shown = view()
    other: list[Event] = [BlockStarted(1, Text(""), 1), TextDelta(1, "two"), BlockEnded(1), Finished("stop", choice=1)]
    events = [_STARTED, BlockStarted(0, Text("")), *other, TextDelta(0, "one"), BlockEnded(0), Finished("length")]
    stream = write([*events, Ended()], shown)
    assert content_of(stream) == [{"type": "text", "text": "one"}]
    assert _stop_reason(stream) == "max_tokens"
    assert [loss.path for loss in shown.losses.items] == ["choices[1]"]


def test_foreign_thoughts_come_back_with_their_signature():
    seal = Seal("openai_responses", "gAAAAenc")
    events = [BlockStarted(0, Thinking("")), ThinkingDelta(0, "Hm"), SealDelta(0, seal), BlockEnded(0)]
    (block,) = content_of(write([_STARTED, *events, Ended()]))
    assert block == {"type": "thinking", "thinking": "Hm", "signature": sealed_for(seal, "anthropic")}
    (part,) = fold(read(write([_STARTED, *events, Ended()]))).choices[0].parts
    assert part == Thinking("Hm", seal)


def test_foreign_thoughts_without_a_signature_are_marked_as_foreign():
    events = [BlockStarted(0, Thinking("")), ThinkingDelta(0, "Hm"), BlockEnded(0)]
    (block,) = content_of(write([_STARTED, *events, Ended()]))
    assert block["signature"].startswith(FOREIGN_MARK.decode())


def test_t36_thoughts_that_are_only_a_signature_survive():
    sealed = BlockStarted(0, Thinking("", Seal("openai_responses", "enc"), redacted=True))
    (block,) = content_of(write([_STARTED, sealed, BlockEnded(0), Ended()]))
    assert (block["type"], block["thinking"]) == ("thinking", "")
    own = Started("m", "claude", origin="anthropic")
    late = [BlockStarted(0, Thinking("")), SealDelta(0, Seal("anthropic", "s")), BlockEnded(0)]
    assert content_of(write([own, *late, Ended()])) == [{"type": "thinking", "thinking": "", "signature": "s"}]


def test_t37_redacted_thinking_keeps_its_place():
    redacted = [BlockStarted(0, Thinking("", Seal("anthropic", "d"), redacted=True)), BlockEnded(0)]
    own = Started("m", "claude", origin="anthropic")
    blocks = content_of(write([own, *redacted, *_said(1, "x"), Ended()]))
    assert blocks == [{"type": "redacted_thinking", "data": "d"}, {"type": "text", "text": "x"}]


def _returned(events: list[Event], shown: View | None = None) -> list[Part]:
    """The parts as they are read from the history that the client sends back."""
    return with_carried_seals(fold(read(write([_GEMINI, *events, Ended()], shown))).choices[0].parts)


def test_a_seal_on_a_tool_call_travels_in_a_block_before_it():
    parts = _returned(_call(0, ToolCall("a", "f", "{}", seal=_SEAL)))
    assert parts == [ToolCall("a", "f", "{}", seal=_SEAL)]


def test_a_seal_on_a_text_travels_too_also_when_it_comes_late():
    assert _returned([BlockStarted(0, Text("x", seal=_SEAL)), BlockEnded(0)]) == [Text("x", seal=_SEAL)]
    late: list[Event] = [BlockStarted(0, Text("")), TextDelta(0, "x"), SealDelta(0, _SEAL), BlockEnded(0)]
    parts = _returned([*late, *_call(1, ToolCall("a", "f", "{}", seal=Seal("gemini", "b3RoZXI=")))])
    assert parts == [Text("x", seal=_SEAL), ToolCall("a", "f", "{}", seal=Seal("gemini", "b3RoZXI="))]


def test_a_late_seal_on_a_tool_call_follows_it():
    events: list[Event] = [BlockStarted(0, ToolCall("a", "f", "{}")), SealDelta(0, _SEAL), BlockEnded(0)]
    assert _returned(events) == [ToolCall("a", "f", "{}", seal=_SEAL)]


def test_the_last_block_is_the_answer_and_no_carrier():
    shown = view()
    late: list[Event] = [BlockStarted(0, Text("")), TextDelta(0, "x"), SealDelta(0, _SEAL), BlockEnded(0)]
    assert _returned(late, shown) == [Text("x")]
    assert [loss.path for loss in shown.losses.items] == ["content[1].signature"]


def test_t75_thoughts_behind_the_answer_do_not_hide_it():
    """Claude Code 2.1.329 prints an empty result when a message ends in a thinking block."""
    sealed: list[Event] = [BlockStarted(1, Thinking("", Seal("openai_responses", "enc"))), BlockEnded(1)]
    stream = write([_STARTED, *_said(0, "answer"), *sealed, Ended()])
    assert content_of(stream) == [{"type": "text", "text": "answer"}]
    alone = content_of(write([_STARTED, *sealed, Ended()]))
    assert [block["type"] for block in alone] == ["thinking"]


@pytest.mark.parametrize("tool_id", ["", "functions.ls:0", "é" * 300])
def test_t43_tool_ids_are_in_the_protocols_alphabet(tool_id: str):
    events = [*_call(0, ToolCall(tool_id, "f", "{}")), *_call(1, ToolCall(tool_id, "f", "{}"))]
    first, second = (block["id"] for block in content_of(write([_STARTED, *events, Ended()])))
    assert first != second
    assert first.replace("_", "").isalnum()
    assert first.isascii()


def test_free_text_calls_become_an_argument():
    call = ToolCall("a", "patch", "", custom=True)
    (block,) = content_of(write([_STARTED, *_call(0, call, 'say "', "hi\n"), Ended()]))
    assert block["input"] == {"input": 'say "hi\n'}


def test_what_has_no_place_is_reported():
    shown = view()
    events: list[Event] = [
        Started("r", "m", extra={"system_fingerprint": "f"}, origin="openai_chat"),
        BlockStarted(0, Media("image", "image/png", data="AA==")),
        BlockEnded(0),
        BlockStarted(1, Opaque("openai_responses", "web_search_call", {})),
        BlockEnded(1),
        BlockStarted(2, Text("x", extra={"annotations": [1]})),
        ExtraDelta(2, {"annotations": [2]}),
        BlockEnded(2),
        Unknown("gemini", "news", {}),
        UsageReported(Usage(extra={"cost": 1})),
        Ended(),
    ]
    assert content_of(write(events, shown)) == [{"type": "text", "text": "x"}]
    paths = {loss.path for loss in shown.losses.items}
    assert paths == {"system_fingerprint", "content[0]", "content[0].annotations", "news", "usage.cost"}


def test_own_blocks_and_events_of_tomorrow_are_written_back():
    own = Started("m", "claude", origin="anthropic")
    raw = {"type": "news", "x": 1}
    fallback = Opaque("anthropic", "fallback", {"type": "fallback", "to": {"model": "x"}})
    stream = write([own, Unknown("anthropic", "news", raw), BlockStarted(0, fallback), BlockEnded(0), Ended()])
    assert raw in payloads(stream)
    assert content_of(stream) == [fallback.raw]


def test_lone_surrogates_do_not_break_the_stream():
    stream = write([_STARTED, *_said(0, "a", "\ud83d"), Ended()])
    assert content_of(stream) == [{"type": "text", "text": "a\ud83d"}]


def test_a_stream_that_is_only_cut_folds_to_its_fault():
    with pytest.raises(ParleyError, match="It was cut"):
        fold(read(write([_STARTED, *_said(0, "x"), Failed(Fault(FaultKind.CUT, "It was cut."))])))
