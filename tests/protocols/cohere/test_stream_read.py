from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.protocols.cohere import COHERE
from proxy_core.turn.content import Text, Thinking, ToolCall
from proxy_core.turn.events import Ended, Event, Failed, Finished, Started, TextDelta, Unknown, UsageReported
from proxy_core.turn.fold import fold
from proxy_core.turn.reply import BILLED_NOTE
from tests.protocols.cohere.streams import START, begun, call, end, event, read, text, thought, written

USAGE = {
    "billed_units": {"input_tokens": 5, "output_tokens": 3},
    "tokens": {"input_tokens": 500, "output_tokens": 10, "reasoning_tokens": 4},
    "cached_tokens": 448,
}


def parts(*events: dict[str, Any]) -> list[Any]:
    return fold(read(written(START, *events, end()))).choices[0].parts


def failed(events: list[Event]) -> Failed:
    assert isinstance(events[-1], Failed)
    return events[-1]


def test_thoughts_text_and_calls_in_their_order() -> None:
    assert parts(
        begun("thinking"),
        thought("Let me "),
        thought("see."),
        event("content-end", 0),
        begun("text", 1),
        text("I ", 1),
        text("look.", 1),
        event("content-end", 1),
        *call(0, "weather", '{"city":', ' "Rome"}'),
        *call(1, "clock"),
    ) == [
        Thinking("Let me see."),
        Text("I look."),
        ToolCall("weather_0", "weather", '{"city": "Rome"}'),
        ToolCall("clock_1", "clock", "{}"),
    ]


def test_a_plan_is_thought() -> None:
    plan = [event("tool-plan-delta", tool_plan=piece) for piece in ("I will ", "look.")]
    assert parts(*plan, *call(0, "clock", "{}")) == [
        Thinking("I will look."),
        ToolCall("clock_0", "clock", "{}"),
    ]


def test_parallel_calls_keep_their_arguments_apart() -> None:
    first, second = call(0, "a", "{", "}"), call(1, "b", '{"x"', ":1}")
    mixed = [first[0], second[0], first[1], second[1], second[2], first[2], first[3], second[3]]
    assert parts(*mixed) == [ToolCall("a_0", "a", "{}"), ToolCall("b_1", "b", '{"x":1}')]


def test_citations_belong_to_their_text_also_after_its_end() -> None:
    one, two = ({"start": place, "end": place + 1, "text": "x"} for place in (0, 1))
    [part] = parts(
        begun("text"),
        text("xx"),
        event("citation-start", 0, citations=one),
        event("citation-end", 0),
        event("content-end", 0),
        event("citation-start", 1, citations=[two]),
    )
    assert part.extra == {"citations": [one, two]}


def test_probabilities_of_a_piece_are_those_of_its_tokens_together() -> None:
    piece = {**text("héllo"), "logprobs": {"text": "héllo", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}}
    [part] = parts(begun("text"), piece)
    assert part.logprobs == [{"token": "héllo", "logprob": -0.75, "bytes": list("héllo".encode()), "top_logprobs": []}]


def test_the_end_tells_why_and_what_was_used() -> None:
    events = read(written(START, begun("text"), text("Hi"), end("MAX_TOKENS", usage=USAGE)) + b"data: [DONE]\n\n")
    assert events[0] == Started("r-1", "", origin="cohere")
    used, finished, ended = events[-3:]
    assert isinstance(used, UsageReported)
    assert (used.usage.input, used.usage.cache_read, used.usage.output, used.usage.reasoning) == (52, 448, 10, 4)
    assert used.usage.extra == {BILLED_NOTE: USAGE["billed_units"]}
    assert finished == Finished("length", "MAX_TOKENS")
    assert ended == Ended()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop_sequence"),
        ("MAX_TOKENS", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("ERROR_LIMIT", "length"),
        ("SOMETHING_NEW", "other"),
    ],
)
def test_reasons(raw: str, reason: str) -> None:
    assert fold(read(written(START, text("Hi"), end(raw)))).choices[0].finish == reason
    whole = {"id": "r", "message": {"content": [{"type": "text", "text": "Hi"}]}, "finish_reason": raw}
    assert COHERE.read_reply(whole).choices[0].finish == reason


def test_calls_end_in_calls_whatever_is_said() -> None:
    assert fold(read(written(START, *call(0, "a"), end("COMPLETE")))).choices[0].finish == "tool_calls"


@pytest.mark.parametrize(("raw", "kind"), [("ERROR", FaultKind.UPSTREAM), ("TIMEOUT", FaultKind.TIMEOUT)])
def test_an_answer_that_ends_in_an_error_is_one(raw: str, kind: FaultKind) -> None:
    fault = failed(read(written(START, text("Hi"), end(raw, error="The model broke.")))).fault
    assert (fault.kind, fault.message) == (kind, "The model broke.")
    with pytest.raises(ParleyError) as caught:
        COHERE.read_reply({"id": "r", "message": {"content": []}, "finish_reason": raw})
    assert caught.value.fault.kind is kind


def test_an_error_in_the_midst() -> None:
    data = written(START, text("Hi")) + b'event: error\ndata: {"message": "internal server error", "id": "x"}\n\n'
    fault = failed(read(data + written(text("more"), end()))).fault
    assert (fault.kind, fault.message) == (FaultKind.UPSTREAM, "internal server error")


@pytest.mark.parametrize("tail", [b"", b"data: [DONE]\n\n", b'data: {"type": "content-'])
def test_a_stream_that_breaks_off_is_cut(tail: bytes) -> None:
    kinds = (FaultKind.CUT, FaultKind.UPSTREAM)
    assert failed(read(written(START, begun("text"), text("Hi")) + tail)).fault.kind in kinds


@pytest.mark.parametrize("data", [b"data: nonsense\n\n", b"data: [1]\n\n", b'data: "text"\n\n'])
def test_what_cannot_be_read_says_so(data: bytes) -> None:
    fault = failed(read(data)).fault
    assert fault.kind is FaultKind.UPSTREAM
    assert "cannot be read" in fault.message


def test_comments_and_events_that_are_not_modelled_do_no_harm() -> None:
    debug = {"type": "debug", "prompt": "<BOS>"}
    events = read(b": hi\n\n" + written(START, debug, begun("text"), text("Hi"), end()))
    assert Unknown("cohere", "debug", debug) in events
    assert fold(events).choices[0].parts == [Text("Hi")]


def test_wrong_types_count_as_absent() -> None:
    wrong: list[dict[str, Any]] = [
        {"type": "content-start", "index": 0, "delta": 3},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": 5}}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": []}}},
        {"type": "tool-call-delta", "index": 7, "delta": {"message": {"tool_calls": {"function": None}}}},
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": "x"}}},
        {"type": "message-end"},
    ]
    reply = fold(read(written(START, *wrong)))
    assert [part.arguments for part in reply.choices[0].parts if isinstance(part, ToolCall)] == ["{}"]


def test_texts_of_two_blocks_stay_apart() -> None:
    assert parts(begun("text"), text("a"), text("b"), begun("text", 1), text("c", 1), text("d", 1)) == [
        Text("ab"),
        Text("cd"),
    ]


def test_frames_of_the_usual_form_are_read_alike() -> None:
    pieces = [" one", " two", "", ' "', "\n", "text", " zoë", "\\"]
    events = read(written(START, begun("text"), *map(text, pieces), end()))
    assert "".join(one.text for one in events if isinstance(one, TextDelta)) == "".join(pieces)
