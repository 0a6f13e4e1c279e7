"""A v2 chat request read, for those who look at what went to a backend: no client sends one."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.cohere.names import ORIGIN, record_in, records_in, rest, text_in
from proxy_core.protocols.cohere.reply import read_block, read_call
from proxy_core.protocols.contract import Call
from proxy_core.turn.content import Extra, Media, Part, Text, Thinking, ToolResult
from proxy_core.turn.request import ChatRequest, OutputFormat, Reasoning, Role, Sampling, Tool, ToolChoice, Turn
from proxy_core.wire.fields import array, optional_boolean, record, string

_READ = frozenset(
    {
        "model",
        "messages",
        "tools",
        "tool_choice",
        "stream",
        "thinking",
        "response_format",
        "max_tokens",
        "temperature",
        "p",
        "k",
        "seed",
        "stop_sequences",
        "frequency_penalty",
        "presence_penalty",
        "logprobs",
    }
)
_MODES: dict[Any, Any] = {"REQUIRED": "required", "NONE": "none"}
_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


def read_request(body: dict[str, Any], call: Call) -> ChatRequest:
    messages = array(body.get("messages"), "messages")
    mode = _MODES.get(body.get("tool_choice"))
    return ChatRequest(
        origin=ORIGIN,
        model=text_in(body.get("model")),
        turns=[_turn(record(raw, f"messages[{index}]"), f"messages[{index}]") for index, raw in enumerate(messages)],
        tools=[_tool(record_in(raw.get("function"))) for raw in records_in(body.get("tools"))],
        tool_choice=ToolChoice(mode) if mode else None,
        sampling=_sampling(body),
        reasoning=_reasoning(body.get("thinking")),
        output=_output(body.get("response_format")),
        stream=bool(optional_boolean(body.get("stream"), "stream")),
        include_usage=True,
        extra=rest(body, _READ),
    )


def _turn(message: Extra, path: str) -> Turn:
    role = _ROLES.get(string(message.get("role"), f"{path}.role"), "user")
    parts = _parts(message.get("content"))
    if role == "tool":
        return Turn(role, [ToolResult(text_in(message.get("tool_call_id")), parts)])
    if plan := text_in(message.get("tool_plan")):
        parts = [Thinking(plan), *parts]
    return Turn(role, [*parts, *(read_call(call) for call in records_in(message.get("tool_calls")))])


def _parts(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    return [part for block in records_in(content) if (part := _part(block)) is not None]


def _part(block: Extra) -> Part | None:
    if block.get("type") != "image_url":
        return read_block(block)
    url = text_in(record_in(block.get("image_url")).get("url"))
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        return Media("image", head.removeprefix("data:").removesuffix(";base64"), data=data)
    return Media("image", url=url)


def _tool(function: Extra) -> Tool:
    return Tool(text_in(function.get("name")), text_in(function.get("description")), function.get("parameters"))


def _sampling(body: Extra) -> Sampling:
    return Sampling(
        temperature=body.get("temperature"),
        top_p=body.get("p"),
        top_k=body.get("k"),
        max_tokens=body.get("max_tokens"),
        stop=body.get("stop_sequences"),
        seed=body.get("seed"),
        presence_penalty=body.get("presence_penalty"),
        frequency_penalty=body.get("frequency_penalty"),
        logprobs=body.get("logprobs"),
    )


def _reasoning(raw: Any) -> Reasoning | None:
    thinking = record_in(raw)
    if not thinking:
        return None
    return Reasoning(enabled=thinking.get("type") != "disabled", budget=thinking.get("token_budget"))


def _output(raw: Any) -> OutputFormat | None:
    fields = record_in(raw)
    if fields.get("type") != "json_object":
        return None
    schema = fields.get("json_schema")
    return OutputFormat("json") if schema is None else OutputFormat("schema", schema)
