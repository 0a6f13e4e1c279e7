"""Streams as vendors send them, and what the reader makes of them."""

from __future__ import annotations

import json

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.protocols.contract import FrameKind
from proxy_core.protocols.openai_chat import OPENAI_CHAT
from proxy_core.turn.content import Media, Refusal, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
)
from tests.protocols.openai_chat.material import call_delta, chunk, chunks, events_of, frames, reply_of

TEXT = chunk({"content": "Hi"})
STOP = chunk(finish="stop")
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def calls_of(*deltas: dict, finish: str = "tool_calls") -> list[tuple[str, str, str]]:
    reply = reply_of(chunks(*map(chunk, deltas), chunk(finish=finish)))
    return [(part.id, part.name, part.arguments) for part in reply.choices[0].parts if isinstance(part, ToolCall)]


def fault_of(data: bytes) -> Failed:
    last = events_of(data)[-1]
    assert isinstance(last, Failed)
    return last


def test_a_plain_text_is_one_block() -> None:
    events = events_of(chunks(chunk({"role": "assistant", "content": ""}), TEXT, chunk({"content": "!"}), STOP))
    assert events == [
        Started("c1", "m1", 7, origin="openai_chat"),
        BlockStarted(0, Text("")),
        TextDelta(0, "Hi"),
        TextDelta(0, "!"),
        BlockEnded(0),
        Finished("stop", "stop"),
        Ended(),
    ]


def test_t05_content_beside_the_finish_reason_is_kept() -> None:
    data = chunks(chunk({"content": "all"}, "stop"))
    assert reply_of(data).choices[0].parts == [Text("all")]
    assert OPENAI_CHAT.classify(frames(data)[0]) == FrameKind.FINISH


def test_t06_thoughts_text_and_calls_of_one_chunk_come_in_that_order() -> None:
    delta = {"content": "b", "reasoning_content": "a", **call_delta(id="1", name="f", arguments="{}", index=0)}
    parts = reply_of(chunks(chunk(delta, "tool_calls"))).choices[0].parts
    assert [type(part) for part in parts] == [Thinking, Text, ToolCall]


def test_t07_usage_without_choices_is_read() -> None:
    usage = reply_of(chunks(TEXT, STOP, {"id": "c1", "choices": [], "usage": USAGE})).usage
    assert usage
    assert (usage.input, usage.output) == (9, 3)


def test_usage_in_groqs_envelope_is_read() -> None:
    usage = reply_of(chunks(TEXT, {**STOP, "x_groq": {"usage": USAGE}})).usage
    assert usage
    assert usage.output == 3


def test_t09_empty_contents_open_no_block() -> None:
    data = chunks(chunk({"content": ""}), chunk({"content": "", "reasoning": "why"}), chunk({"content": ""}), STOP)
    assert [part.text for part in reply_of(data).choices[0].parts if isinstance(part, Text | Thinking)] == ["why"]


def test_t10_interleaved_arguments_reach_their_calls() -> None:
    assert calls_of(
        call_delta(index=0, id="a", name="f", arguments=""),
        call_delta(index=1, id="b", name="g", arguments=""),
        call_delta(index=0, arguments='{"x":'),
        call_delta(index=1, arguments='{"y":'),
        call_delta(index=0, arguments="1}"),
        call_delta(index=1, arguments="2}"),
    ) == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]


def test_t11_without_index_the_place_counts() -> None:
    both = {"tool_calls": [*call_delta(id="a", name="f", arguments="{}")["tool_calls"]] * 1}
    both["tool_calls"].append(call_delta(id="b", name="g", arguments="{}")["tool_calls"][0])
    assert calls_of(both) == [("a", "f", "{}"), ("b", "g", "{}")]


@pytest.mark.parametrize("ids", [("a", "b"), ("", "")])
def test_t12_one_index_for_all_calls_is_told_apart(ids: tuple[str, str]) -> None:
    found = calls_of(
        call_delta(index=0, id=ids[0], name="f", arguments='{"x":1}'),
        call_delta(index=0, id=ids[1], name="f", arguments='{"x":2}'),
    )
    assert [call[2] for call in found] == ['{"x":1}', '{"x":2}']
    assert len({call[0] for call in found}) == 2


def test_t14_id_and_name_in_different_deltas_and_repeated() -> None:
    assert calls_of(
        call_delta(index=0, id="a"),
        call_delta(index=0, name="f"),
        call_delta(index=0, id="a", name="f", arguments='{"x"'),
        call_delta(index=0, id="", name="", arguments=":1}"),
    ) == [("a", "f", '{"x":1}')]


