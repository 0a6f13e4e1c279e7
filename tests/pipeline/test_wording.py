"""Losses and faults name a field as the client called it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.pipeline.rendering import render
from proxy_core.pipeline.wording import client_path
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import ProtocolName

_MODELS: tuple[tuple[ProtocolName, str, str], ...] = (
    ("openai_chat", "openai", "gpt-4.1"),
    ("openai_responses", "openai", "gpt-4.1"),
    ("anthropic", "anthropic", "claude-sonnet-4-5"),
    ("gemini", "gemini", "gemini-2.5-flash"),
)
UPSTREAMS: dict[ProtocolName, Upstream] = {
    name: Upstream(Backend(name, name, "http://upstream.invalid/v1", ("key",), dialect), model, "key")
    for name, dialect, model in _MODELS
}


def lost(body: dict[str, Any], client: ProtocolName, backend: ProtocolName) -> list[str]:
    request = CODECS[client].read_request(body, Call(client, "chat", model="m"))
    rendered = render(request, UPSTREAMS[backend], CODECS[backend])
    return sorted(loss.path for loss in rendered.losses.items)


@pytest.mark.parametrize(
    ("path", "client", "word"),
    [
        ("stop[4:]", "anthropic", "stop_sequences[4:]"),
        ("stop[4:]", "gemini", "generationConfig.stopSequences[4:]"),
        ("stop", "openai_chat", "stop"),
        ("reasoning.effort", "openai_chat", "reasoning_effort"),
        ("reasoning.summary", "openai_responses", "reasoning.summary"),
        ("messages[2].content[1].content[0]", "gemini", "contents[2].parts[1].content[0]"),
        ("messages", "openai_responses", "input"),
        ("messages[].thinking", "gemini", "contents[].thought"),
        ("system[0]", "gemini", "systemInstruction.parts[0]"),
        ("tools[0].strict", "openai_responses", "tools[0].strict"),
        ("$odd", "gemini", "$odd"),
    ],
)
def test_a_path_in_the_clients_words(path: str, client: ProtocolName, word: str) -> None:
    assert client_path(path, client) == word


def test_a_gemini_client_is_told_in_geminis_words() -> None:
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}}]}
        ],
        "generationConfig": {"topK": 5, "seed": 3, "responseModalities": ["TEXT"], "stopSequences": ["a"]},
    }
    assert lost(body, "gemini", "openai_responses") == [
        "contents[0].parts[1]",
        "generationConfig.responseModalities",
        "generationConfig.seed",
        "generationConfig.stopSequences",
        "generationConfig.topK",
    ]


def test_an_anthropic_client_is_told_in_anthropics_words() -> None:
    body = {
        "model": "m",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": "hi"}],
        "stop_sequences": ["a"],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    }
    assert lost(body, "anthropic", "gemini") == ["tool_choice.disable_parallel_tool_use"]
    assert lost(body, "anthropic", "openai_responses") == ["stop_sequences"]


def test_only_what_is_left_of_an_image_is_lost() -> None:
    url = {"url": "data:image/png;base64,aGk=", "detail": "low"}
    body = {"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": url}]}]}
    assert lost(body, "openai_chat", "anthropic") == ["messages[0].content[0].image_url.detail"]
