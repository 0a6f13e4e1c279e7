"""Thinking, sampling, tools, structured output and cache marks, as each Claude model takes them."""

from __future__ import annotations

import pytest

from proxy_core.errors import ParleyError
from proxy_core.protocols.anthropic.output import STRUCTURED_OUTPUT_TOOL
from proxy_core.turn.content import Seal, Text, Thinking
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import OutputFormat, Reasoning, Sampling, Tool, ToolChoice
from tests.protocols.anthropic.writing_requests import (
    ALWAYS,
    BUDGET,
    OLD,
    OPTIONAL,
    WEATHER,
    call,
    chat,
    paths,
    result,
    turn,
    write,
    write_call,
)

PERSON = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0}, "minimum": {"type": "string"}},
}


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "effort"),
    [
        (BUDGET, Reasoning(effort="medium"), {"type": "enabled", "budget_tokens": 8192}, None),
        (BUDGET, Reasoning(budget=100), {"type": "enabled", "budget_tokens": 1024}, None),
        (BUDGET, Reasoning(effort="none"), {"type": "disabled"}, None),
        (OPTIONAL, Reasoning(effort="xhigh"), {"type": "adaptive", "display": "summarized"}, "xhigh"),
        (OPTIONAL, Reasoning(budget=1024, show=False), {"type": "adaptive", "display": "omitted"}, "low"),
        (OPTIONAL, Reasoning(enabled=False), {"type": "disabled"}, None),
        ("claude-opus-4-6", Reasoning(effort="xhigh"), {"type": "adaptive", "display": "summarized"}, "high"),
        (ALWAYS, Reasoning(effort="none"), None, "low"),
        ("claude-3-5-haiku", Reasoning(effort="high"), None, None),
    ],
)
def test_thinking_takes_the_form_of_the_model(model, reasoning, thinking, effort) -> None:
    body, _ = write(chat(reasoning=reasoning), model)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort


def test_t41_a_budget_leaves_room_below_max_tokens() -> None:
    body, losses = write(chat(reasoning=Reasoning(budget=20_000), sampling=Sampling(max_tokens=4000)))
    assert body["thinking"]["budget_tokens"] == 3000
    assert "reasoning" in paths(losses)


def test_t41_no_thinking_where_max_tokens_has_no_room() -> None:
    body, losses = write(chat(reasoning=Reasoning(effort="high"), sampling=Sampling(max_tokens=512)))
    assert "thinking" not in body
    assert body["max_tokens"] == 512
    assert paths(losses) == ["reasoning"]


def test_t41_sampling_is_left_out_while_thinking() -> None:
    sampling = Sampling(temperature=0.2, top_p=0.5, top_k=3, stop=["\n", "END"])
    body, losses = write(chat(reasoning=Reasoning(effort="low"), sampling=sampling))
    assert not {"temperature", "top_p", "top_k"} & set(body)
    assert body["stop_sequences"] == ["END"]
    assert sorted(paths(losses)) == ["stop", "temperature", "top_k", "top_p"]


def test_temperature_is_cut_to_one_and_wins_over_top_p() -> None:
    body, losses = write(chat(sampling=Sampling(temperature=1.7, top_p=0.9, top_k=5)))
    assert (body["temperature"], body.get("top_p"), body["top_k"]) == (1.0, None, 5)
    assert sorted(paths(losses)) == ["temperature", "top_p"]


def test_newer_models_get_no_sampling_parameters() -> None:
    body, losses = write(chat(sampling=Sampling(temperature=0.3, top_k=5)), OPTIONAL)
    assert not {"temperature", "top_k"} & set(body)
    assert sorted(paths(losses)) == ["temperature", "top_k"]


def test_what_the_protocol_lacks_is_reported() -> None:
    sampling = Sampling(seed=1, n=2, presence_penalty=0.5, logprobs=True)
    _, losses = write(chat(sampling=sampling, cache_key="k", extra={"store": True}))
    assert sorted(paths(losses)) == ["logprobs", "n", "presence_penalty", "prompt_cache_key", "seed", "store"]


def test_t54_the_user_is_carried_as_metadata() -> None:
    body, _ = write(chat(user="x" * 600))
    assert len(body["metadata"]["user_id"]) == 64


