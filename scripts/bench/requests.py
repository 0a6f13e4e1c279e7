"""What clients send: whole HTTP/1.1 requests, much as the vendors' SDKs would."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scripts.bench.scenario import Scenario

CLIENT_KEY = "bench-client-key"
SYSTEM = "You are a careful assistant. Answer in one short paragraph and name your sources."
QUESTION = "What is the capital of France, and since when has it been?"

type Path = Callable[[str, bool], str]
type Body = Callable[[str, bool], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Protocol:
    """`path` and `body` of a request for a model, streamed or not; `headers` beside the usual ones."""

    path: Path
    body: Body
    headers: str


def request(protocol: str, scenario: Scenario, prefix: str = "") -> bytes:
    """`prefix` stands before the model's name, where Parley takes a backend's."""
    spoken = PROTOCOLS[protocol]
    model = prefix + scenario.model
    body = json.dumps(spoken.body(model, scenario.streamed)).encode()
    head = (
        f"POST {spoken.path(model, scenario.streamed)} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1\r\n"
        f"Accept: application/json\r\n{spoken.headers}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _chat(model: str, streamed: bool) -> dict[str, Any]:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    return {"model": model, "messages": messages, "temperature": 0.5, "stream": streamed}


def _responses(model: str, streamed: bool) -> dict[str, Any]:
    return {"model": model, "instructions": SYSTEM, "input": QUESTION, "store": False, "stream": streamed}


def _messages(model: str, streamed: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": QUESTION}]
    return {"model": model, "max_tokens": 4096, "system": SYSTEM, "messages": messages, "stream": streamed}


def _contents(model: str, streamed: bool) -> dict[str, Any]:
    return {
        "systemInstruction": {"parts": [{"text": SYSTEM}]},
        "contents": [{"role": "user", "parts": [{"text": QUESTION}]}],
        "generationConfig": {"temperature": 0.5},
    }


def _gemini_path(model: str, streamed: bool) -> str:
    return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if streamed else "generateContent")


_BEARER = f"Authorization: Bearer {CLIENT_KEY}\r\n"

PROTOCOLS: dict[str, Protocol] = {
    "chat": Protocol(lambda model, streamed: "/v1/chat/completions", _chat, _BEARER),
    "responses": Protocol(lambda model, streamed: "/v1/responses", _responses, _BEARER),
    "anthropic": Protocol(
        lambda model, streamed: "/v1/messages",
        _messages,
        f"x-api-key: {CLIENT_KEY}\r\nanthropic-version: 2023-06-01\r\n",
    ),
    "gemini": Protocol(_gemini_path, _contents, f"x-goog-api-key: {CLIENT_KEY}\r\n"),
}
