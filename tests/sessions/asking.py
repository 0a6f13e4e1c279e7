"""Requests of clients, as the store of sessions sees them."""

from __future__ import annotations

from typing import Any

from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.sessions.session import Session
from proxy_core.sessions.store import Sessions
from proxy_core.turn.content import ProtocolName

SYSTEM = "You are an agent. Today is 2026-11-21."


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def inbound(key: str = "key-1", client: str = "127.0.0.1", **headers: str) -> Inbound:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    pairs = {"user-agent": "Agent/1.0 (linux)", "authorization": f"Bearer {key}", **named}
    return Inbound("base_url", "POST", "/v1/chat/completions", HeaderMap(pairs.items()), client=client)


def chat(*texts: str, system: str = SYSTEM) -> dict[str, Any]:
    """User texts, each but the last answered."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}]
    for text in texts:
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": f"on {text}"}]
    return {"model": "m", "messages": messages[:-1]}


class Client:
    """One that sends no session id."""

    def __init__(self, sessions: Sessions, inbound: Inbound = inbound(), system: str = SYSTEM) -> None:  # noqa: B008
        self.sessions = sessions
        self.inbound = inbound
        self.system = system

    def says(self, *texts: str) -> Session:
        return self.sessions.of(self.inbound, chat(*texts, system=self.system), "openai_chat")

    def sends(self, json: dict[str, Any], protocol: ProtocolName = "openai_chat") -> Session:
        return self.sessions.of(self.inbound, json, protocol)
