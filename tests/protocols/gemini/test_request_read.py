from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import Call
from proxy_core.protocols.gemini import GEMINI
from proxy_core.turn.content import Media, Opaque, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest
from proxy_core.turn.seals import sealed_for

CALL = Call("gemini", "chat", "asked", stream=True)


def read(body: dict[str, Any], call: Call = CALL) -> ChatRequest:
    return GEMINI.read_request(body, call)


def said(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def written(request: ChatRequest) -> dict[str, Any]:
    return GEMINI.write_request(request, Target("m"), Losses()).body


def function_call(name: str, **fields: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}, **fields}}


def function_response(name: str, **fields: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"output": name}, **fields}}


def test_snake_case_says_the_same_as_camel_case() -> None:
    camel = {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [said({"inlineData": {"mimeType": "image/png", "data": "AAAA"}})],
        "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 7, "includeThoughts": True}},
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
    }
    snake = {
        "system_instruction": {"parts": {"text": "s"}},
        "contents": said({"inline_data": {"mime_type": "image/png", "data": "AAAA"}}),
        "generation_config": {
            "max_output_tokens": 5,
            "thinking_config": {"thinking_budget": 7, "include_thoughts": True},
        },
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]}],
    }
    assert read(snake) == read(camel)
    assert read(snake).sampling.max_tokens == 5


def test_t24_arguments_results_and_property_names_are_never_touched() -> None:
    args = {"snake_key": {"additionalProperties": 1, "$ref": "#/x"}, "title": "t"}
    body = {
        "contents": [
            said({"text": "go"}),
            said({"functionCall": {"name": "f", "args": args}}, role="model"),
            said({"functionResponse": {"name": "f", "response": {"snake_key": 1, "default": {"any_of": []}}}}),
        ]
    }
    assert written(read(body)) == body


def test_parts_by_kind() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"}
    request = read(
        {
            "contents": [
                said(
                    {"text": "a"},
                    {"inlineData": {"mimeType": "application/pdf", "data": "-_8"}, "videoMetadata": {"fps": 1}},
                    {"fileData": {"fileUri": "https://example.com/a.png", "mimeType": "image/png"}},
                    {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
                    {"fileData": {"fileUri": "https://youtu.be/abc"}},
                ),
                said(
                    {"text": "hm", "thought": True, "thoughtSignature": "c2ln"},
                    {"text": "", "thoughtSignature": "c2ln"},
                    {"thoughtSignature": "c2ln"},
                    code,
                    role="model",
                ),
            ]
        }
    )
    user, model = request.turns
    seal = Seal("gemini", "c2ln")
    assert user.parts[0] == Text("a")
    assert user.parts[1] == Media("document", "application/pdf", data="+/8=", extra={"videoMetadata": {"fps": 1}})
    assert user.parts[2] == Media("image", "image/png", url="https://example.com/a.png")
    assert user.parts[3] == Media("document", file_id="https://generativelanguage.googleapis.com/v1beta/files/abc")
    assert user.parts[4] == Media("video", url="https://youtu.be/abc")
    assert model.parts[0] == Thinking("hm", seal)
    assert model.parts[1] == Text("", seal)
    assert isinstance(model.parts[2], Text)
    assert model.parts[2].seal == seal
    assert model.parts[3] == Opaque("gemini", "executableCode", code)


def test_calls_without_ids_get_the_same_id_in_every_later_request() -> None:
    opening = [said({"text": "go"}), said(function_call("f"), function_call("g"), function_call("f"), role="model")]
    answers = said(function_response("f"), function_response("g"), function_response("f"))
    request = read({"contents": [*opening, answers]})
    calls = [part for part in request.turns[1].parts if isinstance(part, ToolCall)]
    results = [part for part in request.turns[2].parts if isinstance(part, ToolResult)]
    assert [result.call_id for result in results] == [call.id for call in calls]
    assert len({call.id for call in calls}) == 3
    later = read({"contents": [*opening, answers, said(function_call("f"), role="model"), said({"text": "x"})]})
    assert later.turns[1] == request.turns[1]
    assert written(request) == {"contents": [*opening, answers]}


def test_results_are_matched_by_id_then_by_name_and_order() -> None:
    request = read(
        {
            "contents": [
                said(function_call("f", id="a"), function_call("f", id="b"), function_call("g"), role="model"),
                said(
                    function_response("f", id="b"), function_response("g", id="made_by_client"), function_response("f")
                ),
            ]
        }
    )
    assert [part.id for part in request.turns[0].parts if isinstance(part, ToolCall)] == ["a", "b", "made_by_client"]
    results = [part.call_id for part in request.turns[1].parts if isinstance(part, ToolResult)]
    assert results == ["b", "made_by_client", "a"]


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "42"}, "42", None),
        ({"result": "42"}, "42", None),
        ({"error": "broken"}, "broken", True),
        ({"rows": [1, 2]}, '{"rows":[1,2]}', None),
        ({}, "{}", None),
    ],
)
def test_a_function_response_becomes_text_and_comes_back(response: dict, text: str, is_error: bool | None) -> None:
    body = {
        "contents": [
            said({"text": "go"}),
            said(function_call("f"), role="model"),
            said({"functionResponse": {"name": "f", "response": response}}),
        ]
    }
    request = read(body)
    (result,) = request.turns[2].parts
    assert isinstance(result, ToolResult)
    assert (result.content, result.is_error) == ([Text(text)], is_error)
    assert written(request) == body


