"""What real clients send is taken on its path, and reaches each backend protocol as a request that is valid there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from proxy_core.turn.content import ProtocolName
from tests.live.pictures import PNG
from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.said import Said
from tests.live.vendors.upstream import BACKENDS, Upstream
from tests.recordings import client_requests

MODELS = {
    "openai_chat": ("gpt-5", "gpt-4.1"),
    "openai_responses": ("gpt-5", "gpt-4.1"),
    "anthropic": ("claude-sonnet-4-5", "claude-opus-5-5"),
    "gemini": ("gemini-2.5-pro", "gemini-3-pro-preview"),
    "cohere": ("command-a-03-2025", "command-a-reasoning-08-2025"),
}
TARGETS = [pytest.param(backend, model, id=model) for backend, models in MODELS.items() for model in models]
_CUT = re.compile(r"… \[(\d+) characters\]$")
_TRANSPORT = frozenset({"host", "content-length", "connection", "transfer-encoding", "accept-encoding"})
_KEYS = frozenset({"authorization", "x-api-key", "x-goog-api-key"})
_SIGNATURES = {"signature": "anthropic", "thoughtSignature": "gemini", "encrypted_content": "openai_responses"}


_SAID = frozenset({"messages", "input", "contents", "system", "systemInstruction", "system_instruction", "tools"})
"""What one's own vendor gets as it was; settings that the model would refuse may be set right."""
_PICTURE = "data:image/png;base64,"


def protocol_of(sent: dict[str, Any]) -> ProtocolName | None:
    path = sent["path"]
    if sent["method"] != "POST":
        return None
    if "/messages" in path:
        return "anthropic"
    if "enerateContent" in path:
        return "gemini"
    return "openai_responses" if path.endswith("/responses") else "openai_chat"


def made_whole(value: Any) -> Any:
    """Long texts were cut to their beginning and their length; the rest is made up."""
    match value:
        case str() if value.startswith(_PICTURE):
            return _PICTURE + PNG
        case str() if value.startswith(PNG[:20]):
            return PNG
        case str() if found := _CUT.search(value):
            return value[: found.start()].ljust(int(found[1]), "x")
        case list():
            return [made_whole(element) for element in value]
        case dict():
            return {name: made_whole(element) for name, element in value.items()}
        case _:
            return value


def signatures(value: Any) -> Iterator[tuple[str, str]]:
    """Vendor and signature of everything signed in a request."""
    match value:
        case list():
            for element in value:
                yield from signatures(element)
        case dict():
            for name, element in value.items():
                if name in _SIGNATURES and isinstance(element, str):
                    yield _SIGNATURES[name], element
                yield from signatures(element)


def said(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in _SAID & body.keys()}


def posts() -> list[Any]:
    return [param for param in client_requests() if param.values[0] is None or protocol_of(param.values[0])]


def headers_of(sent: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    kept = {name: made_whole(value) for name, value in sent["headers"].items() if name not in _TRANSPORT | _KEYS}
    key = next((name for name in sent["headers"] if name in _KEYS), "authorization")
    kept[key] = f"Bearer {CLIENT_KEY}" if key == "authorization" else CLIENT_KEY
    return [(name.encode(), value.encode()) for name, value in kept.items()]


def asking_for(model: str, sent: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Path and body, whole again."""
    body = made_whole(sent["json"])
    if protocol_of(sent) == "gemini":
        return re.sub(r"models/[^:]+:", f"models/{model}:", sent["path"]), body
    return sent["path"], {**body, "model": model}


@pytest.mark.parametrize(("backend", "model"), TARGETS)
@pytest.mark.parametrize("sent", posts())
def test_every_request_is_valid_at_every_backend(
    sent: dict[str, Any], backend: str, model: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    client = protocol_of(sent)
    for vendor, seal in signatures(sent["json"]):
        vendors.seals[vendor].add(seal)
    vendors.will_say(Said("§"))
    vendors.checks = client != backend  # what a client sends to its own vendor is the vendor's to judge
    path, body = asking_for(f"{backend}:{model}", sent)
    answer = http.post(parley.base + path, content=json.dumps(body).encode(), headers=headers_of(sent))
    assert vendors.problems == []
    assert answer.status_code == 200, answer.text
    assert '"§"' in answer.text
    received = vendors.next_request()
    assert received.vendor == backend
    if client == backend:
        assert said(received.asked) == said(body)


@pytest.mark.parametrize("sent", [param for param in client_requests() if param not in posts()])
def test_what_comes_before_the_first_request_is_answered_at_once(
    sent: dict[str, Any], parley: Program, http: httpx.Client
) -> None:
    """Claude Code's greeting, and Codex's WebSocket, which a 426 makes it give up in one try."""
    answer = http.request(sent["method"], parley.base + sent["path"], headers=headers_of(sent))
    assert answer.status_code == (200 if sent["method"] == "HEAD" else 426)


def test_all_vendors_are_meant() -> None:
    assert set(MODELS) == set(BACKENDS)
