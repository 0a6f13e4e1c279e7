"""A request's JSON to a ChatRequest."""

from __future__ import annotations

from typing import Any

from proxy_core.errors import invalid
from proxy_core.protocols.openai_chat.messages_read import read_messages, unread
from proxy_core.protocols.openai_chat.tables import FUNCTIONS_NOTE, NAME
from proxy_core.turn.content import Extra
from proxy_core.turn.effort import as_effort
from proxy_core.turn.request import ChatRequest, OutputFormat, Reasoning, Sampling, Tool, ToolChoice
from proxy_core.wire.fields import (
    array,
    integer,
    missing,
    optional_boolean,
    optional_integer,
    optional_number,
    optional_string,
    record,
    string,
    strings,
)

_KNOWN = {
    "model",
    "messages",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "random_seed",
    "presence_penalty",
    "frequency_penalty",
    "n",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "reasoning",
    "thinking",
    "enable_thinking",
    "thinking_budget",
    "response_format",
    "stream",
    "stream_options",
    "user",
    "prompt_cache_key",
}
_MODES = ("auto", "none", "required")


def read_request(body: dict[str, Any]) -> ChatRequest:
    if body.get("model") is None:
        raise missing("model", "the name of the model to ask")
    if body.get("messages") is None:
        raise missing("messages", "the conversation so far")
    extra = unread(body, _KNOWN)
    options = record(body.get("stream_options") or {}, "stream_options")
    if more_options := unread(options, {"include_usage"}):
        extra["stream_options"] = more_options
    request = ChatRequest(
        origin=NAME,
        model=string(body["model"], "model"),
        turns=read_messages(body["messages"]),
        parallel_tool_calls=optional_boolean(body.get("parallel_tool_calls"), "parallel_tool_calls"),
        sampling=_sampling(body),
        reasoning=_reasoning(body, extra),
        output=_output(body.get("response_format")),
        stream=bool(optional_boolean(body.get("stream"), "stream")),
        include_usage=bool(optional_boolean(options.get("include_usage"), "stream_options.include_usage")),
        user=optional_string(body.get("user"), "user"),
        cache_key=optional_string(body.get("prompt_cache_key"), "prompt_cache_key"),
        extra=extra,
    )
    _read_tools(body, request)
    return request


def _sampling(body: Extra) -> Sampling:
    max_tokens = optional_integer(body.get("max_completion_tokens"), "max_completion_tokens")
    if max_tokens is None:
        max_tokens = optional_integer(body.get("max_tokens"), "max_tokens")
    seed = optional_integer(body.get("seed"), "seed")
    return Sampling(
        temperature=optional_number(body.get("temperature"), "temperature"),
        top_p=optional_number(body.get("top_p"), "top_p"),
        top_k=optional_integer(body.get("top_k"), "top_k"),
        max_tokens=max_tokens,
        stop=_stop(body.get("stop")),
        seed=seed if seed is not None else optional_integer(body.get("random_seed"), "random_seed"),
        presence_penalty=optional_number(body.get("presence_penalty"), "presence_penalty"),
        frequency_penalty=optional_number(body.get("frequency_penalty"), "frequency_penalty"),
        n=optional_integer(body.get("n"), "n"),
        logprobs=optional_boolean(body.get("logprobs"), "logprobs"),
        top_logprobs=optional_integer(body.get("top_logprobs"), "top_logprobs"),
    )


def _stop(value: Any) -> list[str] | None:
    if value is None or isinstance(value, str):
        return [value] if value else None
    return strings(value, "stop") or None


def _reasoning(body: Extra, extra: Extra) -> Reasoning | None:
    """From OpenAI's `reasoning_effort`, OpenRouter's `reasoning`, DeepSeek's `thinking`, Qwen's `enable_thinking`."""
    found = Reasoning()
    _read_reasoning_object(body.get("reasoning"), found)
    _read_thinking_object(body.get("thinking"), found)
    _read_qwen_thinking(body, found)
    word = optional_string(body.get("reasoning_effort"), "reasoning_effort")
    if word is not None:
        effort = as_effort(word)
        if effort is None:
            extra["reasoning_effort"] = word
        else:
            found.effort = effort
    return None if found == Reasoning() else found


def _read_reasoning_object(value: Any, found: Reasoning) -> None:
    if value is None:
        return
    fields = record(value, "reasoning")
    found.enabled = optional_boolean(fields.get("enabled"), "reasoning.enabled")
    found.budget = optional_integer(fields.get("max_tokens"), "reasoning.max_tokens")
    hidden = optional_boolean(fields.get("exclude"), "reasoning.exclude")
    found.show = None if hidden is None else not hidden
    found.extra = unread(fields, {"enabled", "max_tokens", "exclude", "effort"})
    word = optional_string(fields.get("effort"), "reasoning.effort")
    if word is not None:
        found.effort = as_effort(word)
        if found.effort is None:
            raise invalid(f"'reasoning.effort' is no effort that is known: '{word}'.", "reasoning.effort")


def _read_thinking_object(value: Any, found: Reasoning) -> None:
    if value is None:
        return
    fields = record(value, "thinking")
    match fields.get("type"):
        case "enabled" | "adaptive" | "auto" as kind:
            found.enabled, found.adaptive = True, kind != "enabled"
        case "disabled":
            found.enabled = False
        case other:
            raise invalid(f"'thinking.type' must be enabled or disabled, not {other!r}.", "thinking.type")
    if fields.get("budget_tokens") is not None:
        found.budget = integer(fields["budget_tokens"], "thinking.budget_tokens")
    found.extra |= unread(fields, {"type", "budget_tokens"})