def test_another_providers_signature_is_recognised_in_either_base64_alphabet() -> None:
    seal = Seal("anthropic", "ErUB>>>???~~~" * 5)
    envelope = sealed_for(seal, "gemini")
    url_safe = envelope.replace("+", "-").replace("/", "_")
    assert url_safe != envelope
    for signature in (envelope, url_safe):
        (turn,) = read({"contents": said({"text": "t", "thought": True, "thoughtSignature": signature})}).turns
        assert turn.parts == [Thinking("t", seal)]


def test_thinking_and_output_are_read() -> None:
    request = read(
        {
            "contents": said({"text": "x"}),
            "generationConfig": {
                "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
                "speechConfig": {"voice": 1},
            },
        }
    )
    assert request.reasoning is not None
    assert (request.reasoning.effort, request.reasoning.show, request.reasoning.enabled) == ("low", True, True)
    assert request.output is not None
    assert request.output.schema == {"type": "object", "properties": {"a": {"type": "string"}}}
    assert request.extra["generationConfig"] == {"speechConfig": {"voice": 1}}


def test_server_tools_keep_their_place_among_the_functions() -> None:
    tools = [{"googleSearch": {}, "functionDeclarations": [{"name": "f"}]}, {"urlContext": {"x_y": 1}}]
    body = {"contents": [said({"text": "x"})], "tools": tools}
    request = read(body)
    assert [(tool.name, tool.server) for tool in request.tools] == [
        ("googleSearch", True),
        ("f", False),
        ("urlContext", True),
    ]
    assert written(request) == body


@pytest.mark.parametrize("wrapped", [True, False])
def test_count_tokens_is_wrapped_as_it_came(wrapped: bool) -> None:
    inner = {"contents": [said({"text": "x"})]}
    body = {"generateContentRequest": {"model": "models/asked", **inner}} if wrapped else inner
    request = read(body, Call("gemini", "count_tokens", "asked"))
    call = GEMINI.write_request(request, Target("m"), Losses())
    assert call.path == "/models/m:countTokens"
    assert call.body == ({"generateContentRequest": {"model": "models/m", **inner}} if wrapped else inner)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "'contents' is required: what the model is to answer, an array with 'parts'."),
        ({"contents": []}, "'contents' is required: what the model is to answer, an array with 'parts'."),
        ({"contents": "hi"}, "'contents' must be an array, not a string."),
        ({"contents": [1]}, "'contents[0]' must be an object, not a number."),
        ({"contents": [{"parts": [{"text": 5}]}]}, "'contents[0].parts[0].text' must be a string, not a number."),
        ({"contents": [{"role": "bot"}]}, "'contents[0].role' must be 'user' or 'model', not 'bot'."),
        (
            {"contents": [said({"functionCall": {"args": {}}})]},
            "'contents[0].parts[0].functionCall.name' is required: the function's name.",
        ),
        (
            {"contents": [said({"functionCall": {"name": "f", "args": "{}"}})]},
            "'contents[0].parts[0].functionCall.args' must be an object, not a string.",
        ),
        ({"generationConfig": {"topK": "x"}}, "'generationConfig.topK' must be a whole number, not a string."),
        ({"systemInstruction": 3}, "'systemInstruction' must be an object with 'parts', not a number."),
        (
            {"tools": [{"functionDeclarations": [{"name": "f", "parameters": []}]}]},
            "'tools[0].functionDeclarations[0].parameters' must be an object, not an array.",
        ),
    ],
)
def test_wrong_types_are_refused_by_name(body: dict[str, Any], message: str) -> None:
    with pytest.raises(ParleyError) as caught:
        read(body)
    assert caught.value.fault.kind is FaultKind.INVALID_REQUEST
    assert caught.value.fault.message == message
    assert f"'{caught.value.fault.field}'" in message
