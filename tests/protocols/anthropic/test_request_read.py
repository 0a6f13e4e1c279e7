"""Reading requests, and writing this protocol's own for another model or after another provider's turns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.profiles.lookup import profile_of
from proxy_core.profiles.target import Target
from proxy_core.protocols.anthropic.billing import strip_billing_header
from proxy_core.protocols.anthropic.content_read import read_content
from proxy_core.protocols.anthropic.content_write import carrier_block
from proxy_core.protocols.anthropic.endpoints import recognise, upstream_path
from proxy_core.protocols.anthropic.request_read import read_request
from proxy_core.protocols.anthropic.request_write import write_request
from proxy_core.protocols.contract import Call
from proxy_core.turn.content import Media, Opaque, Part, Seal, Text, Thinking, ToolCall
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, Turn
from proxy_core.turn.seals import sealed_for
from tests.protocols.anthropic.writing_requests import ALWAYS, BUDGET

CALL = Call("anthropic", "chat")


def body(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "claude", "max_tokens": 100, "messages": [*messages], **fields}


def said(content: Any, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content}


def written(given: dict[str, Any], model: str) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    return write_request(read_request(given, CALL), Target(model, profile=profile_of(model)), losses).body, losses


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"messages": [said("Hi")]}, "model"),
        ({"model": "m"}, "messages"),
        (body(), "messages"),
        (body(said(None)), "messages[0].content"),
        (body(said("Hi", role="tool")), "messages[0].role"),
        (body(said([{"text": "Hi"}])), "messages[0].content[0].type"),
        (body(said([{"type": "text", "text": 5}])), "messages[0].content[0].text"),
        (body(said([{"type": "image"}])), "messages[0].content[0].source"),
        (body(said([{"type": "tool_use", "id": "a", "name": "b", "input": "x"}])), "messages[0].content[0].input"),
        (body(said("Hi"), temperature="hot"), "temperature"),
        (body(said("Hi"), tools=[{"input_schema": {}}]), "tools[0].name"),
        (body(said("Hi"), tool_choice={"type": "some"}), "tool_choice.type"),
        (body(said("Hi"), thinking={"type": "enabled", "budget_tokens": "9"}), "thinking.budget_tokens"),
        (body(said("Hi"), output_config={"format": {"type": "yaml"}}), "output_config.format.type"),
    ],
)
def test_a_wrong_request_is_refused_with_the_field_named(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ParleyError) as raised:
        read_request(given, CALL)
    assert raised.value.fault.kind is FaultKind.INVALID_REQUEST
    assert raised.value.fault.field == field
    assert f"'{field}'" in raised.value.fault.message


def test_t54_unknown_fields_are_kept_for_their_own_protocol() -> None:
    given = body(said("Hi"), speed="fast", output_config={"task_budget": 5, "effort": "high"}, diagnostics={"a": 1})
    request = read_request(given, CALL)
    assert request.extra == {"speed": "fast", "output_config": {"task_budget": 5}, "diagnostics": {"a": 1}}
    again = write_request(request, Target("claude"), Losses()).body
    assert again["output_config"] == {"task_budget": 5, "effort": "high"}


def test_system_text_inside_messages_stays_where_it_is() -> None:
    given = body(said("Hi"), said([{"type": "text", "text": "Env"}], role="system"))
    assert [turn.role for turn in read_request(given, CALL).turns] == ["user", "system"]


def test_documents_are_read_into_data() -> None:
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "é"}, "title": "t"}
    blocks = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "é"}]}}
    first, second = read_content([plain, blocks], "content")
    assert isinstance(first, Media)
    assert isinstance(second, Media)
    assert (first.media_type, first.data, first.name) == ("text/plain", "w6k=", "t")
    assert second.data == first.data


def test_a_search_result_is_a_text_to_others_and_itself_to_anthropic() -> None:
    block = {"type": "search_result", "title": "T", "source": "s", "content": [{"type": "text", "text": "found"}]}
    request = read_request(body(said([block])), CALL)
    (part,) = request.turns[0].parts
    assert isinstance(part, Text)
    assert part.text == "T\ns\nfound"
    assert write_request(request, Target("claude"), Losses()).body["messages"][0]["content"] == [block]
    part.text = "masked"
    changed = write_request(request, Target("claude"), Losses()).body
    assert changed["messages"][0]["content"] == [{"type": "text", "text": "masked"}]


def test_an_unknown_block_is_opaque() -> None:
    (part,) = read_content([{"type": "container_upload", "file_id": "f"}], "content")
    assert part == Opaque("anthropic", "container_upload", {"type": "container_upload", "file_id": "f"})


def test_carried_seals_go_back_to_their_parts() -> None:
    blocks = [
        carrier_block(Seal("gemini", "s1")),
        {"type": "tool_use", "id": "a", "name": "n", "input": {}},
        {"type": "text", "text": "hello"},
        carrier_block(Seal("gemini", "s2"), previous=True),
        carrier_block(Seal("gemini", "s3")),
    ]
    call, text, last = read_content(blocks, "content")
    assert isinstance(call, ToolCall)
    assert call.seal == Seal("gemini", "s1")
    assert text == Text("hello", seal=Seal("gemini", "s2"))
    assert last == Text("", seal=Seal("gemini", "s3"))


def test_encrypted_reasoning_stays_a_thought_of_its_own() -> None:
    seal = Seal("openai_responses", "gAAAA")
    block = {"type": "thinking", "thinking": "", "signature": sealed_for(seal, "anthropic")}
    parts = read_content([block, {"type": "text", "text": "hello"}], "content")
    assert parts == [Thinking("", seal), Text("hello")]


def test_t38_thoughts_of_other_providers_do_not_go_to_anthropic() -> None:
    foreign = {"type": "thinking", "thinking": "hm", "signature": sealed_for(Seal("gemini", "g"), "anthropic")}
    unsigned = {"type": "thinking", "thinking": "hm", "signature": ""}
    own = {"type": "thinking", "thinking": "hm", "signature": "mine"}
    call = {"type": "tool_use", "id": "a", "name": "n", "input": {}}
    answer = {"type": "tool_result", "tool_use_id": "a", "content": "ok"}
    given = body(
        said("Hi"),
        said([foreign, carrier_block(Seal("gemini", "g")), call], role="assistant"),
        said([answer]),
        said([own, unsigned, {"type": "text", "text": "so"}], role="assistant"),
        said("Go"),
        thinking={"type": "enabled", "budget_tokens": 1024},
        max_tokens=2048,
    )
    again, losses = written(given, "claude")
    assert [block["type"] for block in again["messages"][1]["content"]] == ["tool_use"]
    assert again["messages"][3]["content"] == [own, {"type": "text", "text": "so"}]
    assert [loss.path for loss in losses.items] == ["thinking"]


def test_t35_thinking_is_off_when_the_thoughts_of_the_loop_were_another_providers() -> None:
    foreign = {"type": "thinking", "thinking": "hm", "signature": sealed_for(Seal("gemini", "g"), "anthropic")}
    call = {"type": "tool_use", "id": "a", "name": "n", "input": {}}
    answer = {"type": "tool_result", "tool_use_id": "a", "content": "ok"}
    loop = [said("Hi"), said([foreign, call], role="assistant"), said([answer])]
    thinking = {"type": "enabled", "budget_tokens": 1024}
    again, losses = written(body(*loop, thinking=thinking, max_tokens=2048), BUDGET)
    assert again["thinking"] == {"type": "disabled"}
    assert [loss.path for loss in losses.items] == ["thinking", "reasoning"]


def test_an_own_request_is_fitted_to_another_generation() -> None:
    thinking = {"type": "enabled", "budget_tokens": 31_999, "display": "omitted"}
    given = body(said("Hi"), max_tokens=32_000, temperature=1, thinking=thinking)
    newer, _ = written(given, ALWAYS)
    assert newer["thinking"] == {"type": "adaptive", "display": "omitted"}
    assert newer["output_config"] == {"effort": "xhigh"}
    assert "temperature" not in newer
    adaptive = body(said("Hi"), max_tokens=32_000, thinking={"type": "adaptive"}, output_config={"effort": "medium"})
    older, _ = written(adaptive, BUDGET)
    assert older["thinking"] == {"type": "enabled", "budget_tokens": 8192}
    assert "output_config" not in older


def test_an_own_system_message_becomes_the_users_for_a_model_without_them() -> None:
    given = body(said("Hi"), said([{"type": "text", "text": "Env"}], role="system"))
    again, losses = written(given, BUDGET)
    assert [message["role"] for message in again["messages"]] == ["user", "user"]
    assert losses.items[0].path == "messages[1]"


def test_t50_the_billing_line_is_stripped_without_touching_shared_parts() -> None:
    line = "x-anthropic-billing-header: cc_version=2.1; cch=abc;"
    shared: list[Part] = [Text(line), Text(f"{line}\nBe kind."), Text("Stay.")]
    request = ChatRequest("anthropic", "m", [Turn("user", [Text("Hi")])], system=shared)
    attempt, losses = replace(request), Losses()
    strip_billing_header(attempt, losses)
    assert [part.text for part in attempt.system if isinstance(part, Text)] == ["Be kind.", "Stay."]
    assert len(request.system) == 3
    assert request.system[0] == Text(line)
    assert [loss.path for loss in losses.items] == ["system[0]", "system[1]"]


def test_the_billing_line_stays_for_anthropic() -> None:
    system = [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1;"}]
    again, _ = written(body(said("Hi"), system=system), "claude")
    assert again["system"] == system


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/v1/messages", "chat"),
        ("/anthropic/v1/messages", "chat"),
        ("/anthropic/messages", "chat"),
        ("/api/v1/messages", "chat"),
        ("/messages/", "chat"),
        ("/v1/messages/count_tokens", "count_tokens"),
        ("/anthropic/v1/messages/count_tokens", "count_tokens"),
    ],
)
def test_t57_paths_are_recognised(path: str, operation: str) -> None:
    call = recognise("POST", path, {"beta": "true"})
    assert call is not None
    assert (call.protocol, call.operation) == ("anthropic", operation)
    assert upstream_path(call, "m") == ("/messages" if operation == "chat" else "/messages/count_tokens")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/messages"), ("POST", "/v1/threads/t/messages"), ("POST", "/v1/messages/batches")],
)
def test_other_paths_are_not(method: str, path: str) -> None:
    assert recognise(method, path, {}) is None
