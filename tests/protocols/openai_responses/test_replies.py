"""Replies of other protocols as a Responses client sees them, whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.contract import View
from proxy_core.protocols.openai_responses import OPENAI_RESPONSES, endpoints
from proxy_core.turn.content import Media, Opaque, Part, Refusal, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
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
from proxy_core.turn.fold import fold, unfold
from proxy_core.turn.reply import Choice, FinishReason, Reply, Usage
from proxy_core.wire.json import dumps
from tests.protocols.openai_responses.shapes import (
    payloads,
    read_request,
    read_stream,
    replied,
    stream_of,
    view,
    write_stream,
)


def reply(*parts: Part, finish: FinishReason = "stop", **more: Any) -> Reply:
    return Reply("msg_1", "claude", [Choice(0, list(parts), finish)], origin="anthropic", **more)


def written(answer: Reply, to: View | None = None) -> dict[str, Any]:
    to = to or view()
    whole = OPENAI_RESPONSES.write_reply(answer, to)
    streamed = payloads(write_stream(unfold(answer), to))
    assert streamed[-1]["response"] == whole
    assert [event["sequence_number"] for event in streamed] == list(range(len(streamed)))
    return whole


def kinds(events: list[Event]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in payloads(write_stream(events, view()))]


def opened(*parts: Part) -> list[Event]:
    return [Started("x", "m", origin="anthropic"), *(BlockStarted(block, part) for block, part in enumerate(parts))]


def test_the_order_of_events() -> None:
    events: list[Event] = [
        *opened(Thinking("")),
        ThinkingDelta(0, "hm"),
        BlockEnded(0),
        BlockStarted(1, Text("")),
        TextDelta(1, "a"),
        TextDelta(1, "b"),
        BlockEnded(1),
        BlockStarted(2, ToolCall("c", "f", "")),
        ArgumentsDelta(2, "{}"),
        BlockEnded(2),
        Finished("tool_calls"),
        Ended(),
    ]
    assert kinds(events) == [
        *("created", "in_progress"),
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"),
        "completed",
    ]


def test_blocks_side_by_side_come_one_after_another() -> None:
    events: list[Event] = [
        *opened(ToolCall("a", "f", ""), ToolCall("b", "g", "")),
        ArgumentsDelta(1, '{"y":'),
        ArgumentsDelta(0, '{"x":1}'),
        ArgumentsDelta(1, "2}"),
        Finished("tool_calls"),
        Ended(),
    ]
    native = payloads(write_stream(events, view()))
    done = [event["item"] for event in native if event["type"] == "response.output_item.done"]
    assert [(item["call_id"], item["arguments"]) for item in done] == [("a", '{"x":1}'), ("b", '{"y":2}')]
    assert [event["output_index"] for event in native if "output_index" in event] == sorted(
        event["output_index"] for event in native if "output_index" in event
    )


def test_t20_the_client_sees_the_model_it_asked_for() -> None:
    assert written(reply(Text("a")))["model"] == "asked"


def test_the_request_is_repeated() -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
    body = {"model": "m", "input": "x", "instructions": "be kind", "tools": [tool], "metadata": {"a": "b"}}
    response = written(reply(Text("a")), view("m", read_request({**body, "text": {"verbosity": "low"}})))
    assert response["instructions"] == "be kind"
    assert response["tools"] == [tool]
    assert response["metadata"] == {"a": "b"}
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}


def test_t77_cached_tokens_are_part_of_the_input() -> None:
    usage = Usage(input=10, cache_read=100, cache_write_5m=5, output=7, reasoning=3)
    assert written(reply(Text("a"), usage=usage))["usage"] == {
        "input_tokens": 115,
        "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 5},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 122,
    }


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("stop_sequence", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("refusal", "incomplete", "content_filter"),
    ],
)
def test_t19_how_it_ended_is_not_hidden(finish: FinishReason, status: str, reason: str | None) -> None:
    response = written(reply(Text("a"), finish=finish))
    assert response["status"] == status
    assert (response["incomplete_details"] or {}).get("reason") == reason
    assert response["output"][0]["status"] == ("incomplete" if finish in ("length", "content_filter") else "completed")
    kind = payloads(write_stream(unfold(reply(Text("a"), finish=finish)), view()))[-1]["type"]
    assert kind == f"response.{status}"


def test_a_refusal_says_so_itself() -> None:
    response = written(reply(Refusal("no"), finish="refusal"))
    assert response["status"] == "completed"
    assert response["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]
    again = OPENAI_RESPONSES.read_reply(response).choices[0]
    assert again.finish == "refusal"


def test_t36_a_thought_of_nothing_but_a_signature_survives() -> None:
    response = written(reply(Thinking("", seal=Seal("anthropic", "sig")), Text("a")))
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]
    part = history(response)[0]
    assert part == Thinking("", seal=Seal("anthropic", "sig"), extra=part.extra)


def test_t37_several_thoughts_stay_apart_and_in_order() -> None:
    thoughts = [
        Thinking("one", seal=Seal("anthropic", "1")),
        Thinking("", seal=Seal("anthropic", "2"), redacted=True),
        Thinking("three", seal=Seal("anthropic", "3")),
    ]
    assert [(part.text, part.seal, part.redacted) for part in history(written(reply(*thoughts)))] == [
        (part.text, part.seal, part.redacted) for part in thoughts
    ]


def history(response: dict[str, Any]) -> list[Any]:
    """The parts of the turn that a client makes of a response and sends back."""
    turns = read_request({"model": "m", "input": [{"role": "user", "content": "q"}, *response["output"]]}).turns
    return turns[1].parts


@pytest.mark.parametrize("part", [ToolCall("c", "f", "{}"), Text("a")])
def test_t31_a_signature_of_another_part_travels_before_it(part: ToolCall | Text) -> None:
    part.seal = Seal("gemini", "c2ln")
    response = written(reply(Text("x"), part))
    assert [item["type"] for item in response["output"]][1] == "reasoning"
    parts = history(response)
    assert [type(entry) for entry in parts] == [Text, type(part)]
    assert (parts[0].seal, parts[1].seal) == (None, Seal("gemini", "c2ln"))


def test_t32_a_late_signature_travels_behind_its_part() -> None:
    events: list[Event] = [
        *opened(ToolCall("c", "f", "")),
        ArgumentsDelta(0, "{}"),
        SealDelta(0, Seal("gemini", "c2ln")),
        BlockEnded(0),
        Finished("tool_calls"),
        Ended(),
    ]
    response = payloads(write_stream(events, view()))[-1]["response"]
    assert history(response)[0].seal == Seal("gemini", "c2ln")


def test_t13_a_signature_of_empty_text_makes_no_message() -> None:
    response = written(reply(ToolCall("c", "f", "{}"), Text("", seal=Seal("gemini", "c2ln"))))
    assert [item["type"] for item in response["output"]] == ["function_call", "reasoning"]
    assert history(response)[1] == Text("", seal=Seal("gemini", "c2ln"))


def test_a_call_without_id_or_arguments_gets_both() -> None:
    item = written(reply(ToolCall("", "f", "")))["output"][0]
    assert item["call_id"]
    assert item["arguments"] == "{}"


def test_a_picture_is_shown_and_read_back() -> None:
    response = written(reply(Media("image", "image/png", data="aGk=")))
    assert response["output"][0]["type"] == "image_generation_call"
    again = OPENAI_RESPONSES.read_reply(response).choices[0].parts[0]
    assert isinstance(again, Media)
    assert (again.media_type, again.data) == ("image/png", "aGk=")


def test_what_has_no_place_is_reported() -> None:
    to = view()
    answer = reply(Opaque("anthropic", "server_tool_use", {}), Media("audio", "audio/wav", data="aGk="), Text("a"))
    answer.choices.append(Choice(1, [Text("b")], "stop"))
    assert len(OPENAI_RESPONSES.write_reply(answer, to)["output"]) == 1
    assert {loss.path for loss in to.losses.items} == {"output[0]", "output[1]", "choices[1]"}


@pytest.mark.parametrize("started", [True, False])
def test_t62_t65_a_failure_is_one_that_codex_tries_again(started: bool) -> None:
    events: list[Event] = [*opened(Text("")), TextDelta(0, "a")] if started else []
    fault = Fault(FaultKind.OVERLOADED, "too busy")
    native = payloads(write_stream([*events, Failed(fault), Ended(), TextDelta(0, "b"), Ping()], view()))
    assert native[-1]["type"] == "response.failed"
    assert native[-1]["response"]["error"] == {"code": "server_error", "message": "too busy"}
    assert sum(event["type"] in ("response.failed", "response.completed") for event in native) == 1


def test_a_fault_alone_is_a_failed_response() -> None:
    fault = Fault(FaultKind.RATE_LIMIT, "slow down", retry_after=7)
    events = payloads(OPENAI_RESPONSES.write_stream_fault(fault))
    assert [event["type"] for event in events] == ["response.failed"]
    error = events[0]["response"]["error"]
    assert error == {"code": "rate_limit_exceeded", "message": "slow down Please try again in 7s."}


def test_t66_a_stream_without_its_last_event_is_an_error() -> None:
    data = write_stream(list(unfold(reply(Text("a"))))[:-1], view())
    last = read_stream(data)[-1]
    assert isinstance(last, Failed)
    assert last.fault.kind is FaultKind.CUT


def test_t67_t68_keep_alives_are_comments() -> None:
    assert OPENAI_RESPONSES.stream_writer(view()).write(Ping()) == b": ping\n\n"
    data = b': x\n\ndata: {"type":"keepalive"}\n\n'
    assert [type(event) for event in read_stream(data)[:-1]] == [Ping, Ping]


def test_unknown_events_of_others_are_reported() -> None:
    to = view()
    write_stream([*opened(), Unknown("gemini", "x", {}), Ended()], to)
    assert [loss.path for loss in to.losses.items] == ["x"]


RESPONSE = replied()
ADDED = {"type": "response.output_item.added", "output_index": 0}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}
FINISHED = {**MESSAGE, "content": [{"type": "output_text", "text": "hi", "annotations": []}]}
CALLED = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c",
    "name": "f",
    "arguments": '{"a":1}',
    "status": "completed",
}


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "hi"}],
        [{"type": "response.created", "response": RESPONSE}],
        [{"type": "response.output_item.done", "output_index": 0, "item": FINISHED}],
        [{**ADDED, "item": MESSAGE}, {"type": "response.output_item.done", "output_index": 0, "item": FINISHED}],
        [
            {**ADDED, "item": MESSAGE},
            {
                "type": "response.content_part.added",
                "output_index": 0,
                "content_index": 0,
                "part": {"type": "output_text"},
            },
            {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "hi"},
        ],
    ],
    ids=["delta only", "end only", "done only", "added and done", "no deltas"],
)
def test_servers_that_leave_out_events_are_understood(events: list[dict[str, Any]]) -> None:
    output = [FINISHED] if len(events) < 2 and events[0]["type"] == "response.created" else []
    end = {"type": "response.completed", "response": replied(*output)}
    answer = fold(read_stream(stream_of(*events, end)))
    assert [part.text for part in answer.choices[0].parts if isinstance(part, Text)] == ["hi"]
    assert answer.choices[0].finish == "stop"


def test_arguments_that_come_with_the_item_only() -> None:
    data = stream_of(
        {**ADDED, "item": {**CALLED, "arguments": ""}},
        {"type": "response.output_item.done", "output_index": 0, "item": CALLED},
        {"type": "response.completed", "response": replied(CALLED)},
    )
    call = fold(read_stream(data)).choices[0].parts[0]
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"a":1}'


def test_an_item_that_was_announced_but_ends_in_the_last_event_only() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}
    done = {**search, "status": "completed"}
    data = stream_of(
        {"type": "response.created", "response": RESPONSE},
        {**ADDED, "item": search},
        {"type": "response.completed", "response": replied(done)},
    )
    events = read_stream(data)
    assert fold(events).choices[0].parts[0] == Opaque("openai_responses", "web_search_call", done, {"_streamed": 0})
    assert payloads(write_stream(events, view()))[-1]["response"]["output"] == [done]


def test_parts_of_a_summary_stay_parts() -> None:
    summary = [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]
    item = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA"}
    place = {"item_id": "rs_1", "output_index": 0}
    data = stream_of(
        {"type": "response.created", "response": RESPONSE},
        {**ADDED, "item": {**item, "summary": []}},
        *(
            event
            for index, part in enumerate(summary)
            for event in (
                {"type": "response.reasoning_summary_part.added", **place, "summary_index": index, "part": part},
                {
                    "type": "response.reasoning_summary_text.delta",
                    **place,
                    "summary_index": index,
                    "delta": part["text"],
                },
            )
        ),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": replied(item)},
    )
    events = read_stream(data)
    thought = fold(events).choices[0].parts[0]
    assert isinstance(thought, Thinking)
    assert (thought.text, thought.seal) == ("one\n\ntwo", Seal("openai_responses", "gAAA"))
    native = payloads(write_stream(events, view()))
    assert native[-1]["response"]["output"] == [item]
    deltas = [event for event in native if event["type"] == "response.reasoning_summary_text.delta"]
    assert [(event["summary_index"], event["delta"]) for event in deltas] == [(0, "one"), (1, "two")]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"type": "error", "code": "server_error", "message": "x", "param": None}, FaultKind.UPSTREAM),
        ({"type": "error", "error": {"type": "insufficient_quota", "message": "x"}}, FaultKind.BILLING),
        ({"type": "error", "error": {"code": "rate_limit_exceeded", "message": "x"}}, FaultKind.RATE_LIMIT),
        ({"error": {"message": "x", "type": "server_error"}}, FaultKind.UPSTREAM),
        ({"type": "response.failed", "response": replied(error={"code": "context_length_exceeded", "message": "x"})},
         FaultKind.CONTEXT_LENGTH),
        ({"type": "response.failed", "response": replied(error={"code": "server_is_overloaded", "message": "x"})},
         FaultKind.OVERLOADED),
    ],
)  # fmt: skip
def test_t63_errors_inside_a_stream_are_read(event: dict[str, Any], kind: FaultKind) -> None:
    found = read_stream(b"data: " + dumps(event) + b"\n\n")
    assert [type(entry) for entry in found] == [Failed]
    assert isinstance(found[0], Failed)
    assert (found[0].fault.kind, found[0].fault.message) == (kind, "x")


def test_what_cannot_be_read_ends_the_stream() -> None:
    found = read_stream(b'data: {"type":"response.output_item.added"}\n\ndata: {"type":"response.completed"}\n\n')
    assert [type(entry) for entry in found] == [Failed]


def test_a_failed_whole_reply_is_an_error() -> None:
    with pytest.raises(ParleyError) as caught:
        OPENAI_RESPONSES.read_reply(replied(error={"code": "server_error", "message": "x"}, status="failed"))
    assert caught.value.fault.kind is FaultKind.UPSTREAM


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"detail":"gone"}', b'{"message":"gone"}', b"[]", b'"gone"', b"5"])
def test_any_error_body_gives_a_fault(body: bytes) -> None:
    fault = OPENAI_RESPONSES.read_fault(503, {}, body)
    assert fault.kind is FaultKind.OVERLOADED
    assert fault.message


def test_t64_the_time_to_wait_is_kept() -> None:
    body = dumps({"error": {"message": "x", "type": "requests", "code": "rate_limit_exceeded", "param": None}})
    assert OPENAI_RESPONSES.read_fault(429, {"Retry-After": "7"}, body).retry_after == 7
    assert OPENAI_RESPONSES.read_fault(429, {"retry-after-ms": "1500"}, body).retry_after == 1.5
    date = {"date": "Wed, 21 Oct 2026 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}
    assert OPENAI_RESPONSES.read_fault(429, date, body).retry_after == 30


def test_t76_a_prompt_that_is_too_long_is_told_from_other_mistakes() -> None:
    body = dumps({"error": {"message": "Your input exceeds the context window of this model.", "code": None}})
    assert OPENAI_RESPONSES.read_fault(400, {}, body).kind is FaultKind.CONTEXT_LENGTH


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_kind_of_fault_has_its_shape(kind: FaultKind) -> None:
    error = OPENAI_RESPONSES.write_fault(Fault(kind, "what", field="input"))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"]
    assert (error["message"], error["param"]) == ("what", "input")


@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/v1/responses/", "/openai/v1/responses"])
def test_paths(path: str) -> None:
    call = endpoints.recognise("POST", path, {})
    assert call is not None
    assert (call.protocol, call.operation) == ("openai_responses", "chat")
    assert endpoints.upstream_path(call, "m") == "/responses"
    assert endpoints.recognise("GET", path, {}) is None
    assert endpoints.recognise("POST", path + "/resp_1/cancel", {}) is None


def test_usage_is_added_up() -> None:
    events: list[Event] = [
        Started("x", "m", usage=Usage(input=5)),
        UsageReported(Usage(output=2)),
        Finished("stop"),
        Ended(),
    ]
    usage = payloads(write_stream(events, view()))[-1]["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (5, 2)


def test_lone_surrogates_are_written() -> None:
    data = write_stream([*opened(Text("")), TextDelta(0, "\ud83d"), Finished("stop"), Ended()], view())
    assert payloads(data)[-1]["response"]["output"][0]["content"][0]["text"] == "\ud83d"
