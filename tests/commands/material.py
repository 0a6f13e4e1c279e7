"""Conversations in all four protocols, and a program that can be steered."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from proxy_core.agents.rows import UNKNOWN, Agent
from proxy_core.commands.draft import BackendState, SavedName
from proxy_core.commands.obeying import Obeyed, obey
from proxy_core.config.settings import SavedRoute
from proxy_core.errors import not_found
from proxy_core.protocols import CODECS, MESSAGES
from proxy_core.sessions.session import Session
from proxy_core.turn.content import ProtocolName

PROTOCOLS: tuple[ProtocolName, ...] = tuple(CODECS)
TEXT_TYPES = {
    "openai_chat": ("text", "text"),
    "openai_responses": ("input_text", "output_text"),
    "anthropic": ("text", "text"),
    "gemini": (None, None),
}
IMAGES: dict[str, dict[str, Any]] = {
    "openai_chat": {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    "openai_responses": {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
    "anthropic": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
    "gemini": {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
}


def part(protocol: str, text: str, role: str = "user") -> dict[str, Any]:
    kind = TEXT_TYPES[protocol][role == "assistant"]
    return {"type": kind, "text": text} if kind else {"text": text}


def message(protocol: str, role: str, *texts: str | dict[str, Any], as_string: bool = False) -> dict[str, Any]:
    if as_string and protocol != "gemini":
        return {"role": role, "content": texts[0]}
    parts = [part(protocol, text, role) if isinstance(text, str) else copy.deepcopy(text) for text in texts]
    if protocol == "gemini":
        return {"role": "model" if role == "assistant" else role, "parts": parts}
    return {"role": role, "content": parts}


def body(protocol: ProtocolName, *messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {MESSAGES[protocol]: list(messages), **fields}


def dialogue(protocol: ProtocolName, *turns: str, as_string: bool = False) -> dict[str, Any]:
    """Turns of user and assistant in alternation, the user first."""
    roles = ("user", "assistant")
    return body(protocol, *(message(protocol, roles[n % 2], text, as_string=as_string) for n, text in enumerate(turns)))


def texts(value: Any) -> list[str]:
    """Every `text` or `content` string of a body's messages, in order."""
    found: list[str] = []
    match value:
        case dict():
            for key, item in value.items():
                if key in ("text", "content") and isinstance(item, str):
                    found.append(item)
                else:
                    found += texts(item)
        case list():
            for item in value:
                found += texts(item)
    return found


class FakeControls:
    def __init__(self, interactive: bool = False) -> None:
        self.session = Session("s1", "me", 0.0, 0.0)
        self.interactive_default = interactive
        self.saved: dict[SavedName, Any] = {}
        self.saved_routes: dict[str, SavedRoute] = {}
        self.notes: list[str] = []
        self.failure: Exception | None = None

    def backends(self) -> Sequence[BackendState]:
        return [
            BackendState("openrouter", 2, 3),
            BackendState("gemini", 2, 2),
            BackendState("openai", 1, 0),
            BackendState("anthropic", 0, 0, usable=False),
        ]

    def check_model(self, model: str, backend: str | None) -> bool | None:
        if model.startswith("nowhere:"):
            raise not_found(f"There is no backend 'nowhere' for model '{model}'.")
        return False if model.endswith("-typo") else None

    def nearest_models(self, model: str) -> Sequence[str]:
        return ["gemini:gemini-2.5-pro"]

    def routes(self) -> Mapping[str, SavedRoute]:
        return self.saved_routes

    def save(self, settings: Mapping[SavedName, Any], routes: Mapping[str, SavedRoute | None]) -> Sequence[str]:
        if self.failure:
            raise self.failure
        self.saved.update(settings)
        for name, route in routes.items():
            self.saved_routes.pop(name, None)
            if route:
                self.saved_routes[name] = route
        return self.notes


def obeyed(
    request: dict[str, Any],
    protocol: ProtocolName = "openai_chat",
    controls: FakeControls | None = None,
    agent: Agent = UNKNOWN,
    prefix: str = "!/",
) -> Obeyed:
    return obey(request, protocol, prefix, agent, controls or FakeControls())
