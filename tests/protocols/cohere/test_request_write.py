"""Requests of other protocols as Cohere gets them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from proxy_core.errors import ParleyError
from proxy_core.pipeline.rendering import Rendered, render
from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.lookup import profile_of
from proxy_core.profiles.target import Target
from proxy_core.protocols import CODECS
from proxy_core.protocols.cohere import COHERE
from proxy_core.protocols.contract import Call
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import Media, Opaque, Part, ProtocolName, Refusal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, OutputFormat, Reasoning, Sampling, Tool, ToolChoice, Turn
from tests.live.strict.cohere import check_cohere

PLAIN, THINKER, OLD = "command-a-03-2025", "command-a-reasoning-08-2025", "command-r-plus-08-2024"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER, CLOCK = Tool("weather", "Says the weather.", CITY), Tool("clock")
USER = Turn("user", [Text("Hello")])


def said(role: Any, *parts: Part) -> Turn:
    return Turn(role, list(parts))


def sent(*turns: Turn, model: str = PLAIN, lost: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    """The body; `lost` gets the paths of what was not carried over."""
    request = ChatRequest("anthropic", model, list(turns) or [USER], **fields)
    losses = Losses()
    call = COHERE.write_request(request, Target(model, DIALECTS["cohere"], profile_of(model)), losses)
    check_cohere(call.body)
    assert call.path == "/chat"
    if lost is not None:
        lost += [loss.path for loss in losses.items]
    else:
        assert losses.items == []
    return call.body


def carried(body: dict[str, Any], client: ProtocolName, model: str = PLAIN) -> Rendered:
    """What becomes of a client's own request."""
    upstream = Upstream(Backend("cohere", "cohere", "http://upstream.invalid/v2", ("k",), "cohere"), model, "k")
    rendered = render(CODECS[client].read_request(body, Call(client, "chat", model="m")), upstream, COHERE)
    check_cohere(rendered.call.body)
    return rendered


def test_a_conversation_with_tools() -> None:
    assert sent(
        said("user", Text("Weather?"), Text("In Rome.")),
        said("assistant", Text("I look."), ToolCall("toolu_1", "weather", '{"city":"Rome"}')),
        said("user", ToolResult("toolu_1", [Text("sunny"), Text("18 degrees")]), Text("And?")),
        system=[Text("Be brief."), Text("Be kind.")],
        tools=[WEATHER],
        stream=True,
    ) == {
        "model": PLAIN,
        "messages": [
            {"role": "system", "content": "Be brief.\n\nBe kind."},
            {"role": "user", "content": "Weather?\n\nIn Rome."},
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {
                        "id": "toolu_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny\n18 degrees"},
            {"role": "user", "content": "And?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "Says the weather.", "parameters": CITY},
            }
        ],
        "stream": True,
    }


def test_system_text_at_the_start_is_one_and_later_the_users() -> None:
    lost: list[str] = []
    messages = sent(
        said("system", Text("One.")), said("developer", Text("Two.")), USER, said("system", Text("Late.")), lost=lost
    )["messages"]
    assert messages == [
        {"role": "system", "content": "One.\n\nTwo."},
        {"role": "user", "content": "Hello"},
        {"role": "user", "content": "Late."},
    ]
    assert lost == ["messages[3]"]


def test_images_and_documents() -> None:
    lost: list[str] = []
    text = base64.b64encode("Zoë".encode()).decode()
    [message] = sent(
        said(
            "user",
            Text("Look."),
            Media("image", "image/png", data="AAAA", extra={"image_url": {"detail": "low"}}),
            Media("image", url="https://example.com/a.png"),
            Media("document", "text/plain", data=text),
            Media("document", "application/pdf", data="JVBE", name="bill.pdf"),
            Media("audio", "audio/wav", data="AAAA"),
        ),
        lost=lost,
    )["messages"]
    assert message["content"] == [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "text", "text": "Zoë"},
        {"type": "text", "text": "[document: bill.pdf]"},
        {"type": "text", "text": "[audio: audio/wav]"},
    ]
    assert lost == ["messages[0].content[4]", "messages[0].content[5]"]


