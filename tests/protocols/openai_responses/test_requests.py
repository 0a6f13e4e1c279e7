"""Requests: what is wrong is named, and what comes from other protocols is written as the API takes it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import ParleyError
from proxy_core.profiles.openai import MODELS
from proxy_core.profiles.target import Dialect, ModelProfile, Target
from proxy_core.turn.content import Media, Opaque, Part, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, OutputFormat, Reasoning, Sampling, Tool, ToolChoice, Turn
from tests.live.strict.responses import check_responses
from tests.protocols.openai_responses.shapes import read_request, write_request

REASONING = Target(
    "gpt-5", Dialect("openai"), ModelProfile(thinking="effort", efforts=("low", "high"), temperature=False)
)


def asked(*turns: Turn, **more: Any) -> ChatRequest:
    return ChatRequest("anthropic", "m", list(turns) or [Turn("user", [Text("hi")])], **more)


def items(*turns: Turn, losses: Losses | None = None) -> list[dict[str, Any]]:
    body = write_request(asked(*turns), Target("gpt-4o"), losses)
    check_responses(body)
    return body["input"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": "x"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": 5}, "input"),
        ({"model": "m", "input": [5]}, "input[0]"),
        ({"model": "m", "input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"model": "m", "input": [{"role": "user"}]}, "input[0].content"),
        (
            {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": 5}]}]},
            "input[0].content[0].text",
        ),
        (
            {"model": "m", "input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"model": "m", "input": [{"type": "function_call", "name": "f", "call_id": "c"}]}, "input[0].arguments"),
        ({"model": "m", "input": "x", "temperature": "hot"}, "temperature"),
        ({"model": "m", "input": "x", "stream": "yes"}, "stream"),
        ({"model": "m", "input": "x", "tools": [{"type": "function"}]}, "tools[0].name"),
        ({"model": "m", "input": "x", "tool_choice": 3}, "tool_choice"),
        ({"model": "m", "input": "x", "reasoning": "much"}, "reasoning"),
        ({"model": "m", "input": "x", "include": "all"}, "include"),
        ({"model": "m", "input": "x", "text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], field: str) -> None:
    with pytest.raises(ParleyError) as caught:
        read_request(body)
    assert caught.value.fault.http_status == 400
    assert caught.value.fault.field == field
    assert field in caught.value.fault.message


def test_unknown_fields_are_kept_for_openai() -> None:
    body = {"model": "m", "input": "x", "from_the_future": {"a": 1}, "stream": True}
    assert write_request(read_request(body))["from_the_future"] == {"a": 1}


def test_unknown_fields_of_others_are_reported() -> None:
    losses = Losses()
    write_request(asked(extra={"context_management": {}}), losses=losses)
    assert [loss.path for loss in losses.items] == ["context_management"]


def test_t38_foreign_seals_are_dropped_and_reported() -> None:
    losses = Losses()
    thought = Thinking("hm", seal=Seal("anthropic", "sig"))
    written = items(Turn("user", [Text("q")]), Turn("assistant", [thought, Text("a")]), losses=losses)
    assert [item["type"] for item in written] == ["message", "message"]
    assert [loss.path for loss in losses.items] == ["thinking"]


def test_own_seals_come_back_in_a_conversation_of_another_protocol() -> None:
    thought = Thinking("hm", seal=Seal("openai_responses", "gAAA"))
    body = write_request(asked(Turn("assistant", [thought, Text("a")])), REASONING)
    check_responses(body, frozenset({"gAAA"}))
    assert body["input"][0] == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "gAAA",
    }
    assert body["include"] == ["reasoning.encrypted_content"]


def test_an_empty_message_of_another_protocol_is_left_out() -> None:
    written = items(Turn("user", []), Turn("assistant", [Text("a")]), Turn("user", [Text("b")]))
    assert [item["role"] for item in written] == ["assistant", "user"]


def test_t43_t44_ids_that_are_too_long_are_hashed_alike() -> None:
    long = "x" * 100
    call, result = ToolCall(long, "f", "{}"), ToolResult(long, [Text("r")])
    written = items(Turn("assistant", [call]), Turn("user", [result]))
    assert written[0]["call_id"] == written[1]["call_id"] != long
    assert len(written[0]["call_id"]) <= 64


def test_t46_a_choice_of_a_tool_that_is_gone_becomes_auto() -> None:
    tools = [Tool("web_search", server=True, raw={"type": "web_search_20250305"}), Tool("f")]
    losses = Losses()
    body = write_request(asked(tools=tools, tool_choice=ToolChoice("named", "web_search")), losses=losses)
    assert body["tool_choice"] == "auto"
    assert [tool["name"] for tool in body["tools"]] == ["f"]
    assert {loss.path for loss in losses.items} == {"tools[0]", "tool_choice"}


def test_t46_no_choice_is_left_where_no_tool_is() -> None:
    tools = [Tool("web_search", server=True, raw={"type": "web_search_20250305"})]
    body = write_request(asked(tools=tools, tool_choice=ToolChoice("required")))
    assert "tool_choice" not in body
    assert "tools" not in body


def test_t28_a_missing_result_is_put_in() -> None:
    written = items(
        Turn("assistant", [ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}")]), Turn("user", [Text("stop")])
    )
    assert [item["type"] for item in written] == [
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
        "message",
    ]


def test_calls_without_ids_get_one_that_their_results_share() -> None:
    call, result = ToolCall("", "f", "{}"), ToolResult("", [Text("r")], name="f")
    written = items(Turn("assistant", [call]), Turn("user", [result]))
    assert written[0]["call_id"] == written[1]["call_id"] != ""


def test_t48_a_schema_is_asked_for_as_a_format() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = write_request(asked(output=OutputFormat("schema", schema=schema)))
    assert body["text"]["format"] == {"type": "json_schema", "name": "answer", "schema": schema}


def test_t51_a_cache_key_stays_as_it_is() -> None:
    body = {"model": "m", "input": "x", "prompt_cache_key": "mine"}
    assert write_request(read_request(body))["prompt_cache_key"] == "mine"


def test_t55_a_picture_in_a_result_stays_a_picture() -> None:
    picture = Media("image", "image/png", data="aGk=")
    written = items(
        Turn("assistant", [ToolCall("c", "f", "{}")]), Turn("user", [ToolResult("c", [Text("see"), picture])])
    )
    assert written[1]["output"] == [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
    ]


def test_a_result_of_which_nothing_is_left_is_empty_text() -> None:
    losses = Losses()
    gone = Opaque("anthropic", "tool_reference", {})
    written = items(
        Turn("assistant", [ToolCall("c", "f", "{}")]), Turn("user", [ToolResult("c", [gone])]), losses=losses
    )
    assert written[1]["output"] == ""
    assert losses.items


@pytest.mark.parametrize(
    "part",
    [Media("audio", "audio/wav", data="aGk="), Media("video", "video/mp4", data="aGk="), Media("image", file_id="f")],
)
def test_media_that_openai_does_not_take_are_reported_and_their_place_is_marked(part: Part) -> None:
    losses = Losses()
    (message,) = items(Turn("user", [part]), losses=losses)
    assert message["content"][0]["text"].startswith("[An attached ")
    assert [loss.path for loss in losses.items] == ["messages[0].content[0]"]


def test_an_output_without_its_call_is_sent_as_words() -> None:
    losses = Losses()
    _, said = items(Turn("user", [Text("hi")]), Turn("tool", [ToolResult("gone", [Text("18")])]), losses=losses)
    assert said["role"] == "user"
    assert said["content"][-1]["text"] == "18"
    assert [loss.action for loss in losses.items] == ["changed"]


def test_an_output_that_stands_before_its_call_is_no_output_of_it() -> None:
    written = items(Turn("tool", [ToolResult("c", [Text("18")])]), Turn("assistant", [ToolCall("c", "f", "{}")]))
    assert [item["type"] for item in written] == ["message", "function_call", "function_call_output"]


def test_a_message_without_words_is_still_a_message() -> None:
    assert len(items(Turn("user", [Text("")]))) == 1


def test_a_developer_turn_is_a_system_turn_where_there_are_none() -> None:
    request = asked(Turn("developer", [Text("be kind")]), Turn("user", [Text("hi")]))
    target = Target("m", Dialect("other", developer_role=False))
    assert [item["role"] for item in write_request(request, target)["input"]] == ["system", "user"]


def test_reasoning_follows_the_profile() -> None:
    sampling = Sampling(temperature=1.0, max_tokens=1, stop=["x"])
    losses = Losses()
    request = asked(reasoning=Reasoning(enabled=True, budget=8192), sampling=sampling)
    body = write_request(request, REASONING, losses)
    check_responses(body)
    assert body["reasoning"]["effort"] == "low"
    assert body["max_output_tokens"] == 16
    assert "temperature" not in body
    assert {loss.path for loss in losses.items} == {"reasoning.effort", "temperature", "max_tokens", "stop"}


def test_a_model_that_does_not_reason_is_not_asked_to() -> None:
    body = write_request(asked(reasoning=Reasoning(enabled=True, effort="high")), Target("gpt-4o"))
    assert "reasoning" not in body
    assert "include" not in body


def test_nothing_is_stored_for_clients_of_other_protocols() -> None:
    assert write_request(asked())["store"] is False
    assert "store" not in write_request(read_request({"model": "m", "input": "x"}))


def test_tools_are_not_made_strict_unasked() -> None:
    tool = write_request(asked(tools=[Tool("f", schema={"type": "object"})]))["tools"][0]
    assert tool["strict"] is False
    assert tool["parameters"] == {"type": "object", "properties": {}}


def test_every_profile_is_consistent() -> None:
    for pattern, profile in MODELS:
        assert profile.can_disable_thinking or profile.thinking == "effort", pattern
        assert profile.context_window is None or profile.max_output_tokens <= profile.context_window, pattern