@pytest.mark.parametrize(("asked", "written"), [(None, 32_000), (100, 100), (900_000, 64_000)])
def test_t56_max_tokens_is_always_sent_and_never_too_large(asked: int | None, written: int) -> None:
    body, _ = write(chat(sampling=Sampling(max_tokens=asked)))
    assert body["max_tokens"] == written


def test_t35_thinking_is_off_while_a_tool_loop_lacks_its_thoughts() -> None:
    turns = [turn("user", "Hi"), turn("assistant", call()), result()]
    body, losses = write(chat(*turns, reasoning=Reasoning(effort="high")))
    assert body["thinking"] == {"type": "disabled"}
    assert "reasoning" in paths(losses)


def test_t35_thinking_stays_on_when_the_loop_has_its_thoughts_or_is_over() -> None:
    thought = Thinking("hm", Seal("anthropic", "s"))
    loop = [turn("user", "Hi"), turn("assistant", thought, call()), result()]
    body, _ = write(chat(*loop, reasoning=Reasoning(effort="high")), seals=frozenset({"s"}))
    assert body["thinking"]["type"] == "enabled"
    over = [turn("user", "Hi"), turn("assistant", call()), result(), turn("assistant", "Done"), turn("user", "Next")]
    body, _ = write(chat(*over, reasoning=Reasoning(effort="high")))
    assert body["thinking"]["type"] == "enabled"