def _read_qwen_thinking(body: Extra, found: Reasoning) -> None:
    enabled = optional_boolean(body.get("enable_thinking"), "enable_thinking")
    if enabled is not None:
        found.enabled = enabled
    if body.get("thinking_budget") is not None:
        found.budget = integer(body["thinking_budget"], "thinking_budget")


def _output(value: Any) -> OutputFormat | None:
    if value is None:
        return None
    fields = record(value, "response_format")
    extra = unread(fields, {"type", "json_schema"})
    match fields.get("type"):
        case "text":
            return OutputFormat("text", extra=extra)
        case "json_object":
            return OutputFormat("json", extra=extra)
        case "json_schema":
            return _schema(record(fields.get("json_schema"), "response_format.json_schema"), extra)
        case other:
            raise invalid(
                f"'response_format.type' must be text, json_object or json_schema, not {other!r}.",
                "response_format.type",
            )


def _schema(fields: Extra, extra: Extra) -> OutputFormat:
    path = "response_format.json_schema"
    if more := unread(fields, {"name", "description", "schema", "strict"}):
        extra["json_schema"] = more
    return OutputFormat(
        "schema",
        schema=fields.get("schema"),
        name=optional_string(fields.get("name"), f"{path}.name"),
        description=optional_string(fields.get("description"), f"{path}.description"),
        strict=optional_boolean(fields.get("strict"), f"{path}.strict"),
        extra=extra,
    )


def _read_tools(body: Extra, request: ChatRequest) -> None:
    functions = array(body.get("functions") or [], "functions")
    tools = array(body.get("tools") or [], "tools")
    request.tools = [_tool(value, f"tools[{index}]") for index, value in enumerate(tools)]
    request.tools += [_function(value, f"functions[{index}]", {}) for index, value in enumerate(functions)]
    request.tool_choice = _choice(body.get("tool_choice"))
    if functions and not tools:
        request.extra[FUNCTIONS_NOTE] = True
        request.tool_choice = _function_choice(body.get("function_call"))


def _tool(value: Any, path: str) -> Tool:
    fields = record(value, path)
    kind = optional_string(fields.get("type"), f"{path}.type") or "function"
    match kind:
        case "function" if "function" in fields:
            extra = unread(fields, {"type", "function", "cache_control"})
            tool = _function(fields["function"], f"{path}.function", extra)
            tool.cache = fields.get("cache_control")
            return tool
        case "function":
            raise missing(f"{path}.function", "the function that the model may call")
        case "custom" if "custom" in fields:
            return _custom(record(fields["custom"], f"{path}.custom"), f"{path}.custom")
        case _:
            return Tool(kind, server=True, raw=fields)


def _function(value: Any, path: str, extra: Extra) -> Tool:
    fields = record(value, path)
    if more := unread(fields, {"name", "description", "parameters", "strict"}):
        extra["function"] = more
    return Tool(
        string(fields.get("name"), f"{path}.name"),
        optional_string(fields.get("description"), f"{path}.description"),
        fields.get("parameters"),
        optional_boolean(fields.get("strict"), f"{path}.strict"),
        extra=extra,
    )


def _custom(fields: Extra, path: str) -> Tool:
    return Tool(
        string(fields.get("name"), f"{path}.name"),
        optional_string(fields.get("description"), f"{path}.description"),
        custom=True,
        format=_format(fields.get("format")),
        extra=unread(fields, {"name", "description", "format"}),
    )


def _format(value: Any) -> Any:
    """With its grammar as in Responses, where it is no level of its own."""
    match value:
        case {"type": "grammar", "grammar": {**grammar}}:
            return {"type": "grammar", **grammar}
    return value


def _choice(value: Any) -> ToolChoice | None:
    match value:
        case None:
            return None
        case "any":
            return ToolChoice("required")
        case "auto" | "none" | "required":
            return ToolChoice(value)
        case {"type": "function", "function": {"name": str(name)}} | {"type": "custom", "custom": {"name": str(name)}}:
            return ToolChoice("named", name)
        case {"type": "allowed_tools", "allowed_tools": {"tools": list(tools)} as allowed}:
            names = [_allowed_name(tool, f"tool_choice.allowed_tools.tools[{i}]") for i, tool in enumerate(tools)]
            return ToolChoice("allowed", names=names, required=allowed.get("mode") == "required")
        case str():
            raise invalid(
                f"'tool_choice' must be one of {', '.join(_MODES)} or an object, not '{value}'.", "tool_choice"
            )
        case _:
            raise invalid("'tool_choice' names no function: it must be {type, function: {name}}.", "tool_choice")


def _allowed_name(value: Any, path: str) -> str:
    fields = record(value, path)
    named = fields.get("function") or fields.get("custom") or fields
    return string(record(named, path).get("name"), f"{path}.name")


def _function_choice(value: Any) -> ToolChoice | None:
    match value:
        case None:
            return None
        case "auto" | "none":
            return ToolChoice(value)
        case {"name": str(name)}:
            return ToolChoice("named", name)
        case _:
            raise invalid("'function_call' must be auto, none or {name}.", "function_call")
