"""A Responses request, read into a ChatRequest.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.openai_responses.conversation import Conversation
from proxy_core.protocols.openai_responses.names import AFTER, GIVEN, ORIGIN
from proxy_core.protocols.openai_responses.tools import read_tool_choice, read_tools
from proxy_core.turn.content import Extra, Part, Text
from proxy_core.turn.effort import as_effort
from proxy_core.turn.request import ChatRequest, OutputFormat, Reasoning, Sampling
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
    wrong_type,
)

_MODELLED = (
    *("model", "input", "instructions", "stream", "user", "prompt_cache_key", "text", "reasoning"),
    *("tools", "tool_choice", "parallel_tool_calls"),
    *("temperature", "top_p", "max_output_tokens", "top_logprobs"),
)
_ASKS_NOTHING: dict[str, tuple[Any, ...]] = {
    "store": (False,),
    "background": (False,),
    "truncation": ("disabled",),
    "service_tier": ("auto", "default"),
    "stream_options": ({"include_obfuscation": False},),
}
"""Values that any backend honours by doing nothing: kept as notes, so that they are no loss elsewhere."""
_INPUT_FROM_ELSEWHERE = ("prompt", "previous_response_id", "conversation")
LOGPROBS = "message.output_text.logprobs"
_UNDERSTOOD_INCLUDES = (LOGPROBS, "reasoning.encrypted_content")


def read_request(body: dict[str, Any]) -> ChatRequest:
    conversation = _read_input(body)
    extra = _read_extra(body)
    if conversation.pending:
        extra[AFTER] = conversation.pending
    return ChatRequest(
        origin=ORIGIN,
        model=_read_model(body),
        turns=conversation.turns,
        system=_read_instructions(body.get("instructions")),
        tools=_all_tools(body, conversation),
        tool_choice=read_tool_choice(body.get("tool_choice"), "tool_choice"),
        parallel_tool_calls=optional_boolean(body.get("parallel_tool_calls"), "parallel_tool_calls"),
        sampling=_read_sampling(body),
        reasoning=_read_reasoning(body.get("reasoning"), conversation.effort),
        output=_read_format(body.get("text")),
        stream=optional_boolean(body.get("stream"), "stream") or False,
        include_usage=True,
        user=optional_string(body.get("user"), "user")
        or optional_string(body.get("safety_identifier"), "safety_identifier"),
        cache_key=optional_string(body.get("prompt_cache_key"), "prompt_cache_key"),
        extra=extra,
    )


def _read_model(body: dict[str, Any]) -> str:
    if body.get("model") is None and body.get("prompt") is None:
        raise missing("model", "the name of a model")
    return optional_string(body.get("model"), "model") or ""


def _read_input(body: dict[str, Any]) -> Conversation:
    conversation = Conversation()
    match body.get("input"):
        case None:
            if not any(body.get(field) for field in _INPUT_FROM_ELSEWHERE):
                raise missing("input", "a string or an array of items")
        case str() as text:
            conversation.say(text)
        case list() as items:
            for index, item in enumerate(items):
                conversation.add(record(item, f"input[{index}]"), f"input[{index}]")
            conversation.close()
        case other:
            raise wrong_type(other, "input", "a string or an array of items")
    return conversation


def _read_instructions(value: Any) -> list[Part]:
    text = optional_string(value, "instructions")
    return [] if text is None else [Text(text)]


def _all_tools(body: dict[str, Any], conversation: Conversation) -> list:
    """The request's own tools, then those that its items declare; of two with one name the first counts."""
    tools = read_tools(body.get("tools"), "tools")
    known = {tool.name for tool in tools}
    for tool in conversation.tools:
        if tool.name not in known:
            known.add(tool.name)
            tools.append(tool)
    return tools


def _read_sampling(body: dict[str, Any]) -> Sampling:
    return Sampling(
        temperature=optional_number(body.get("temperature"), "temperature"),
        top_p=optional_number(body.get("top_p"), "top_p"),
        max_tokens=optional_integer(body.get("max_output_tokens"), "max_output_tokens"),
        logprobs=True if LOGPROBS in (body.get("include") or ()) else None,
        top_logprobs=optional_integer(body.get("top_logprobs"), "top_logprobs"),
    )


def _read_reasoning(value: Any, updated_effort: str | None) -> Reasoning | None:
    """`updated_effort` comes from the last `configuration_update` item and overrides the request's own."""
    if value is None and updated_effort is None:
        return None
    raw = {} if value is None else record(value, "reasoning")
    word = updated_effort or optional_string(raw.get("effort"), "reasoning.effort")
    effort = as_effort(word) if word else None
    summary = raw.get("summary") or raw.get("generate_summary")
    extra: Extra = {key: value for key, value in raw.items() if key in ("context", "mode") and value is not None}
    unknown = {key: value for key, value in raw.items() if key not in _REASONING_FIELDS}
    return Reasoning(
        enabled=None if effort is None else effort != "none",
        effort=effort,
        show=summary is not None,
        extra={**extra, **unknown, GIVEN: {"raw": value, "effort": effort}},
    )


_REASONING_FIELDS = ("effort", "summary", "generate_summary", "context", "mode")


def _read_format(value: Any) -> OutputFormat | None:
    if value is None:
        return None
    raw = record(record(value, "text").get("format") or {}, "text.format")
    match raw.get("type"):
        case None:
            return None
        case "text":
            return OutputFormat("text")
        case "json_object":
            return OutputFormat("json")
        case "json_schema":
            return _read_schema(raw)
        case other:
            raise wrong_type(other, "text.format.type", "'text', 'json_object' or 'json_schema'")


def _read_schema(raw: dict[str, Any]) -> OutputFormat:
    known = ("type", "schema", "name", "description", "strict")
    return OutputFormat(
        "schema",
        schema=record(raw.get("schema"), "text.format.schema"),
        name=string(raw.get("name"), "text.format.name"),
        description=optional_string(raw.get("description"), "text.format.description"),
        strict=optional_boolean(raw.get("strict"), "text.format.strict"),
        extra={key: value for key, value in raw.items() if key not in known},
    )


def _read_extra(body: dict[str, Any]) -> Extra:
    extra: Extra = {}
    for key, value in body.items():
        if key in _MODELLED or value is None:
            continue
        harmless = value in _ASKS_NOTHING.get(key, ()) or (key == "safety_identifier" and not body.get("user"))
        extra[f"_{key}" if harmless else key] = value
    _read_text_fields(body, extra)
    _read_includes(body, extra)
    if body.get("user") is not None:
        extra["_user"] = body["user"]
    return extra


def _read_text_fields(body: dict[str, Any], extra: Extra) -> None:
    fields = {key: value for key, value in (body.get("text") or {}).items() if key != "format" and value is not None}
    if fields:
        extra["text"] = fields


def _read_includes(body: dict[str, Any], extra: Extra) -> None:
    extra.pop("include", None)
    if body.get("include") is None:
        return
    includes = strings(array(body["include"], "include"), "include")
    extra["_include"] = includes
    others = [name for name in includes if name not in _UNDERSTOOD_INCLUDES]
    if others:
        extra["include"] = others
