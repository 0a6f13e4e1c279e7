"""Replies of other protocols, as chat clients see them, streamed and whole."""

from __future__ import annotations

import re
from typing import Any

import pytest

from proxy_core.errors import Fault, FaultKind
from proxy_core.protocols.openai_chat import OPENAI_CHAT
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
from proxy_core.turn.fold import unfold
from proxy_core.turn.reply import Choice, FinishReason, Reply, Usage
from tests.protocols.openai_chat.material import asked, events_of, payloads, reply_of, request_of, stream_of, view

START = Started("msg_1", "claude-x", origin="anthropic")


def claude(*parts: Part, finish: FinishReason = "stop", usage: Usage | None = None) -> Reply:
    return Reply("msg_1", "claude-x", [Choice(0, list(parts), finish)], usage, origin="anthropic")


def streamed(reply: Reply) -> list[Any]:
    return payloads(stream_of(list(unfold(reply))))


def deltas(reply: Reply) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in streamed(reply) if chunk["choices"]]


def test_t13_every_call_delta_has_its_index() -> None:
    reply = claude(ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"), finish="tool_calls")
    calls = [call for delta in deltas(reply) for call in delta.get("tool_calls", ())]
    assert [call["index"] for call in calls] == [0, 0, 1, 1]
    assert [call.get("id") for call in calls] == ["a", None, "b", None]


def test_t20_the_model_is_the_one_asked_for() -> None:
    reply = claude(Text("hi"))
    assert {chunk["model"] for chunk in streamed(reply)} == {"asked"}
    assert OPENAI_CHAT.write_reply(reply, view())["model"] == "asked"


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
        ("stop_sequence", "stop"),
        ("pause", "stop"),
        ("error", "content_filter"),
        ("other", "stop"),
    ],
)
def test_t19_finish_reasons(finish: FinishReason, word: str) -> None:
    reply = claude(Text("x"), finish=finish)
    reply.choices[0].raw_finish = "their_own_word"
    assert OPENAI_CHAT.write_reply(reply, view())["choices"][0]["finish_reason"] == word
    assert streamed(reply)[-1]["choices"][0]["finish_reason"] == word


def test_t10_open_blocks_may_interleave() -> None:
    events: list[Event] = [
        START,
        BlockStarted(0, ToolCall("a", "f", "")),
        BlockStarted(1, ToolCall("b", "g", "")),
        ArgumentsDelta(1, '{"y":2}'),
        ArgumentsDelta(0, '{"x":1}'),
        BlockEnded(0),
        BlockEnded(1),
        Finished("tool_calls"),
        Ended(),
    ]
    parts = reply_of(stream_of(events)).choices[0].parts
    assert [part.arguments for part in parts if isinstance(part, ToolCall)] == ['{"x":1}', '{"y":2}']


def test_a_call_without_arguments_has_an_empty_object() -> None:
    reply = claude(ToolCall("a", "f", ""), finish="tool_calls")
    written = OPENAI_CHAT.write_reply(reply, view())["choices"][0]["message"]["tool_calls"][0]
    assert written["function"]["arguments"] == "{}"
    [call] = reply_of(stream_of(list(unfold(reply)))).choices[0].parts
    assert isinstance(call, ToolCall)
    assert call.arguments == "{}"


def test_t77_prompt_tokens_include_the_cache() -> None:
    usage = Usage(input=10, cache_read=5, cache_write_5m=2, output=7, reasoning=3)
    written = OPENAI_CHAT.write_reply(claude(Text("x"), usage=usage), view())["usage"]
    assert (written["prompt_tokens"], written["completion_tokens"], written["total_tokens"]) == (17, 7, 24)
    assert written["prompt_tokens_details"]["cached_tokens"] == 5
    assert written["completion_tokens_details"]["reasoning_tokens"] == 3


def test_usage_streams_only_to_those_who_asked() -> None:
    events: list[Event] = [START, UsageReported(Usage(input=1, output=2)), Finished("stop"), Ended()]
    assert payloads(stream_of(events))[-1]["usage"]["total_tokens"] == 3
    assert not any("usage" in chunk for chunk in payloads(stream_of(events, view(include_usage=False))))


def test_t66_a_failure_ends_the_stream_without_done() -> None:
    fault = Fault(FaultKind.CUT, "The backend's answer ended before it was complete.")
    writer = OPENAI_CHAT.stream_writer(view())
    out = b"".join(
        map(
            writer.write,
            [START, BlockStarted(0, Text("")), TextDelta(0, "a"), Failed(fault), TextDelta(0, "b"), Ended()],
        )
    )
    assert b"[DONE]" not in out
    assert payloads(out)[-1]["error"]["type"] == "server_error"
    assert isinstance(events_of(out)[-1], Failed)


def test_t08_exactly_one_end() -> None:
    fault = Fault(FaultKind.INTERNAL, "x")
    out = stream_of([START, Finished("stop"), Ended(), Ended(), Failed(fault), Ping(), TextDelta(0, "late")])
    assert out.count(b"[DONE]") == 1
    assert out.endswith(b"data: [DONE]\n\n")


def test_t16_an_end_without_a_finish_reason_gets_one() -> None:
    events: list[Event] = [START, BlockStarted(0, ToolCall("a", "f", "{}")), Ended()]
    assert reply_of(stream_of(events)).choices[0].finish == "tool_calls"


def test_events_before_the_start_still_make_whole_chunks() -> None:
    out = stream_of([BlockStarted(0, Text("")), TextDelta(0, "a"), BlockEnded(0), Finished("stop"), Ended()])
    assert reply_of(out).choices[0].parts == [Text("a")]


