"""Requests of other protocols, written for Claude models and checked as Anthropic would."""

from __future__ import annotations

from typing import Any

from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.lookup import profile_of
from proxy_core.profiles.target import Target
from proxy_core.protocols.anthropic.request_write import write_request
from proxy_core.protocols.contract import UpstreamCall
from proxy_core.turn.content import Part, ProtocolName, Text, ToolCall, ToolResult
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, Role, Tool, Turn
from tests.live.strict.anthropic import check_anthropic

OLD, BUDGET, OPTIONAL, ALWAYS = "claude-sonnet-4-0", "claude-sonnet-4-5", "claude-opus-4-7", "claude-opus-5-5"
WEATHER = Tool("weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})


def turn(role: Role, *parts: Part | str) -> Turn:
    return Turn(role, [Text(part) if isinstance(part, str) else part for part in parts])


def call(call_id: str = "call_1", arguments: str = '{"city":"Rome"}') -> ToolCall:
    return ToolCall(call_id, "weather", arguments)


def result(call_id: str = "call_1", text: str = "sunny") -> Turn:
    return Turn("tool", [ToolResult(call_id, [Text(text)])])


def chat(*turns: Turn, origin: ProtocolName = "openai_chat", **fields: Any) -> ChatRequest:
    return ChatRequest(origin, "asked", list(turns) or [turn("user", "Hi")], **fields)


def write(
    request: ChatRequest, model: str = BUDGET, seals: frozenset[str] = frozenset(), dialect: str = "default"
) -> tuple[dict[str, Any], Losses]:
    """The body, which a strict Anthropic has accepted, and what was lost."""
    losses = Losses()
    written = write_call(request, model, losses, dialect)
    check_anthropic(written.body, seals)
    return written.body, losses


def write_call(request: ChatRequest, model: str, losses: Losses, dialect: str = "default") -> UpstreamCall:
    return write_request(request, Target(model, DIALECTS[dialect], profile_of(model)), losses)


def shape(body: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(message["role"], [block["type"] for block in message["content"]]) for message in body["messages"]]


def paths(losses: Losses) -> list[str]:
    return [loss.path for loss in losses.items]