def test_arguments_stream_as_soon_as_a_call_is_known() -> None:
    reader = OPENAI_CHAT.stream_reader()
    announced, grown = call_delta(index=0, id="a", name="f", arguments=""), call_delta(index=0, arguments='{"')
    first, second = frames(chunks(chunk(announced), chunk(grown), done=False))
    assert isinstance(list(reader.read(first))[-1], BlockStarted)
    assert list(reader.read(second)) == [ArgumentsDelta(0, '{"')]


def test_arguments_that_are_an_object_become_json() -> None:
    assert calls_of(call_delta(index=0, id="a", name="f", arguments={"x": 1})) == [("a", "f", '{"x":1}')]


def test_t15_stop_after_a_call_is_a_call() -> None:
    reply = reply_of(chunks(chunk(call_delta(index=0, id="a", name="f", arguments="{}")), STOP))
    assert (reply.choices[0].finish, reply.choices[0].raw_finish) == ("tool_calls", "stop")


def test_t16_tool_calls_without_a_call_is_a_stop() -> None:
    assert reply_of(chunks(TEXT, chunk(finish="tool_calls"))).choices[0].finish == "stop"


def test_t17_streams_do_not_share_state() -> None:
    one, other = OPENAI_CHAT.stream_reader(), OPENAI_CHAT.stream_reader()
    frame = frames(chunks(TEXT))[0]
    assert list(one.read(frame)) == list(other.read(frame))


def test_the_older_function_call_is_a_call() -> None:
    deltas = [{"function_call": {"name": "f", "arguments": ""}}, {"function_call": {"arguments": "{}"}}]
    [(call_id, name, arguments)] = calls_of(*deltas, finish="function_call")
    assert call_id
    assert (name, arguments) == ("f", "{}")


def test_t66_an_end_without_a_finish_reason_is_a_cut() -> None:
    assert fault_of(chunks(TEXT, done=False)).fault.kind == FaultKind.CUT
    assert fault_of(b"").fault.kind == FaultKind.CUT


def test_a_finish_reason_suffices_where_done_is_left_out() -> None:
    assert isinstance(events_of(chunks(TEXT, STOP, done=False))[-1], Ended)


def test_every_choice_must_have_finished() -> None:
    two = chunks(TEXT, chunk({"content": "x"}, index=1), STOP, done=False)
    assert fault_of(two).fault.kind == FaultKind.CUT


def test_t67_comments_are_pings() -> None:
    assert events_of(chunks("OPENROUTER PROCESSING", TEXT, STOP))[0] == Ping()


def test_t75_a_stream_of_nothing_is_a_fault() -> None:
    assert fault_of(b"data: [DONE]\n\n").fault.kind == FaultKind.UPSTREAM


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({"error": {"message": "busy", "code": 429}}, FaultKind.RATE_LIMIT),
        ({"error": {"message": "busy", "type": "overloaded_error"}}, FaultKind.OVERLOADED),
        ({"error": "out of memory"}, FaultKind.UPSTREAM),
        ({"object": "error", "message": "maximum context length is 8", "code": 400}, FaultKind.CONTEXT_LENGTH),
        ({**chunk({"content": ""}, "error"), "error": {"code": 502, "message": "gone"}}, FaultKind.UPSTREAM),
        ({"id": "c1", "choices": [], "x_groq": {"error": "over_capacity"}}, FaultKind.UPSTREAM),
    ],
)
def test_t63_errors_in_a_stream(sent: dict, kind: FaultKind) -> None:
    data = chunks(sent, TEXT)
    fault = fault_of(data).fault
    assert fault.kind == kind
    assert fault.message
    assert OPENAI_CHAT.classify(frames(data)[0]) == FrameKind.ERROR
    assert sum(isinstance(event, Failed) for event in events_of(data)) == 1


def test_an_error_told_by_the_event_name() -> None:
    assert fault_of(b'event: error\ndata: {"message":"no","code":503}\n\n').fault.kind == FaultKind.OVERLOADED


@pytest.mark.parametrize("data", [b"data: {broken\n\n", b"data: [1]\n\n", b"data: null\n\n"])
def test_what_is_no_chunk_ends_the_stream(data: bytes) -> None:
    assert fault_of(data + chunks(TEXT, STOP)).fault.kind == FaultKind.UPSTREAM