def test_deltas_of_unknown_blocks_are_dropped() -> None:
    assert (
        stream_of([TextDelta(5, "a"), ThinkingDelta(6, "b"), SealDelta(7, Seal("gemini", "x")), BlockEnded(9)]) == b""
    )


@pytest.mark.parametrize("origin", ["anthropic", "gemini", "openai_responses"])
def test_a_signed_thought_comes_back_through_the_client(origin: Any) -> None:
    """As OpenRouter's clients keep it: https://openrouter.ai/docs/use-cases/reasoning-tokens"""
    reply = claude(Thinking("because", Seal(origin, "EqoB+/=")), ToolCall("a", "f", "{}"), finish="tool_calls")
    message = OPENAI_CHAT.write_reply(reply, view())["choices"][0]["message"]
    assert message["reasoning_content"] == "because"
    back = asked(message, {"role": "tool", "tool_call_id": "a", "content": "1"}).turns[0].parts
    assert back == reply.choices[0].parts
    again = reply_of(stream_of(list(unfold(reply)))).choices[0].parts[0]
    assert isinstance(again, Thinking)
    assert again.text == "because"


def test_t36_redacted_thoughts_come_back_through_the_client() -> None:
    reply = claude(Thinking("", Seal("anthropic", "blob"), redacted=True), Text("x"))
    message = OPENAI_CHAT.write_reply(reply, view())["choices"][0]["message"]
    assert "reasoning_content" not in message
    assert asked(message).turns[0].parts == reply.choices[0].parts


def test_t31_signatures_of_calls_and_texts_come_back_in_googles_form() -> None:
    seal = Seal("gemini", "c2ln")
    reply = claude(Text("x", seal), ToolCall("a", "f", "{}", seal=seal), finish="tool_calls")
    message = OPENAI_CHAT.write_reply(reply, view())["choices"][0]["message"]
    back = asked(message, {"role": "tool", "tool_call_id": "a", "content": "1"}).turns[0].parts
    assert back == reply.choices[0].parts
    call = next(d["tool_calls"][0] for d in deltas(reply) if "tool_calls" in d)
    assert call["extra_content"] == message["tool_calls"][0]["extra_content"]


def test_a_signature_that_comes_after_its_call_started() -> None:
    events: list[Event] = [
        START,
        BlockStarted(0, ToolCall("a", "f", "{}")),
        SealDelta(0, Seal("openai_chat", "sig")),
        Finished("tool_calls"),
        Ended(),
    ]
    [call] = reply_of(stream_of(events)).choices[0].parts
    assert isinstance(call, ToolCall)
    assert call.seal == Seal("openai_chat", "sig")


def test_clients_of_the_older_functions_get_a_function_call() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}], "functions": [{"name": "f"}]}
    seen = view(request_of(body))
    reply = claude(ToolCall("a", "f", '{"x":1}'), finish="tool_calls")
    choice = OPENAI_CHAT.write_reply(reply, seen)["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert choice["finish_reason"] == "function_call"
    pieces = [c["choices"][0] for c in payloads(stream_of(list(unfold(reply)), view(request_of(body)))) if c["choices"]]
    calls = [p["delta"]["function_call"] for p in pieces if "function_call" in p["delta"]]
    assert "".join(call["arguments"] for call in calls) == '{"x":1}'
    assert pieces[-1]["finish_reason"] == "function_call"


def test_custom_calls_are_shown_as_such() -> None:
    reply = claude(ToolCall("a", "patch", "*** Begin", custom=True), finish="tool_calls")
    call = OPENAI_CHAT.write_reply(reply, view())["choices"][0]["message"]["tool_calls"][0]
    assert call["custom"] == {"name": "patch", "input": "*** Begin"}
    [again] = reply_of(stream_of(list(unfold(reply)))).choices[0].parts
    assert isinstance(again, ToolCall)
    assert (again.custom, again.arguments) == (True, "*** Begin")


def test_what_chat_cannot_show_is_reported() -> None:
    seen = view()
    parts: list[Part] = [
        Opaque("anthropic", "server_tool_use", {}),
        Media("audio", "audio/wav", data="AA=="),
        Text("x", extra={"citations": [1]}),
    ]
    stream_of([*unfold(claude(*parts)), Unknown("anthropic", "odd", {})], seen)
    assert {"server_tool_use", "audio"} <= {loss.why.split("'")[1] for loss in seen.losses.items if "'" in loss.why}
    assert any(loss.path.endswith("citations") for loss in seen.losses.items)


def test_pictures_and_refusals_are_shown() -> None:
    reply = claude(Media("image", "image/png", data="AA=="), Refusal("No."))
    message = OPENAI_CHAT.write_reply(reply, view())["choices"][0]["message"]
    assert message["images"][0]["image_url"]["url"] == "data:image/png;base64,AA=="
    assert message["refusal"] == "No."
    assert reply_of(stream_of(list(unfold(reply)))).choices[0].parts == reply.choices[0].parts


def test_streamed_pictures_are_numbered() -> None:
    """OpenAI's SDK puts the entries of a list together by their `index`, and fails without."""
    pictures = [Media("image", "image/png", data=data) for data in ("AA==", "AB==")]
    assert re.findall(rb'"images":.*?"index":(\d)', stream_of(list(unfold(claude(*pictures))))) == [b"0", b"1"]


def test_ids_are_made_where_a_backend_gives_none() -> None:
    reply = Reply("", "g", [Choice(0, [ToolCall("", "f", "{}")], "tool_calls")], origin="gemini")
    written = OPENAI_CHAT.write_reply(reply, view())
    assert written["id"].startswith("chatcmpl-")
    assert written["choices"][0]["message"]["tool_calls"][0]["id"].startswith("call_")
