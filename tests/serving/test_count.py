from __future__ import annotations

import base64
import struct
from dataclasses import replace
from typing import Any

import pytest

from proxy_core.protocols.anthropic import ANTHROPIC
from proxy_core.protocols.contract import Call
from proxy_core.serving.count import count_tokens, counted
from proxy_core.serving.families import family_of
from proxy_core.serving.tokens import pieces_in
from proxy_core.turn.content import Media, Opaque, Part, Refusal, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import ChatRequest, OutputFormat, Tool, Turn
from tests.recordings import Recording, cases

CLAUDE = "claude-sonnet-4-5"
PROSE = "The proxy reads what the client sends and writes it for another backend, token by token. " * 20


def asking(*parts: Part, model: str = CLAUDE, **fields: Any) -> ChatRequest:
    return ChatRequest("anthropic", model, [Turn("user", list(parts))], **fields)


def png(width: int, height: int) -> Media:
    data = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)).decode()
    return Media("image", "image/png", data=data)


def cost(part: Part, model: str = CLAUDE) -> int:
    return count_tokens(asking(part, model=model)) - count_tokens(asking(model=model))


@pytest.mark.parametrize("model", [CLAUDE, "claude-opus-4-8", "gemini-2.5-pro", "gpt-4o", "demo:echo", ""])
def test_english_prose_has_about_a_token_for_four_characters(model: str) -> None:
    assert len(PROSE) / 5.5 < cost(Text(PROSE), model) < len(PROSE) / 3


def test_t60_system_and_tools_are_counted_and_not_the_messages_alone() -> None:
    bare = asking(Text("hi"))
    tool = Tool("search", PROSE, {"type": "object", "properties": {"q": {"type": "string", "description": PROSE}}})
    with_system = replace(bare, system=[Text(PROSE)])
    with_tools = replace(bare, tools=[tool])
    assert count_tokens(with_system) - count_tokens(bare) >= pieces_in(PROSE)
    assert count_tokens(with_tools) - count_tokens(bare) >= 2 * pieces_in(PROSE)
    assert count_tokens(replace(bare, tools=[tool, tool])) > count_tokens(with_tools)


def test_server_tools_custom_tools_and_output_schemas_are_counted() -> None:
    bare = asking(Text("hi"))
    for field in (
        {"tools": [Tool("exec", custom=True, format={"grammar": PROSE})]},
        {"tools": [Tool("web_search", server=True, raw={"type": "web_search", "note": PROSE})]},
        {"output": OutputFormat("schema", {"type": "object", "description": PROSE})},
    ):
        assert count_tokens(replace(bare, **field)) > count_tokens(bare) + 0.9 * pieces_in(PROSE)


@pytest.mark.parametrize(
    "part",
    [
        Thinking(PROSE),
        Refusal(PROSE),
        ToolCall("c", "f", PROSE),
        ToolResult("c", [Text(PROSE)]),
        Opaque("anthropic", "server_tool_use", {"text": PROSE}),
        Media("document", "text/plain", data=base64.b64encode(PROSE.encode()).decode()),
        Media("document", "text/plain", data=PROSE),
    ],
)
def test_t79_every_kind_of_part_counts_with_its_text(part: Part) -> None:
    assert cost(part) == pytest.approx(cost(Text(PROSE)), abs=20)


def test_sealed_thoughts_count_by_what_lies_behind_them() -> None:
    sealed = cost(Thinking("", Seal("anthropic", "A" * 5300), redacted=True))
    assert 900 < sealed < 1600
    assert cost(Thinking(PROSE, Seal("anthropic", "A" * 5300))) == cost(Thinking(PROSE))


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        (CLAUDE, (200, 200), 64),
        (CLAUDE, (1092, 1092), 1521),
        (CLAUDE, (4000, 4000), 1568),
        ("claude-opus-4-8", (4000, 4000), 4784),
        ("gemini-2.5-flash", (384, 384), 258),
        ("gemini-2.5-flash", (960, 540), 258 * 6),
        ("gemini-3-pro-preview", (960, 540), 1120),
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (2048, 4096), 1105),
        ("gpt-4.1-mini", (1024, 1024), 1659),
    ],
)
def test_a_picture_costs_what_the_vendor_says(model: str, size: tuple[int, int], tokens: int) -> None:
    assert cost(png(*size), model) == pytest.approx(tokens, abs=1)


def test_t55_a_picture_in_a_tool_result_is_a_picture_and_no_text() -> None:
    picture = png(200, 200)
    picture.data = (picture.data or "") + "A" * 1_000_000
    assert cost(ToolResult("c", [picture])) < 100


def test_a_picture_of_unknown_size_counts_as_a_usual_one() -> None:
    assert cost(Media("image", url="https://example.com/a.png")) == cost(png(1024, 1024))
    assert cost(Media("image", "image/png", data="!!")) == cost(png(1024, 1024))


def test_a_pdf_counts_by_its_pages() -> None:
    def pdf(pages: int) -> Media:
        data = b"%PDF-1.4 /Type /Pages " + b"<< /Type /Page >>" * pages
        return Media("document", "application/pdf", data=base64.b64encode(data).decode())

    assert cost(pdf(3)) == pytest.approx(3 * cost(pdf(1)), abs=3)
    assert cost(pdf(1)) > 1000
    assert cost(pdf(0)) == cost(pdf(1))
    assert cost(Media("document", file_id="file_1")) > cost(pdf(2))


def test_sound_and_film_count_by_their_length() -> None:
    second = "A" * int(32_000 * 4 / 3)
    assert cost(Media("audio", "audio/wav", data=second * 10), "gemini-2.5-pro") == pytest.approx(320, abs=3)
    assert cost(Media("video", url="https://example.com/v"), "gemini-2.5-pro") > 10_000


def test_a_long_conversation_is_counted_in_time_linear_in_its_length() -> None:
    nasty = " " * 200_000 + "\n" * 200_000 + "é" * 200_000 + "=" * 200_000
    assert cost(Text(nasty)) > 1000


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("anthropic", {"input_tokens": 5}),
        ("gemini", {"totalTokens": 5, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]}),
        ("openai_responses", {"object": "response.input_tokens", "input_tokens": 5}),
    ],
)
def test_the_count_is_told_in_the_askers_shape(protocol: Any, expected: dict[str, Any]) -> None:
    assert counted(protocol, 5) == expected


def test_a_family_is_found_by_the_models_name_with_or_without_its_vendor() -> None:
    assert family_of("openrouter:anthropic/Claude-Opus-4-8") == family_of("claude-opus-4-8") != family_of(CLAUDE)
    assert family_of("azure/o3") != family_of("gpt-4o")
    assert family_of("foo3") == family_of("")


@pytest.mark.parametrize("recording", cases("count_tokens"))
def test_t60_the_estimate_is_close_to_what_anthropic_counted(recording: Recording) -> None:
    assert recording.request
    assert recording.reply
    request = ANTHROPIC.read_request(recording.request, Call("anthropic", "count_tokens"))
    assert count_tokens(request) == pytest.approx(recording.reply["input_tokens"], rel=0.3, abs=4)
