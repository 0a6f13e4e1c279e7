"""Which agent made a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_core.agents.requests import first_texts, tool_names
from proxy_core.agents.rows import AGENTS, UNKNOWN, Agent
from proxy_core.turn.content import ProtocolName

_LOOK_AT = 4000
"""Characters of a text: agents say who they are at the beginning, and later mention others."""


def detect(headers: Mapping[str, str], body: dict[str, Any], protocol: ProtocolName) -> Agent:
    """By headers first (names in lower case), then by texts, then by tools. UNKNOWN when nothing fits."""
    by_header = next((agent for agent in AGENTS if _sends(agent, headers)), None)
    return by_header or _by_shape(body, protocol)


def named(name: str | None) -> Agent:
    """The agent of that name, UNKNOWN for any other."""
    return next((agent for agent in AGENTS if agent.name == name), UNKNOWN)


def _sends(agent: Agent, headers: Mapping[str, str]) -> bool:
    user_agent = headers.get("user-agent", "")
    if any(pattern.search(user_agent) for pattern in agent.user_agents):
        return True
    return any(pattern.search(headers.get(header, "")) for header, pattern in agent.headers)


def _by_shape(body: dict[str, Any], protocol: ProtocolName) -> Agent:
    texts = [text[:_LOOK_AT] for text in first_texts(protocol, body)]
    for agent in AGENTS:
        if any(pattern.search(text) for pattern in agent.prompts for text in texts):
            return agent
    tools = set(tool_names(body))
    return next((agent for agent in AGENTS if tools.intersection(agent.tools)), UNKNOWN)