def test_azures_first_chunk_says_nothing_of_the_reply() -> None:
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"a": 1}]}
    reply = reply_of(chunks(first, TEXT, STOP))
    assert (reply.id, reply.model) == ("c1", "m1")
    assert reply.extra == {"prompt_filter_results": [{"a": 1}]}


def test_azures_failed_filter_is_no_error_of_the_answer() -> None:
    sent = chunk({"content": "x"})
    sent["choices"][0]["content_filter_result"] = {"error": {"code": "content_filter_error"}}
    data = chunks(sent, STOP)
    assert OPENAI_CHAT.classify(frames(data)[0]) == FrameKind.CONTENT
    assert reply_of(data).choices[0].parts == [Text("x")]


def test_vendor_fields_are_kept_once_and_padding_is_not() -> None:
    sent = [{**TEXT, "provider": "P", "obfuscation": "xx", "p": "yy"}, {**STOP, "provider": "P", "speed": 3}]
    assert reply_of(chunks(*sent)).extra == {"provider": "P", "speed": 3}


def test_mistrals_thoughts_inside_the_content() -> None:
    thinking = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}
    parts = (
        reply_of(chunks(chunk(thinking), chunk({"content": [{"type": "text", "text": "4"}]}), STOP)).choices[0].parts
    )
    assert [(type(part), part.text) for part in parts if isinstance(part, Text | Thinking)] == [
        (Thinking, "hm"),
        (Text, "4"),
    ]


def test_t36_encrypted_thoughts_without_text_survive() -> None:
    detail = {"type": "reasoning.encrypted", "data": "xyz", "index": 0}
    parts = reply_of(chunks(chunk({"reasoning_details": [detail]}), TEXT, STOP)).choices[0].parts
    assert parts[0] == Thinking("", Seal("openai_chat", json.dumps([detail], separators=(",", ":"))), redacted=True)


def test_pieces_of_a_signed_thought_are_one_seal() -> None:
    pieces = [
        {"type": "reasoning.text", "text": "a", "index": 0},
        {"type": "reasoning.text", "text": "b", "index": 0},
        {"type": "reasoning.text", "signature": "sig", "index": 0},
    ]
    data = chunks(*(chunk({"reasoning": p.get("text"), "reasoning_details": [p]}) for p in pieces), TEXT, STOP)
    thought = reply_of(data).choices[0].parts[0]
    assert isinstance(thought, Thinking)
    assert thought.text == "ab"
    assert thought.seal
    assert json.loads(thought.seal.data) == [{"type": "reasoning.text", "text": "ab", "index": 0, "signature": "sig"}]


def test_googles_signature_of_a_call() -> None:
    delta = call_delta(index=0, id="a", name="f", arguments="{}", extra_content={"google": {"thought_signature": "s"}})
    [call] = reply_of(chunks(chunk(delta), STOP)).choices[0].parts
    assert isinstance(call, ToolCall)
    assert call.seal == Seal("openai_chat", "s")


def test_refusals_and_pictures() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    parts = reply_of(chunks(chunk({"refusal": "No."}), chunk({"images": [image]}), STOP)).choices[0].parts
    assert parts == [Refusal("No."), Media("image", "image/png", data="AA==")]


def test_several_choices_stay_apart() -> None:
    data = chunks(TEXT, chunk({"content": "B"}, index=1), STOP, chunk(finish="length", index=1))
    assert [(c.index, c.parts, c.finish) for c in reply_of(data).choices] == [
        (0, [Text("Hi")], "stop"),
        (1, [Text("B")], "length"),
    ]


def test_a_reply_that_is_an_error_is_raised() -> None:
    with pytest.raises(ParleyError) as raised:
        OPENAI_CHAT.read_reply({"error": {"message": "upstream down", "code": 502}})
    assert raised.value.fault.kind == FaultKind.UPSTREAM


@pytest.mark.parametrize("body", [{}, {"choices": "x"}, {"choices": [3]}, {"choices": [{"message": {"content": 4}}]}])
def test_a_reply_that_cannot_be_read_is_the_backends_fault(body: dict) -> None:
    with pytest.raises(ParleyError) as raised:
        OPENAI_CHAT.read_reply(body)
    assert raised.value.fault.kind == FaultKind.UPSTREAM


def test_made_ids_do_not_come_again_in_the_next_turn() -> None:
    delta = call_delta(index=0, id="", name="f", arguments="{}")
    assert calls_of(delta)[0][0] != calls_of(delta)[0][0]
