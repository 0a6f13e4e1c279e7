"""Requests of other protocols, and of chat clients for other vendors, as chat backends get them."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.profiles.target import ModelProfile
from proxy_core.turn.content import Media, Opaque, Refusal, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import OutputFormat, Reasoning, Sampling, Tool, ToolChoice
from tests.live.strict.chat import check_chat
from tests.protocols.openai_chat.material import asked, foreign, said, written

WEATHER = Tool("weather", "Says the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
SEARCH = Tool("web_search", server=True, raw={"type": "web_search_20250305", "name": "web_search"})
USER = said("user", Text("Hello"))
CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def messages(*turns: Any, dialect: str = "openai", profile: ModelProfile | None = None, **fields: Any) -> list[Any]:
    body = written(foreign(*turns, **fields), dialect, profile)
    check_chat(written(foreign(*turns, **fields), "openai", profile))
    return body["messages"]


def call(call_id: str, name: str = "weather", arguments: str = "{}", **more: Any) -> ToolCall:
    return ToolCall(call_id, name, arguments, **more)


def test_a_claude_conversation() -> None:
    sent = messages(
        USER,
        said("assistant", Thinking("hm", Seal("anthropic", "s")), Text("I look."), call("toolu_1")),
        said("user", ToolResult("toolu_1", [Text("sunny")]), Text("And?")),
        system=[Text("Be brief."), Text("Be kind.")],
    )
    assert sent == [
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        {"role": "user", "content": "Hello"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"},
        {"role": "user", "content": "And?"},
    ]


def test_t28_a_missing_result_is_made_up() -> None:
    losses = Losses()
    request = foreign(USER, said("assistant", call("a"), call("b")), said("user", ToolResult("b", [Text("2")])))
    body = written(request, losses=losses)
    check_chat(body)
    assert {m["tool_call_id"]: m["content"] for m in body["messages"] if m["role"] == "tool"}["b"] == "2"
    assert any("'a' has no result" in loss.why for loss in losses.items)


def test_t27_results_stand_right_behind_their_calls() -> None:
    sent = messages(
        USER,
        said("assistant", call("a"), call("b")),
        said("user", ToolResult("a", [Text("1")])),
        said("user", Text("wait")),
        said("user", ToolResult("b", [Text("2")])),
    )
    assert [m["role"] for m in sent] == ["user", "assistant", "tool", "tool", "user"]


def test_a_result_of_no_call_becomes_text() -> None:
    sent = messages(USER, said("user", ToolResult("gone", [Text("42")])))
    assert sent[-1]["role"] == "user"
    assert "42" in sent[-1]["content"]


def test_geminis_calls_without_ids_are_matched_by_name_and_order() -> None:
    turns = [
        USER,
        said("assistant", call("", "f"), call("", "g"), call("", "f")),
        said(
            "user",
            ToolResult("", [Text("g1")], name="g"),
            ToolResult("", [Text("f1")], name="f"),
            ToolResult("", [Text("f2")], name="f"),
        ),
    ]
    sent = messages(*turns, origin="gemini")
    ids = [c["id"] for c in sent[1]["tool_calls"]]
    assert len(set(ids)) == 3
    assert {m["tool_call_id"]: m["content"] for m in sent[2:]} == dict(zip(ids, ["f1", "g1", "f2"], strict=True))
    assert messages(*turns, origin="gemini") == sent


@pytest.mark.parametrize(("dialect", "length"), [("openai", 64), ("azure", 40), ("mistral", 9)])
def test_t43_t44_ids_fit_and_stay_apart(dialect: str, length: int) -> None:
    ids = ["x" * 90 + "1", "x" * 90 + "2"]
    sent = written(
        foreign(USER, said("assistant", *map(call, ids)), said("user", *(ToolResult(i, [Text(i[-1])]) for i in ids))),
        dialect,
    )["messages"]
    fitted = [c["id"] for c in sent[1]["tool_calls"]]
    assert len(set(fitted)) == 2
    assert all(len(i) <= length for i in fitted)
    assert [(m["tool_call_id"], m["content"]) for m in sent[2:]] == [(fitted[0], "1"), (fitted[1], "2")]


def test_t55_pictures_of_results_follow_as_pictures() -> None:
    image = Media("image", "image/png", data="AA==")
    turns = [USER, said("assistant", call("a")), said("user", ToolResult("a", [Text("seen"), image]), Text("Well?"))]
    sent = messages(*turns)
    assert "seen" in sent[2]["content"]
    assert "image 1" in sent[2]["content"]
    assert [part["type"] for part in sent[3]["content"]] == ["image_url", "text"]
    within = written(foreign(*turns), "openrouter")["messages"]
    assert [part["type"] for part in within[2]["content"]] == ["text", "image_url"]
    assert within[3] == {"role": "user", "content": "Well?"}


def test_t46_a_choice_of_a_dropped_tool_is_mended() -> None:
    losses = Losses()
    body = written(foreign(USER, tools=[WEATHER, SEARCH], tool_choice=ToolChoice("named", "web_search")), losses=losses)
    check_chat(body)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["weather"]
    assert body["tool_choice"] == "auto"
    assert {loss.path for loss in losses.items} == {"tools[1]", "tool_choice"}


def test_a_choice_without_any_tool_is_left_out() -> None:
    body = written(foreign(USER, tools=[SEARCH], tool_choice=ToolChoice("required"), parallel_tool_calls=True))
    check_chat(body)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


@pytest.mark.parametrize(
    ("dialect", "choice", "tools", "chosen"),
    [
        ("openai", ToolChoice("required"), 2, "required"),
        ("mistral", ToolChoice("required"), 2, "any"),
        ("mistral", ToolChoice("allowed", names=["weather"], required=True), 1, "any"),
        ("openai", ToolChoice("named", "patch"), 2, {"type": "custom", "custom": {"name": "patch"}}),
        ("mistral", ToolChoice("named", "patch"), 2, {"type": "function", "function": {"name": "patch"}}),
    ],
)
def test_tool_choices(dialect: str, choice: ToolChoice, tools: int, chosen: Any) -> None:
    body = written(foreign(USER, tools=[WEATHER, Tool("patch", custom=True)], tool_choice=choice), dialect)
    assert len(body["tools"]) == tools
    assert body["tool_choice"] == chosen


def test_allowed_tools_of_openai() -> None:
    choice = ToolChoice("allowed", names=["weather"])
    body = written(foreign(USER, tools=[WEATHER, Tool("f")], tool_choice=choice))
    check_chat(body)
    assert len(body["tools"]) == 2
    assert body["tool_choice"]["allowed_tools"]["tools"] == [{"type": "function", "function": {"name": "weather"}}]


def test_custom_tools_where_a_backend_has_none() -> None:
    grammar = {"syntax": "lark", "definition": "start: x"}
    patch = Tool("patch", "Patches.", custom=True, format={"type": "grammar", **grammar})
    turns = [USER, said("assistant", call("a", "patch", "*** x", custom=True)), said("user", ToolResult("a", []))]
    body = written(foreign(*turns, tools=[patch], origin="openai_responses"), "ollama")
    assert "start: x" in body["tools"][0]["function"]["description"]
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"input":"*** x"}'
    native = written(foreign(*turns, tools=[patch], origin="openai_responses"))
    check_chat(native)
    assert native["tools"][0]["type"] == native["messages"][1]["tool_calls"][0]["type"] == "custom"
    assert native["tools"][0]["custom"]["format"] == {"type": "grammar", "grammar": grammar}


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("openai", {}),
        ("deepseek", {"reasoning_content": "hm"}),
        ("moonshot", {"reasoning_content": "hm"}),
        ("groq", {"reasoning": "hm"}),
    ],
)
def test_thoughts_of_past_turns(dialect: str, expected: dict[str, str]) -> None:
    sent = written(foreign(USER, said("assistant", Thinking("hm"), Text("Hi")), USER), dialect)["messages"][1]
    assert {key: sent[key] for key in sent if key.startswith("reasoning")} == expected
    assert sent["content"] == "Hi"


def test_thoughts_as_parts_for_mistral() -> None:
    sent = written(foreign(USER, said("assistant", Thinking("hm"), Text("Hi"))), "mistral")["messages"][1]
    assert sent["content"][0] == {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}


def test_t39_every_assistant_message_has_reasoning_content() -> None:
    sent = written(foreign(USER, said("assistant", Text("a")), USER, said("assistant", Text("b"))), "deepseek")
    assert [m.get("reasoning_content") for m in sent["messages"] if m["role"] == "assistant"] == ["", ""]


def test_details_of_openrouter_go_back_only_to_it() -> None:
    seal = Seal("openai_chat", '[{"type":"reasoning.encrypted","data":"xyz"}]')
    request = foreign(USER, said("assistant", Thinking("", seal, redacted=True), Text("Hi")), USER)
    assert written(request, "openrouter")["messages"][1]["reasoning_details"] == [
        {"type": "reasoning.encrypted", "data": "xyz"}
    ]
    assert written(request, "openai")["messages"][1] == {"role": "assistant", "content": "Hi"}


def test_foreign_signatures_do_not_reach_the_backend() -> None:
    seal = Seal("gemini", "secret-signature")
    turns = [USER, said("assistant", Thinking("hm", seal), Text("Hi", seal), call("a", seal=seal))]
    for dialect in ("default", "openrouter", "gemini", "deepseek", "openai"):
        assert "secret-signature" not in str(written(foreign(*turns, origin="gemini"), dialect))


def test_googles_own_signature_goes_back_to_it() -> None:
    seal = Seal("openai_chat", "sig")
    request = foreign(USER, said("assistant", call("a", seal=seal)))
    sent = written(request, "gemini")["messages"][1]["tool_calls"][0]
    assert sent["extra_content"] == {"google": {"thought_signature": "sig"}}
    assert "extra_content" not in written(request, "openai")["messages"][1]["tool_calls"][0]


def test_refusals_of_others_are_what_the_model_said() -> None:
    assert messages(USER, said("assistant", Refusal("No.")), USER)[1] == {"role": "assistant", "content": "No."}


def test_t09_empty_texts_are_left_out() -> None:
    sent = messages(USER, said("assistant", Text(""), Text("a"), Text("b")), said("user", Text(""), Text("c")))
    assert [m["content"] for m in sent] == ["Hello", "ab", "c"]


def test_unknown_parts_of_others_are_reported() -> None:
    losses = Losses()
    written(foreign(USER, said("assistant", Opaque("anthropic", "server_tool_use", {}), Text("x"))), losses=losses)
    assert [(loss.path, loss.action) for loss in losses.items] == [("messages[1].content[0]", "dropped")]


def test_system_text_in_the_middle() -> None:
    turns = [said("developer", Text("A")), said("system", Text("B")), USER, said("system", Text("C")), USER]
    anywhere = written(foreign(*turns), profile=ModelProfile(mid_conversation_system=True))["messages"]
    assert [m["role"] for m in anywhere] == ["developer", "system", "user", "system", "user"]
    first_only = written(foreign(*turns), "ollama")["messages"]
    assert [m["role"] for m in first_only] == ["system", "user", "user", "user"]
    assert first_only[0]["content"] == "A\n\nB"


THINKS = ModelProfile(thinking="effort", efforts=("low", "high"))


@pytest.mark.parametrize(
    ("dialect", "reasoning", "profile", "expected"),
    [
        ("openai", Reasoning(enabled=True, budget=20_000), THINKS, {"reasoning_effort": "high"}),
        ("openai", Reasoning(effort="medium"), THINKS, {"reasoning_effort": "low"}),
        ("openai", Reasoning(enabled=True, adaptive=True), THINKS, {}),
        ("openai", Reasoning(effort="high"), ModelProfile(), {}),
        ("openrouter", Reasoning(enabled=True, budget=2000), THINKS, {"reasoning": {"max_tokens": 2000}}),
        ("openrouter", Reasoning(enabled=False), THINKS, {"reasoning": {"enabled": False}}),
        ("deepseek", Reasoning(enabled=False), THINKS, {"thinking": {"type": "disabled"}}),
        ("deepseek", Reasoning(effort="high"), THINKS, {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ("qwen", Reasoning(budget=500), THINKS, {"enable_thinking": True, "thinking_budget": 500}),
        ("qwen", Reasoning(effort="none"), THINKS, {"enable_thinking": False}),
    ],
)
def test_thinking_in_every_dialect(dialect: str, reasoning: Reasoning, profile: ModelProfile, expected: Any) -> None:
    body = written(foreign(USER, reasoning=reasoning), dialect, profile)
    assert {key: body[key] for key in body if key not in ("model", "messages")} == expected


def test_t40_disabled_thinking_has_no_effort_beside_it() -> None:
    body = written(foreign(USER, reasoning=Reasoning(enabled=False, effort="high")), "deepseek", THINKS)
    assert "reasoning_effort" not in body


def test_sampling_that_a_reasoning_model_refuses() -> None:
    losses = Losses()
    sampling = Sampling(temperature=0.5, top_p=0.9, presence_penalty=1, max_tokens=100, seed=4)
    profile = ModelProfile(temperature=False, thinking="effort")
    body = written(foreign(USER, sampling=sampling), profile=profile, losses=losses)
    assert {k: v for k, v in body.items() if k not in ("model", "messages")} == {
        "max_completion_tokens": 100,
        "seed": 4,
    }
    assert {loss.path for loss in losses.items} == {"temperature", "top_p", "presence_penalty"}


def test_sampling_in_mistrals_words() -> None:
    sampling = Sampling(max_tokens=5, seed=1, logprobs=True, top_k=3)
    body = written(foreign(USER, sampling=sampling), "mistral")
    assert {k: v for k, v in body.items() if k not in ("model", "messages")} == {"max_tokens": 5, "random_seed": 1}


def test_t56_no_more_tokens_than_the_model_gives() -> None:
    profile = ModelProfile(max_output_tokens=1000, context_window=9000)
    body = written(foreign(USER, sampling=Sampling(max_tokens=64_000)), profile=profile)
    assert body["max_completion_tokens"] == 1000
    assert "max_completion_tokens" not in written(foreign(USER))


def test_stop_sequences_beyond_the_limit_are_reported() -> None:
    losses = Losses()
    body = written(foreign(USER, sampling=Sampling(stop=list("abcdef"))), losses=losses)
    assert body["stop"] == ["a", "b", "c", "d"]
    assert losses.items[0].path == "stop[4:]"


def test_t48_a_schema_is_sent_or_stands_in_the_prompt() -> None:
    output = OutputFormat("schema", CLOSED)
    native = written(foreign(USER, output=output))
    check_chat(native)
    assert native["response_format"]["json_schema"] == {"name": "answer", "schema": CLOSED, "strict": True}
    prompted = written(foreign(USER, output=output), "deepseek")
    assert prompted["response_format"] == {"type": "json_object"}
    assert '"additionalProperties":false' in prompted["messages"][0]["content"]


def test_a_schema_that_strict_mode_refuses_is_sent_without_it() -> None:
    loose = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert (
        "strict" not in written(foreign(USER, output=OutputFormat("schema", loose)))["response_format"]["json_schema"]
    )


def test_any_json_is_spoken_of() -> None:
    """Refused otherwise: https://developers.openai.com/api/docs/guides/structured-outputs#json-mode"""
    body = written(foreign(USER, output=OutputFormat("json"), origin="gemini", system=[Text("Be brief.")]))
    assert "JSON" in body["messages"][0]["content"]


