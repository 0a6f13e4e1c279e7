"""Requests of other origins, written for Gemini."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import ParleyError
from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.lookup import profile_of
from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import Call
from proxy_core.protocols.gemini import GEMINI
from proxy_core.turn.content import Media, Opaque, Part, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, OutputFormat, Reasoning, Sampling, Tool, ToolChoice, Turn
from tests.live.strict.gemini import SENTINEL, check_gemini

OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}


def asked(*turns: Turn, **fields: Any) -> ChatRequest:
    return ChatRequest("anthropic", "asked", list(turns) or [user("hi")], **fields)


def user(*parts: Part | str) -> Turn:
    return Turn("user", [Text(part) if isinstance(part, str) else part for part in parts])


def model(*parts: Part) -> Turn:
    return Turn("assistant", list(parts))


def call(call_id: str, name: str = "f", seal: Seal | None = None) -> ToolCall:
    return ToolCall(call_id, name, '{"a":1}', seal=seal)


def result(call_id: str, *content: Part) -> ToolResult:
    return ToolResult(call_id, list(content) or [Text(f"result {call_id}")])


def body(request: ChatRequest, name: str = "gemini-2.5-flash", losses: Losses | None = None) -> dict[str, Any]:
    target = Target(name, DIALECTS["gemini"], profile_of(name))
    written = GEMINI.write_request(request, target, Losses() if losses is None else losses).body
    check_gemini(written, name, frozenset({"c2ln"}))
    return written


def contents(*turns: Turn, name: str = "gemini-2.5-flash", losses: Losses | None = None) -> list[dict[str, Any]]:
    return body(asked(*turns), name, losses)["contents"]


def paths(losses: Losses) -> list[str]:
    return [loss.path for loss in losses.items]


def test_t27_parallel_results_share_one_content_in_the_order_of_the_calls() -> None:
    written = contents(
        user("go"),
        model(call("1"), call("2", "g")),
        Turn("tool", [result("2")]),
        Turn("tool", [result("1")]),
        user("and now?"),
    )
    assert [content["role"] for content in written] == ["user", "model", "user", "user"]
    assert [part["functionResponse"] for part in written[2]["parts"]] == [
        {"id": "1", "name": "f", "response": {"output": "result 1"}},
        {"id": "2", "name": "g", "response": {"output": "result 2"}},
    ]
    assert written[3]["parts"] == [{"text": "and now?"}]


@pytest.mark.parametrize("after", [[], [user("never mind")], [user("never mind"), model(Text("ok")), user("x")]])
def test_t28_a_missing_result_is_made_up(after: list[Turn]) -> None:
    losses = Losses()
    written = contents(user("go"), model(call("1")), *after, losses=losses)
    (part,) = written[2]["parts"]
    assert part["functionResponse"]["name"] == "f"
    assert "no result" in part["functionResponse"]["response"]["error"]
    assert paths(losses) == ["messages"]


def test_t29_an_image_in_a_result_never_stands_beside_it() -> None:
    image = Media("image", "image/png", data="AAAA")
    turns = (user("go"), model(call("1")), user(result("1", Text("see"), image), "what is it?"))
    losses = Losses()
    written = contents(*turns, losses=losses)
    assert [list(part) for part in written[2]["parts"]] == [["functionResponse"]]
    assert [list(part) for part in written[3]["parts"]] == [["inlineData"], ["text"]]
    assert paths(losses) == ["messages[2]"]
    inside = contents(*turns, name="gemini-3-flash-preview")[2]["parts"][0]["functionResponse"]
    assert inside["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]


def test_t30_a_result_that_looks_like_a_schema_stays_text() -> None:
    schema = '{"$ref":"#/$defs/a"}'
    written = contents(user("go"), model(call("1")), user(result("1", Text(schema))))
    assert written[2]["parts"][0]["functionResponse"]["response"] == {"output": schema}


def test_t31_t32_only_the_first_call_of_each_step_gets_the_stand_in_signature() -> None:
    written = contents(
        user("go"),
        model(call("1"), call("2")),
        user(result("1"), result("2")),
        model(call("3", seal=Seal("gemini", "c2ln")), call("4")),
        user(result("3"), result("4")),
        model(call("5", seal=Seal("anthropic", "foreign"))),
        user(result("5")),
        name="gemini-3-pro-preview",
    )
    signatures = [[part.get("thoughtSignature") for part in content["parts"]] for content in written]
    assert signatures[1] == [SENTINEL, None]
    assert signatures[3] == ["c2ln", None]
    assert signatures[5] == [SENTINEL]


def test_t31_older_models_get_no_stand_in() -> None:
    written = contents(user("go"), model(call("1")), user(result("1")))
    assert "thoughtSignature" not in written[1]["parts"][0]


def test_t33_json_output_beside_functions_is_asked_for_in_words_where_the_model_refuses_both() -> None:
    request = asked(tools=[Tool("f", schema=OBJECT)], output=OutputFormat("schema", OBJECT))
    losses = Losses()
    old = body(request, losses=losses)
    assert "generationConfig" not in old
    assert '"a"' in old["systemInstruction"]["parts"][0]["text"]
    assert paths(losses) == ["response_format"]
    new = body(request, "gemini-3-pro-preview")
    assert new["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": OBJECT}
    assert "systemInstruction" not in new


def test_t46_a_choice_of_a_dropped_tool_goes_with_it() -> None:
    losses = Losses()
    search = Tool("web_search", server=True, raw={"type": "web_search"})
    written = body(asked(tools=[search], tool_choice=ToolChoice("named", name="web_search")), losses=losses)
    assert "tools" not in written
    assert "toolConfig" not in written
    assert paths(losses) == ["tools[0]", "tool_choice"]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("named", name="f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("allowed", names=["g", "f"], required=True), {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
        (ToolChoice("allowed", names=["f"]), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ],
)
def test_tool_choice(choice: ToolChoice, config: dict[str, Any]) -> None:
    written = body(asked(tools=[Tool("f"), Tool("g")], tool_choice=choice))
    assert written["toolConfig"] == {"functionCallingConfig": config}


def test_functions_as_declared() -> None:
    losses = Losses()
    tools = [
        Tool("f", "does", OBJECT, strict=True),
        Tool("nothing", schema={"type": "object", "properties": {}}),
        Tool("patch", "free", custom=True, format={"type": "grammar"}),
        Tool("f", "again"),
    ]
    (written,) = body(asked(tools=tools), losses=losses)["tools"]
    free = written["functionDeclarations"].pop()
    assert written["functionDeclarations"] == [
        {"name": "f", "description": "does", "parametersJsonSchema": OBJECT},
        {"name": "nothing"},
    ]
    assert free["parametersJsonSchema"]["required"] == ["input"]
    assert paths(losses) == ["tools[0].strict", "tools[2].format", "tools[3]"]


def test_older_models_get_schemas_in_their_own_dialect() -> None:
    tools = [Tool("f", schema={"type": "object", "properties": {"a": {"type": ["string", "null"]}}})]
    (written,) = body(asked(tools=tools), "gemini-2.0-flash")["tools"]
    assert written["functionDeclarations"][0]["parameters"] == {
        "type": "OBJECT",
        "properties": {"a": {"type": "STRING", "nullable": True}},
    }


def test_a_name_that_gemini_refuses_is_refused_by_name() -> None:
    with pytest.raises(ParleyError) as caught:
        body(asked(tools=[Tool("3d_render")]))
    assert caught.value.fault.field == "tools[0].name"


def test_system_texts_go_where_they_belong() -> None:
    losses = Losses()
    request = asked(
        Turn("developer", [Text("first")]),
        user("hi"),
        Turn("system", [Text("second")]),
        model(Text("hello")),
        Turn("system", [Text("third")]),
        user("go on"),
        system=[Text("zeroth")],
    )
    written = body(request, losses=losses)
    assert [part["text"] for part in written["systemInstruction"]["parts"]] == ["zeroth", "first", "second"]
    assert [content["role"] for content in written["contents"]] == ["user", "model", "user"]
    assert written["contents"][2]["parts"] == [{"text": "<system>\nthird\n</system>"}, {"text": "go on"}]
    assert paths(losses) == ["messages[4]"]


def test_instructions_alone_are_sent_as_a_message() -> None:
    written = body(ChatRequest("openai_chat", "m", [Turn("system", [Text("be brief")])]))
    assert written == {"contents": [{"role": "user", "parts": [{"text": "be brief"}]}]}


def test_a_conversation_that_ends_with_the_models_turn_is_asked_to_go_on() -> None:
    losses = Losses()
    written = contents(user("json please"), model(Text("{")), name="gemini-3.8-flash", losses=losses)
    assert [content["role"] for content in written] == ["user", "model", "user"]
    assert paths(losses) == ["messages"]


def test_neighbours_of_one_role_are_joined_and_empty_texts_left_out() -> None:
    written = contents(model(Text("")), user("a"), user("", "b"), model(Text("c")), model(call("1")), user(result("1")))
    assert [content["role"] for content in written] == ["user", "model", "user"]
    assert written[0]["parts"] == [{"text": "a"}, {"text": "b"}]
    assert [list(part) for part in written[1]["parts"]] == [["text"], ["functionCall"]]


def test_a_result_of_no_call_is_told_as_text() -> None:
    losses = Losses()
    written = contents(user("a", result("gone", Text("42"))), losses=losses)
    assert written[0]["parts"] == [{"text": "a"}, {"text": "Result of a tool: 42"}]
    assert paths(losses) == ["messages[0].content[1]"]


def test_only_its_own_signatures_and_thoughts_go_back() -> None:
    losses = Losses()
    written = contents(
        user("a"),
        model(
            Thinking("claude's", Seal("anthropic", "x")),
            Thinking("unsigned"),
            Thinking("gemini's", Seal("gemini", "c2ln")),
            Text("b", seal=Seal("openai_responses", "y")),
            Opaque("anthropic", "server_tool_use", {}),
        ),
        user("c"),
        losses=losses,
    )
    assert written[1]["parts"] == [
        {"text": "gemini's", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "b"},
    ]
    assert paths(losses) == ["messages[].thinking", "messages[1].content[4]"]


def test_files() -> None:
    losses = Losses()
    (written,) = contents(
        user(
            Media("image", data="AAAA"),
            Media("document", url="https://example.com/a.pdf", media_type="application/pdf", name="a.pdf"),
            Media("document", file_id="file-openai"),
            Media("video", "video/mp4", file_id="gs://bucket/film.mp4"),
        ),
        losses=losses,
    )
    assert written["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {
            "fileData": {
                "mimeType": "application/pdf",
                "fileUri": "https://example.com/a.pdf",
                "displayName": "a.pdf",
            }
        },
        {"text": "[An attached document was left out, since this model cannot take it.]"},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/film.mp4"}},
    ]
    assert paths(losses) == ["messages[0].content[2]"]


def test_arguments_that_are_no_object_survive() -> None:
    turns = (ToolCall("1", "f", "rm -rf", custom=True), ToolCall("2", "f", "[1"), ToolCall("3", "f", ""))
    written = contents(user("a"), model(*turns), user(result("1"), result("2"), result("3")))
    assert [part["functionCall"]["args"] for part in written[1]["parts"]] == [{"input": "rm -rf"}, {"input": "[1"}, {}]


@pytest.mark.parametrize(
    ("name", "reasoning", "config"),
    [
        ("gemini-2.5-flash", Reasoning(effort="low"), {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", Reasoning(effort="none"), {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-2.5-flash", Reasoning(enabled=False), {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-2.5-flash", Reasoning(budget=99_999), {"thinkingBudget": 24_576, "includeThoughts": True}),
        ("gemini-2.5-pro", Reasoning(enabled=False), {"thinkingBudget": 128, "includeThoughts": True}),
        ("gemini-2.5-pro", Reasoning(adaptive=True, show=False), {"thinkingBudget": -1, "includeThoughts": False}),
        ("gemini-3-pro-preview", Reasoning(effort="minimal"), {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-3-flash-preview", Reasoning(budget=8192), {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-3.8-flash", Reasoning(effort="max"), {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3.8-flash", Reasoning(enabled=True), {"includeThoughts": True}),
    ],
)
def test_thinking_in_the_models_own_terms(name: str, reasoning: Reasoning, config: dict[str, Any]) -> None:
    assert body(asked(reasoning=reasoning), name)["generationConfig"] == {"thinkingConfig": config}


def test_thinking_is_dropped_for_models_that_do_not_think() -> None:
    losses = Losses()
    assert "generationConfig" not in body(asked(reasoning=Reasoning(effort="high")), "gemini-2.0-flash", losses)
    assert paths(losses) == ["reasoning"]


def test_a_gemini_clients_level_is_translated_for_a_model_with_budgets() -> None:
    request = GEMINI.read_request(
        {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}},
        Call("gemini", "chat", "m"),
    )
    assert body(request)["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 24_576}}


def test_sampling_within_what_the_model_takes() -> None:
    sampling = Sampling(
        temperature=0,
        top_p=0.5,
        top_k=3,
        max_tokens=100_000,
        stop=["a", "", "b", "c", "d", "e", "f"],
        seed=2**40 + 5,
        presence_penalty=1,
        n=1,
    )
    losses = Losses()
    assert body(asked(sampling=sampling), losses=losses)["generationConfig"] == {
        "temperature": 0,
        "topP": 0.5,
        "topK": 3,
        "maxOutputTokens": 65_536,
        "stopSequences": ["a", "b", "c", "d", "e"],
        "seed": 5,
        "presencePenalty": 1,
    }
    assert paths(losses) == ["max_tokens", "stop", "seed"]
    losses = Losses()
    newest = body(asked(sampling=sampling), "gemini-3.8-flash", losses)["generationConfig"]
    assert set(newest) == {"maxOutputTokens", "stopSequences", "seed"}
    assert paths(losses) == ["temperature", "top_p", "top_k", "presence_penalty", "max_tokens", "stop", "seed"]


def test_streams_go_to_the_stream_endpoint() -> None:
    call_ = GEMINI.write_request(asked(stream=True), Target("gemini-2.5-pro"), Losses())
    assert call_.path == "/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
    assert GEMINI.write_request(asked(), Target("m"), Losses()).path == "/models/m:generateContent"
