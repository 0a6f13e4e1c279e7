"""What Codex sends and needs: tools inside the input, tools of free text, namespaces, encrypted reasoning."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from proxy_core.errors import ParleyError
from proxy_core.protocols.openai_responses import OPENAI_RESPONSES, refuse_server_state
from proxy_core.turn.content import Opaque, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.reply import Choice, Reply
from tests.protocols.openai_responses.shapes import read_request, view, write_request

GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": 'start: "x"'}
EXEC = {"type": "custom", "name": "exec", "description": "Runs code", "format": GRAMMAR}
CLOSE = {"type": "function", "name": "close_agent", "parameters": {"type": "object", "properties": {}}}
AGENTS = {"type": "namespace", "name": "multi_agent_v1", "description": "Agents", "tools": [CLOSE]}
FUNCTIONS = {"type": "namespace", "name": "functions", "description": "", "tools": [EXEC]}
DECLARED = {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [FUNCTIONS, AGENTS]}
UPDATE = {"type": "configuration_update", "reasoning": {"effort": "low"}}


def message(role: str, text: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


CODEX = {
    "model": "gpt-6.1-sol",
    "input": [
        DECLARED,
        {**message("developer", "You are Codex."), "internal_chat_message_metadata_passthrough": {"turn_id": "t"}},
        message("user", "Run echo"),
        UPDATE,
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": "gAAAAAB1"},
        {
            "type": "custom_tool_call",
            "id": "ctc_1",
            "status": "completed",
            "call_id": "c1",
            "name": "exec",
            "input": "ls",
        },
        {"type": "custom_tool_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "a\nb"}]},
    ],
    "stream": True,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "reasoning": {"effort": "high", "context": "all_turns"},
}


def test_tools_inside_the_input_are_offered() -> None:
    request = read_request(CODEX)
    assert [(tool.name, tool.custom) for tool in request.tools] == [
        ("exec", True),
        ("multi_agent_v1__close_agent", False),
    ]
    assert request.tools[0].format == GRAMMAR


def test_a_configuration_update_sets_the_effort() -> None:
    request = read_request(CODEX)
    assert request.reasoning is not None
    assert request.reasoning.effort == "low"


def test_the_system_prompt_is_the_first_developer_message() -> None:
    turns = read_request(CODEX).turns
    assert [turn.role for turn in turns] == ["developer", "user", "assistant", "tool"]


def test_custom_calls_and_their_results_stay_custom() -> None:
    turns = read_request(CODEX).turns
    thought, call = turns[2].parts
    assert isinstance(thought, Thinking)
    assert thought.seal == Seal("openai_responses", "gAAAAAB1")
    assert isinstance(call, ToolCall)
    assert (call.custom, call.arguments) == (True, "ls")
    result = turns[3].parts[0]
    assert isinstance(result, ToolResult)
    assert result.custom
    assert result.content == [Text("a\nb")]


def test_all_of_it_is_written_back() -> None:
    expected = copy.deepcopy(CODEX)
    del expected["input"][4]["content"]
    written = write_request(read_request(CODEX))
    for item in written["input"]:
        if item.get("type") == "custom_tool_call_output" and isinstance(item["output"], str):
            item["output"] = [{"type": "input_text", "text": item["output"]}]
    assert written["input"] == expected["input"]
    assert "tools" not in written


def _reply_with(call: ToolCall, body: dict[str, Any]) -> dict[str, Any]:
    reply = Reply("x", "m", [Choice(0, [call], "tool_calls")], origin="anthropic")
    return OPENAI_RESPONSES.write_reply(reply, view("asked", read_request(body)))


def test_a_call_of_a_flattened_name_goes_back_to_its_namespace() -> None:
    item = _reply_with(ToolCall("c", "multi_agent_v1__close_agent", "{}"), CODEX)["output"][0]
    assert (item["name"], item["namespace"]) == ("close_agent", "multi_agent_v1")


def test_a_call_in_the_default_namespace_has_none() -> None:
    item = _reply_with(ToolCall("c", "exec", "ls", custom=True), CODEX)["output"][0]
    assert item["type"] == "custom_tool_call"
    assert (item["name"], item["input"]) == ("exec", "ls")
    assert "namespace" not in item


def test_a_namespaced_call_in_the_history_has_the_offered_name() -> None:
    call = {
        "type": "function_call",
        "call_id": "c",
        "name": "close_agent",
        "namespace": "multi_agent_v1",
        "arguments": "{}",
    }
    output = {"type": "function_call_output", "call_id": "c", "output": "done"}
    request = read_request({"model": "m", "input": [DECLARED, message("user", "go"), call, output]})
    part = request.turns[1].parts[0]
    assert isinstance(part, ToolCall)
    assert part.name == "multi_agent_v1__close_agent"
    assert write_request(request)["input"][2] == call


@pytest.mark.parametrize(
    "item",
    [
        {"type": "local_shell_call", "id": "lsh_1", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
        {"type": "tool_search_call", "call_id": "c", "arguments": {"query": "x"}, "execution": "client"},
        {"type": "from_the_future", "value": [1]},
    ],
)
def test_items_that_are_not_modelled_are_kept_whole(item: dict[str, Any]) -> None:
    request = read_request({"model": "m", "input": [message("user", "go"), item]})
    part = request.turns[1].parts[0]
    assert isinstance(part, Opaque)
    assert part.kind == item["type"]
    assert write_request(request)["input"][1] == item


def test_a_local_shell_output_answers_in_a_tool_turn() -> None:
    item = {"type": "local_shell_call_output", "call_id": "c", "output": "x"}
    request = read_request({"model": "m", "input": [item]})
    assert request.turns[0].role == "tool"
    assert write_request(request)["input"] == [item]


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "background", "prompt"])
def test_what_only_openai_has_stored_is_refused_elsewhere(field: str) -> None:
    value: Any = {"previous_response_id": "resp_1", "conversation": "conv_1", "background": True, "prompt": {"id": "p"}}
    request = read_request({"model": "m", "input": "hi", field: value[field]})
    with pytest.raises(ParleyError) as caught:
        refuse_server_state(request)
    assert caught.value.fault.field == field
    assert write_request(request)[field] == value[field]


def test_a_reference_to_a_stored_item_is_refused_elsewhere() -> None:
    request = read_request({"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]})
    with pytest.raises(ParleyError):
        refuse_server_state(request)


def test_a_thought_that_was_made_here_is_not_sent_to_openai() -> None:
    reply = Reply("x", "m", [Choice(0, [Thinking("hm"), Text("yes")], "stop")], origin="openai_chat")
    output = OPENAI_RESPONSES.write_reply(reply, view())["output"]
    assert [item["type"] for item in output] == ["reasoning", "message"]
    written = write_request(read_request({"model": "m", "input": [message("user", "go"), *output]}))
    assert [item["type"] for item in written["input"]] == ["message", "message"]