def test_images_of_a_result_follow_it() -> None:
    picture = Media("image", "image/png", data="AAAA")
    messages = sent(
        USER,
        said("assistant", ToolCall("a", "weather", "{}"), ToolCall("b", "clock", "")),
        said("user", ToolResult("a", [Text("See:"), picture]), ToolResult("b", [])),
    )["messages"]
    assert messages[1]["tool_calls"][1]["function"]["arguments"] == "{}"
    assert messages[2:] == [
        {
            "role": "tool",
            "tool_call_id": "a",
            "content": "See:\n[image 1 of this result is in the next user message]",
        },
        {"role": "tool", "tool_call_id": "b", "content": ""},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
        },
    ]


def test_geminis_calls_without_ids_find_their_results() -> None:
    calls = [ToolCall("", "weather", "{}"), ToolCall("", "clock", "{}")]
    results = [ToolResult("", [Text("noon")], "clock"), ToolResult("", [Text("warm")], "weather")]
    messages = sent(USER, said("assistant", *calls), said("user", *results))["messages"]
    ids = {call["function"]["name"]: call["id"] for call in messages[1]["tool_calls"]}
    assert {message["tool_call_id"]: message["content"] for message in messages[2:]} == {
        ids["weather"]: "warm",
        ids["clock"]: "noon",
    }


def test_calls_and_results_that_lack_each_other() -> None:
    lost: list[str] = []
    messages = sent(
        USER, said("assistant", ToolCall("a", "weather", "{}")), said("tool", ToolResult("z", [Text("?")])), lost=lost
    )["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user"]
    assert lost == ["messages", "messages"]


