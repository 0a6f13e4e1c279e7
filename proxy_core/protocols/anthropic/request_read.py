"""A Messages request, read.

https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from typing import Any

from proxy_core.errors import invalid
from proxy_core.protocols.anthropic.content_read import read_content
from proxy_core.protocols.anthropic.names import ORIGIN, rest
from proxy_core.protocols.anthropic.tools import read_parallel, read_tool_choice, read_tools
from proxy_core.protocols.contract import Call
from proxy_core.turn.content import Extra, Part
from proxy_core.turn.effort import as_effort
from proxy_core.turn.request import ChatRequest, OutputFormat, Reasoning, Role, Sampling, Turn
from proxy_core.wire.fields import (
    array,
    missing,
    optional_boolean,
    optional_integer,
    optional_number,
    optional_string,
    record,
    string,
    strings,
)

_KNOWN = (
    "model",
    "messages",
    "system",
    "max_tokens",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
)
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


def read_request(body: dict[str, Any], call: Call) -> ChatRequest:
    """Raises ParleyError that names the field. `max_tokens` may be missing: counting tokens needs none."""
    metadata = _record_or_empty(body, "metadata")
    output_config = _record_or_empty(body, "output_config")
    return ChatRequest(
        origin=ORIGIN,
        model=_model(body, call),
        turns=_turns(body),
        system=_system(body.get("system")),
        tools=read_tools(body.get("tools"), "tools"),
        tool_choice=read_tool_choice(body.get("tool_choice"), "tool_choice"),
        parallel_tool_calls=read_parallel(body.get("tool_choice"), "tool_choice"),
        sampling=_sampling(body),
        reasoning=_reasoning(body, output_config),
        output=_output(body, output_config),
        stream=optional_boolean(body.get("stream"), "stream") or False,
        user=optional_string(metadata.get("user_id"), "metadata.user_id"),
        extra=_extra(body, metadata, output_config),
    )


def _model(body: dict[str, Any], call: Call) -> str:
    name = body.get("model", call.model)
    if not name:
        raise missing("model", "the name of the model")
    return string(name, "model")


def _record_or_empty(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {} if body.get(name) is None else record(body[name], name)


def _system(value: Any) -> list[Part]:
    return [] if value is None else read_content(value, "system")


def _turns(body: dict[str, Any]) -> list[Turn]:
    if body.get("messages") is None:
        raise missing("messages", "an array of messages")
    messages = array(body["messages"], "messages")
    if not messages:
        raise invalid("'messages' must hold at least one message.", "messages")
    return [_turn(record(message, f"messages[{i}]"), f"messages[{i}]") for i, message in enumerate(messages)]


def _turn(message: dict[str, Any], path: str) -> Turn:
    role = string(message.get("role"), f"{path}.role")
    if role not in _ROLES:
        raise invalid(f"'{path}.role' must be 'user', 'assistant' or 'system', not '{role}'.", f"{path}.role")
    return Turn(
        _ROLES[role],
        read_content(message.get("content"), f"{path}.content"),
        extra=rest(message, ("role", "content")),
    )


def _sampling(body: dict[str, Any]) -> Sampling:
    stop = body.get("stop_sequences")
    return Sampling(
        temperature=optional_number(body.get("temperature"), "temperature"),
        top_p=optional_number(body.get("top_p"), "top_p"),
        top_k=optional_integer(body.get("top_k"), "top_k"),
        max_tokens=optional_integer(body.get("max_tokens"), "max_tokens"),
        stop=None if stop is None else strings(stop, "stop_sequences"),
    )


def _reasoning(body: dict[str, Any], output_config: dict[str, Any]) -> Reasoning | None:
    word = optional_string(output_config.get("effort"), "output_config.effort")
    effort = as_effort(word) if word else None
    if body.get("thinking") is None:
        return Reasoning(effort=effort) if effort else None
    thinking = record(body["thinking"], "thinking")
    kind = string(thinking.get("type"), "thinking.type")
    display = optional_string(thinking.get("display"), "thinking.display")
    return Reasoning(
        enabled=kind != "disabled",
        effort=effort,
        budget=optional_integer(thinking.get("budget_tokens"), "thinking.budget_tokens"),
        adaptive=kind not in ("enabled", "disabled"),
        show=None if display is None else display != "omitted",
        extra={**rest(thinking, ("type", "budget_tokens", "display")), "_type": kind, "_display": display},
    )


def _output(body: dict[str, Any], output_config: dict[str, Any]) -> OutputFormat | None:
    """`output_format` is the older place of `output_config.format`."""
    given, path = output_config.get("format"), "output_config.format"
    if given is None:
        given, path = body.get("output_format"), "output_format"
    if given is None:
        return None
    form = record(given, path)
    kind = string(form.get("type"), f"{path}.type")
    if kind != "json_schema":
        raise invalid(f"'{path}.type' must be 'json_schema', not '{kind}'.", f"{path}.type")
    schema = record(form.get("schema"), f"{path}.schema")
    return OutputFormat("schema", schema=schema, extra={**rest(form, ("type", "schema")), "_field": path})


def _extra(body: dict[str, Any], metadata: Extra, output_config: Extra) -> Extra:
    extra = rest(body, _KNOWN)
    more = rest(metadata, ("user_id",))
    if more:
        extra["metadata"] = more
    effort = output_config.get("effort")
    known = ("format", "effort") if effort is None or as_effort(effort) else ("format",)
    if config := rest(output_config, known):
        extra["output_config"] = config
    return extra