def test_t47_tools_have_no_field_of_another_vendor() -> None:
    losses = Losses()
    tool = Tool("f", schema={"type": "object"}, strict=True, cache={"type": "ephemeral"}, extra={"input_examples": [1]})
    body = written(foreign(USER, tools=[tool, Tool("g")]), losses=losses)
    check_chat(body)
    assert body["tools"][0]["function"] == {"name": "f", "parameters": {"type": "object"}}
    assert body["tools"][1]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert {loss.path for loss in losses.items} == {"tools[0].strict", "tools[0].input_examples", "cache_control"}


def test_cache_marks_go_to_those_who_know_them() -> None:
    turn = said("user", Text("long", cache={"type": "ephemeral"}), Text("short"))
    sent = written(foreign(turn), "openrouter")["messages"][0]["content"]
    assert sent[0] == {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    assert written(foreign(turn))["messages"][0]["content"] == "long\n\nshort"


def test_t51_the_cache_key_is_kept() -> None:
    assert written(foreign(USER, cache_key="k"))["prompt_cache_key"] == "k"


def test_usage_is_always_asked_for_in_streams() -> None:
    assert written(asked({"role": "user", "content": "x"}, stream=True))["stream_options"] == {"include_usage": True}
    assert "stream_options" not in written(foreign(USER, stream=True), "mistral")
    assert "stream_options" not in written(foreign(USER))


def test_top_level_fields_of_others_are_reported() -> None:
    losses = Losses()
    body = written(foreign(USER, extra={"context_management": {}, "_note": 1}), losses=losses)
    assert body.keys() == {"model", "messages"}
    assert [loss.path for loss in losses.items] == ["context_management"]


def test_documents_where_they_are_not_taken() -> None:
    pdf = Media("document", "application/pdf", data="AA==", name="a.pdf")
    assert messages(said("user", Text("Read"), pdf))[0]["content"][1]["file"] == {
        "filename": "a.pdf",
        "file_data": "data:application/pdf;base64,AA==",
    }
    losses = Losses()
    sent = written(foreign(said("user", Text("Read"), pdf)), "ollama", losses=losses)["messages"][0]["content"]
    assert "a.pdf" in sent
    assert losses.items[0].path == "messages[0].content[1]"