def test_thoughts_of_models_that_think() -> None:
    turns = USER, said("assistant", Thinking("Hm."), Text("Yes."), ToolCall("a", "clock", "{}"))
    [*_, assistant, _] = sent(*turns, model=THINKER, lost=[])["messages"]
    assert assistant["content"] == [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes."}]
    assert "tool_plan" not in assistant


def test_thoughts_of_others_are_their_plan_or_lost() -> None:
    lost: list[str] = []
    messages = sent(
        USER,
        said("assistant", Thinking("Hm."), Text("Yes.")),
        USER,
        said("assistant", Thinking("I look."), ToolCall("a", "clock", "{}")),
        said("user", ToolResult("a", [Text("noon")])),
        lost=lost,
    )["messages"]
    assert messages[1] == {"role": "assistant", "content": "Yes."}
    assert messages[3]["tool_plan"] == "I look."
    assert "content" not in messages[3]
    assert lost == ["messages[].thinking"]


def test_a_reply_that_comes_back_in_pieces_is_one_message() -> None:
    pieces = [Thinking("I will "), Thinking("look."), Text("Let "), Text("me."), ToolCall("a", "clock", "{}")]
    result = said("user", ToolResult("a", [Text("noon")]))
    messages = sent(USER, *(said("assistant", piece) for piece in pieces), result)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert (messages[1]["tool_plan"], messages[1]["content"]) == ("I will look.", "Let me.")


def test_what_says_nothing_is_left_out() -> None:
    lost: list[str] = []
    turns = said("user", Text("")), said("assistant", Text(""), Thinking("", redacted=True)), USER
    assert sent(*turns, lost=lost)["messages"] == [{"role": "user", "content": "Hello"}]
    assert lost == ["messages[0]"]


def test_system_text_alone_is_the_users() -> None:
    lost: list[str] = []
    body = sent(said("system", Text("Greet me.")), lost=lost)
    assert (body["messages"], lost) == ([{"role": "user", "content": "Greet me."}], ["messages"])


def test_a_conversation_that_says_nothing_is_refused() -> None:
    with pytest.raises(ParleyError, match="nothing to answer") as caught:
        sent(said("user", Text("")), lost=[])
    assert (caught.value.fault.http_status, caught.value.fault.field) == (400, "messages")


def test_refusals_are_said_and_strangers_are_reported() -> None:
    lost: list[str] = []
    search = Opaque("anthropic", "server_tool_use", {})
    messages = sent(USER, said("assistant", Refusal("No."), search), USER, lost=lost)["messages"]
    assert messages[1]["content"] == "No."
    assert lost == ["messages[1].content[0]"]


@pytest.mark.parametrize(
    ("choice", "word", "offered"),
    [
        (None, None, ["weather", "clock"]),
        (ToolChoice("auto"), None, ["weather", "clock"]),
        (ToolChoice("none"), "NONE", ["weather", "clock"]),
        (ToolChoice("required"), "REQUIRED", ["weather", "clock"]),
        (ToolChoice("named", name="clock"), "REQUIRED", ["clock"]),
        (ToolChoice("allowed", names=["clock"]), None, ["clock"]),
        (ToolChoice("allowed", names=["weather"], required=True), "REQUIRED", ["weather"]),
    ],
)
def test_tool_choice(choice: ToolChoice | None, word: str | None, offered: list[str]) -> None:
    body = sent(tools=[WEATHER, CLOCK], tool_choice=choice)
    assert body.get("tool_choice") == word
    assert [tool["function"]["name"] for tool in body["tools"]] == offered


def test_a_choice_that_cannot_be_made() -> None:
    lost: list[str] = []
    assert "tool_choice" not in sent(tools=[CLOCK], tool_choice=ToolChoice("named", name="gone"), lost=lost)
    assert "tool_choice" not in sent(tools=[CLOCK], tool_choice=ToolChoice("required"), model=OLD, lost=lost)
    assert "tools" not in sent(tools=[CLOCK], tool_choice=ToolChoice("allowed", names=["gone"]), lost=lost)
    assert lost == ["tool_choice"] * 3


def test_tools_of_other_kinds() -> None:
    lost: list[str] = []
    grammar = {"type": "grammar", "definition": "start: x"}
    search = Tool("web_search", server=True, raw={"type": "web_search_20250305"})
    tools = [search, Tool("patch", "Patches.", custom=True, format=grammar), Tool("exact", schema=CITY, strict=True)]
    [patch, exact] = sent(tools=tools, parallel_tool_calls=False, lost=lost)["tools"]
    assert patch["function"]["description"] == "Patches.\n\nThe input must follow this grammar:\nstart: x"
    assert patch["function"]["parameters"]["required"] == ["input"]
    assert exact["function"] == {"name": "exact", "parameters": CITY}
    assert lost == ["tools[0]", "parallel_tool_calls", "tools[1]", "tools[2].strict"]


def test_sampling() -> None:
    given = Sampling(
        temperature=0.7, top_p=0.9, top_k=40, max_tokens=100, stop=["a"], seed=3, frequency_penalty=0.5, logprobs=True
    )
    body = sent(sampling=given)
    assert {name: body[name] for name in body.keys() - {"model", "messages", "stream"}} == {
        "temperature": 0.7,
        "p": 0.9,
        "k": 40,
        "max_tokens": 100,
        "stop_sequences": ["a"],
        "seed": 3,
        "frequency_penalty": 0.5,
        "logprobs": True,
    }


def test_sampling_within_its_ranges() -> None:
    lost: list[str] = []
    given = Sampling(
        temperature=1.7,
        top_p=1.0,
        top_k=900,
        stop=list("abcdefg"),
        seed=-1,
        frequency_penalty=2.0,
        presence_penalty=0.3,
        n=3,
        top_logprobs=5,
    )
    body = sent(sampling=given, lost=lost, user="u", cache_key="c")
    assert (body["temperature"], body["p"], body["k"], body["frequency_penalty"]) == (1.0, 0.99, 500, 1.0)
    assert body["stop_sequences"] == list("abcde")
    assert sorted(lost) == [
        "frequency_penalty",
        "n",
        "presence_penalty",
        "prompt_cache_key",
        "seed",
        "stop[5:]",
        "temperature",
        "top_k",
        "top_logprobs",
        "top_p",
        "user",
    ]


def test_penalties_of_nothing_are_left_out() -> None:
    body = sent(sampling=Sampling(frequency_penalty=0.0, presence_penalty=0.0, top_k=0, temperature=0.0))
    assert not {"frequency_penalty", "presence_penalty"} & body.keys()
    assert (body["k"], body["temperature"]) == (0, 0.0)


@pytest.mark.parametrize(
    ("reasoning", "max_tokens", "expected", "reported"),
    [
        (Reasoning(effort="medium"), None, {"type": "enabled", "token_budget": 8192}, False),
        (Reasoning(effort="max"), None, {"type": "enabled", "token_budget": 31_000}, False),
        (Reasoning(enabled=True), None, {"type": "enabled"}, False),
        (Reasoning(enabled=True, budget=-1), None, {"type": "enabled"}, False),
        (Reasoning(enabled=True, budget=2000), 4000, {"type": "enabled", "token_budget": 2000}, False),
        (Reasoning(enabled=True, budget=50_000), None, {"type": "enabled", "token_budget": 31_000}, True),
        (Reasoning(enabled=True, budget=5000), 4000, {"type": "enabled", "token_budget": 2000}, True),
        (Reasoning(effort="high"), 1, {"type": "enabled", "token_budget": 1}, False),
        (Reasoning(effort="none"), None, {"type": "disabled"}, False),
        (Reasoning(enabled=False), None, {"type": "disabled"}, False),
        (Reasoning(budget=0), None, {"type": "disabled"}, False),
    ],
)
def test_thinking(reasoning: Reasoning, max_tokens: int | None, expected: dict[str, Any], reported: bool) -> None:
    lost: list[str] = []
    body = sent(model=THINKER, reasoning=reasoning, sampling=Sampling(max_tokens=max_tokens), lost=lost)
    assert body["thinking"] == expected
    assert lost == (["reasoning.budget"] if reported else [])


def test_models_that_do_not_think_are_not_asked_to() -> None:
    lost: list[str] = []
    assert "thinking" not in sent(reasoning=Reasoning(effort="high"), lost=lost)
    assert lost == ["reasoning"]
    assert "thinking" not in sent(reasoning=Reasoning(enabled=False))


def test_json() -> None:
    body = sent(output=OutputFormat("json"))
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON" in body["messages"][0]["content"]
    body = sent(output=OutputFormat("schema", CITY, "place", strict=True), system=[Text("Be brief.")])
    assert body["response_format"] == {"type": "json_object", "json_schema": CITY}
    assert body["messages"][0]["content"] == "Be brief."
    assert "response_format" not in sent(output=OutputFormat("text"))


@pytest.mark.parametrize(
    ("schema", "tools"), [(CITY, [CLOCK]), ({"anyOf": [CITY]}, []), ({"type": "array"}, []), (None, [CLOCK])]
)
def test_json_that_cannot_be_demanded_stands_in_the_prompt(schema: Any, tools: list[Tool]) -> None:
    lost: list[str] = []
    output = OutputFormat("schema", schema) if schema else OutputFormat("json")
    body = sent(output=output, tools=tools, system=[Text("Be brief.")], lost=lost)
    assert "response_format" not in body
    assert body["messages"][0]["content"].startswith("Be brief.\n\nAnswer with")
    assert lost == ["response_format"]


def test_coheres_own_fields_go_along_and_others_do_not() -> None:
    own = {"safety_mode": "STRICT", "citation_options": {"mode": "OFF"}, "priority": 3}
    rendered = carried(
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **own, "logit_bias": {"1": 2}, "store": True},
        "openai_chat",
    )
    assert {name: rendered.call.body[name] for name in own} == own
    assert sorted(loss.path for loss in rendered.losses.items) == ["logit_bias", "store"]


def test_names_with_hyphens_are_fitted_and_given_back() -> None:
    tool = {"name": "files-read", "input_schema": CITY}
    body = {
        "model": "m",
        "max_tokens": 9,
        "tools": [tool],
        "tool_choice": {"type": "tool", "name": "files-read"},
        "messages": [
            {"role": "user", "content": "Read."},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "files-read", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]},
        ],
    }
    rendered = carried(body, "anthropic")
    [offered] = rendered.call.body["tools"]
    name = offered["function"]["name"]
    assert rendered.call.body["messages"][1]["tool_calls"][0]["function"]["name"] == name
    assert rendered.call.body["tool_choice"] == "REQUIRED"
    assert rendered.stages


def test_geminis_words_for_what_was_lost() -> None:
    body = {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"topK": 900, "temperature": 2, "stopSequences": list("abcdef")},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    }
    assert sorted(loss.path for loss in carried(body, "gemini").losses.items) == [
        "generationConfig.stopSequences[5:]",
        "generationConfig.temperature",
        "generationConfig.topK",
        "safetySettings",
    ]
