"""Requests as clients send them, and what they are told of the wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.protocols.contract import Call
from proxy_core.protocols.openai_chat import OPENAI_CHAT
from proxy_core.turn.content import Opaque, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import Reasoning, ToolChoice
from tests.protocols.openai_chat.material import asked, request_of

HI = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"messages": [HI]}, "model", "required"),
        ({"model": 3, "messages": [HI]}, "model", "must be a string, not a number"),
        ({"model": "m"}, "messages", "required"),
        ({"model": "m", "messages": {}}, "messages", "must be an array, not an object"),
        ({"model": "m", "messages": []}, "messages", "at least one"),
        ({"model": "m", "messages": ["x"]}, "messages[0]", "must be an object"),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages[0].role", "required"),
        ({"model": "m", "messages": [{"role": "robot"}]}, "messages[0].role", "not 'robot'"),
        ({"model": "m", "messages": [{"role": "user"}]}, "messages[0].content", "required"),
        ({"model": "m", "messages": [HI, {"role": "user", "content": 5}]}, "messages[1].content", "not a number"),
        (
            {"model": "m", "messages": [HI, {"role": "user", "content": [{"type": "text", "text": 5}]}]},
            "messages[1].content[0].text",
            "must be a string, not a number",
        ),
        ({"model": "m", "messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type", "required"),
        ({"model": "m", "messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "required"),
        ({"model": "m", "messages": [HI], "temperature": "hot"}, "temperature", "must be a number, not a string"),
        ({"model": "m", "messages": [HI], "stream": "yes"}, "stream", "true or false"),
        ({"model": "m", "messages": [HI], "tools": [{"type": "function"}]}, "tools[0].function", "required"),
        ({"model": "m", "messages": [HI], "tool_choice": "maybe"}, "tool_choice", "maybe"),
        ({"model": "m", "messages": [HI], "response_format": {"type": "xml"}}, "response_format.type", "xml"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(ParleyError) as raised:
        request_of(body)
    fault = raised.value.fault
    assert (fault.kind, fault.field) == (FaultKind.INVALID_REQUEST, field)
    assert words in fault.message


def test_t54_unknown_fields_are_kept() -> None:
    request = asked({**HI, "mood": "good"}, speed="fast", stream_options={"include_obfuscation": False})
    assert request.extra == {"speed": "fast", "stream_options": {"include_obfuscation": False}}
    assert request.turns[0].extra == {"mood": "good"}


def test_unknown_parts_are_kept_whole() -> None:
    part = {"type": "hologram", "data": 1}
    assert asked({"role": "user", "content": [part]}).turns[0].parts == [Opaque("openai_chat", "hologram", part)]


def test_results_of_custom_calls_are_known_by_their_calls() -> None:
    called = {"id": "a", "type": "custom", "custom": {"name": "patch", "input": "x"}}
    turns = asked(
        {"role": "assistant", "tool_calls": [called]}, {"role": "tool", "tool_call_id": "a", "content": "ok"}
    ).turns
    assert turns[0].parts == [ToolCall("a", "patch", "x", custom=True)]
    assert turns[1].parts == [ToolResult("a", [Text("ok")], custom=True)]


def test_the_older_functions_are_tools() -> None:
    request = asked(
        HI,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
        functions=[{"name": "f", "parameters": {}}],
        function_call={"name": "f"},
    )
    [call], [result] = request.turns[1].parts, request.turns[2].parts
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert call.id == result.call_id
    assert request.tool_choice == ToolChoice("named", "f")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_are_read_from_either_field(field: str) -> None:
    thought = asked({"role": "assistant", "content": "x", field: "hm"}).turns[0].parts[0]
    assert isinstance(thought, Thinking)
    assert thought.text == "hm"


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({"reasoning_effort": "xhigh"}, Reasoning(effort="xhigh")),
        ({"reasoning": {"max_tokens": 5, "exclude": True}}, Reasoning(budget=5, show=False)),
        ({"thinking": {"type": "disabled"}}, Reasoning(enabled=False)),
        ({"enable_thinking": True, "thinking_budget": 9}, Reasoning(enabled=True, budget=9)),
        ({}, None),
    ],
)
def test_thinking_in_every_vendors_words(fields: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert asked(HI, **fields).reasoning == reasoning


def test_the_model_of_a_deployments_path() -> None:
    assert OPENAI_CHAT.read_request({"messages": [HI]}, Call("openai_chat", "chat", "gpt-4o")).model == "gpt-4o"


def test_a_grammar_reads_as_in_responses() -> None:
    grammar = {"syntax": "regex", "definition": "a+"}
    custom = {"name": "patch", "format": {"type": "grammar", "grammar": grammar}}
    assert request_of({"model": "m", "messages": [HI], "tools": [{"type": "custom", "custom": custom}]}).tools[
        0
    ].format == {"type": "grammar", **grammar}