@pytest.mark.parametrize(
    ("choice", "parallel", "written"),
    [
        (ToolChoice("auto"), None, {"type": "auto"}),
        (ToolChoice("required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("named", name="weather"), None, {"type": "tool", "name": "weather"}),
        (ToolChoice("none"), False, {"type": "none"}),
        (ToolChoice("allowed", names=["weather"], required=True), None, {"type": "any"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, None),
    ],
)
def test_the_choice_among_tools(choice, parallel, written) -> None:
    body, _ = write(chat(tools=[WEATHER], tool_choice=choice, parallel_tool_calls=parallel))
    assert body.get("tool_choice") == written


def test_t46_a_choice_of_a_tool_that_was_dropped_becomes_auto() -> None:
    search = Tool("web_search", server=True, raw={"type": "web_search"})
    request = chat(tools=[search, WEATHER], tool_choice=ToolChoice("named", name="web_search"))
    body, losses = write(request)
    assert [tool["name"] for tool in body["tools"]] == ["weather"]
    assert body["tool_choice"] == {"type": "auto"}
    assert paths(losses) == ["tools[0]", "tool_choice"]


def test_t46_with_no_tool_left_the_choice_goes_too() -> None:
    search = Tool("web_search", server=True, raw={"type": "web_search"})
    body, _ = write(chat(tools=[search], tool_choice=ToolChoice("required")))
    assert "tools" not in body
    assert "tool_choice" not in body


def test_only_allowed_tools_are_offered() -> None:
    body, _ = write(chat(tools=[WEATHER, Tool("time")], tool_choice=ToolChoice("allowed", names=["time"])))
    assert [tool["name"] for tool in body["tools"]] == ["time"]


def test_t47_t54_fields_of_other_vendors_do_not_leak_into_tools() -> None:
    tool = Tool("weather", strict=True, extra={"_namespace": "x", "kind": "y"})
    body, losses = write(chat(tools=[tool]))
    assert body["tools"] == [{"name": "weather", "input_schema": {"type": "object", "properties": {}}}]
    assert paths(losses) == ["tools[0].strict", "tools[0].kind"]


def test_a_schema_with_alternatives_at_the_top_becomes_one_object() -> None:
    schema = {
        "$defs": {"B": {"properties": {"b": {"type": "string"}, "c": {"type": "string"}}, "required": ["b", "c"]}},
        "anyOf": [{"properties": {"a": {"type": "string"}}, "required": ["c"]}, {"$ref": "#/$defs/B"}],
    }
    body, losses = write(chat(tools=[Tool("pick", schema=schema)]))
    written = body["tools"][0]["input_schema"]
    assert set(written["properties"]) == {"a", "b", "c"}
    assert written["required"] == ["c"]
    assert paths(losses) == ["tools[0].parameters"]


def test_a_custom_tool_takes_its_text_as_input_and_tells_its_grammar() -> None:
    patch = Tool("apply_patch", "Edits.", custom=True, format={"type": "grammar", "definition": "start: X"})
    body, _ = write(chat(tools=[patch]))
    assert body["tools"][0]["input_schema"]["required"] == ["input"]
    assert "start: X" in body["tools"][0]["description"]


def test_a_tool_name_that_cannot_be_written_is_refused_by_name() -> None:
    with pytest.raises(ParleyError) as raised:
        write(chat(tools=[Tool("files.read")]))
    assert raised.value.fault.field == "tools[0].name"


def test_forcing_a_tool_turns_thinking_off() -> None:
    request = chat(tools=[WEATHER], tool_choice=ToolChoice("required"), reasoning=Reasoning(effort="max"))
    body, losses = write(request, OPTIONAL)
    assert body["thinking"] == {"type": "disabled"}
    assert body["output_config"] == {"effort": "high"}
    assert paths(losses) == ["reasoning"]


def test_a_model_that_always_thinks_is_not_forced() -> None:
    request = chat(tools=[WEATHER], tool_choice=ToolChoice("named", name="weather"), parallel_tool_calls=False)
    body, losses = write(request, ALWAYS)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert paths(losses) == ["tool_choice"]


def test_structured_output_natively_with_what_the_schema_cannot_hold_in_words() -> None:
    body, losses = write(chat(output=OutputFormat("schema", schema=PERSON)))
    schema = body["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["age"] == {"type": "integer", "description": "(minimum: 0)"}
    assert schema["properties"]["minimum"] == {"type": "string"}
    assert paths(losses) == ["response_format"]


def test_t48_structured_output_through_a_tool_where_the_model_has_none() -> None:
    request = chat(output=OutputFormat("schema", schema=PERSON), reasoning=Reasoning(effort="low"))
    body, _ = write(request, OLD)
    assert body["tool_choice"] == {"type": "tool", "name": STRUCTURED_OUTPUT_TOOL}
    assert body["tools"][0]["input_schema"] == PERSON
    assert body["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (None, {"type": "any"}),
        (ToolChoice("named", name="weather"), {"type": "tool", "name": "weather"}),
        (ToolChoice("none"), {"type": "tool", "name": STRUCTURED_OUTPUT_TOOL}),
    ],
)
def test_t48_the_stand_in_does_not_override_the_callers_tools(choice, written) -> None:
    request = chat(output=OutputFormat("schema", schema=PERSON), tools=[WEATHER], tool_choice=choice)
    body, _ = write(request, OLD)
    assert [tool["name"] for tool in body["tools"]] == ["weather", STRUCTURED_OUTPUT_TOOL]
    assert body["tool_choice"] == written


@pytest.mark.parametrize(
    ("model", "output"),
    [(BUDGET, OutputFormat("json")), (OLD, OutputFormat("schema", schema={"type": "array", "items": {}}))],
)
def test_t48_json_is_asked_for_in_words_where_nothing_else_is_possible(model: str, output: OutputFormat) -> None:
    body, _ = write(chat(output=output), model)
    assert "JSON" in body["system"][-1]["text"]
    assert "tools" not in body


def test_t52_no_beta_header_is_set_for_a_request_that_needs_none() -> None:
    assert write_call(chat(), BUDGET, Losses()).headers == {}


def test_marks_are_set_where_the_client_has_none() -> None:
    body, _ = write(chat(turn("user", "Hi"), system=[Text("Be kind.")], tools=[WEATHER]), dialect="anthropic")
    assert body["system"][-1]["cache_control"] == {"type": "ephemeral"}
    assert body["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}


def test_the_clients_own_marks_stay_and_only_four_of_them() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    marked = [Text(f"{number}", cache=mark) for number in range(6)]
    body, losses = write(chat(turn("user", *marked)), dialect="anthropic")
    assert ["cache_control" in block for block in body["messages"][0]["content"]] == [False] * 2 + [True] * 4
    assert paths(losses) == ["cache_control"]
