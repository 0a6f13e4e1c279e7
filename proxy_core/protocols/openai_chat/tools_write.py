"""Tools and the choice among them."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.openai_chat.tables import NAME, TITLE
from proxy_core.protocols.openai_chat.writing import Writing
from proxy_core.turn.content import Extra, ProtocolName
from proxy_core.turn.request import ChatRequest, Tool, ToolChoice

_NO_PARAMETERS: Extra = {"type": "object", "properties": {}}
_SAME_STRICTNESS: tuple[ProtocolName, ...] = (NAME, "openai_responses")
"""Protocols whose `strict` asks of a schema what OpenAI's does."""
_FREE_TEXT: Extra = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input of the tool, as plain text."}},
    "required": ["input"],
    "additionalProperties": False,
}


def write_tool_fields(request: ChatRequest, writing: Writing) -> Extra:
    """`tools`, `tool_choice` and `parallel_tool_calls`; the latter two are refused where there are no tools."""
    offered = _offered(request, writing)
    tools = [_tool(tool, writing, f"tools[{index}]") for index, tool in offered]
    if not tools:
        if request.tool_choice and request.tool_choice.mode not in ("auto", "none"):
            writing.losses.drop("tool_choice", "there is no tool to choose")
        return {}
    fields: Extra = {"tools": tools}
    if (choice := _choice(request.tool_choice, [tool for _, tool in offered], writing)) is not None:
        fields["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        if writing.dialect.parallel_tool_calls:
            fields["parallel_tool_calls"] = request.parallel_tool_calls
        else:
            writing.losses.drop("parallel_tool_calls", f"{writing.dialect.name} has no such field")
    return fields


def _offered(request: ChatRequest, writing: Writing) -> list[tuple[int, Tool]]:
    """The tools that the backend can be given, with their places."""
    offered = []
    for index, tool in enumerate(request.tools):
        if tool.server and not writing.own:
            writing.losses.drop(f"tools[{index}]", f"{TITLE} has no tool '{tool.name}' that runs at the provider")
        elif _allowed(tool, request.tool_choice, writing):
            offered.append((index, tool))
    return offered


def _allowed(tool: Tool, choice: ToolChoice | None, writing: Writing) -> bool:
    if choice is None or choice.mode != "allowed" or writing.dialect.allowed_tools:
        return True
    return tool.name in (choice.names or ())


def _tool(tool: Tool, writing: Writing, path: str) -> Extra:
    if tool.server:
        return tool.raw
    extra = writing.kept(tool.extra, path)
    if tool.custom and writing.dialect.custom_tools:
        described = {"description": tool.description, "format": _format(tool.format)}
        return {"type": "custom", "custom": {"name": tool.name, **_given(described), **extra}}
    inner = extra.pop("function", {})
    if tool.custom:
        writing.losses.change(path, f"{writing.dialect.name} has no custom tools; sent as a function")
        function = _stand_in(tool)
    else:
        function = _function(tool, writing, path)
    return {"type": "function", "function": {**function, **inner}, **writing.cached(tool.cache), **extra}


def _format(value: Any) -> Any:
    """A grammar stands one level deeper here than in Responses
    (https://platform.openai.com/docs/api-reference/chat/create#chat_create-tools)."""
    match value:
        case {"type": "grammar", "definition": _}:
            return {"type": "grammar", "grammar": {name: given for name, given in value.items() if name != "type"}}
    return value


def _function(tool: Tool, writing: Writing, path: str) -> Extra:
    parameters = tool.schema
    if parameters is None and not writing.own:
        parameters = _NO_PARAMETERS
    described = {"description": tool.description, "parameters": parameters}
    return {"name": tool.name, **_given(described), **_strict(tool, writing, path)}


def _strict(tool: Tool, writing: Writing, path: str) -> Extra:
    if tool.strict is None or (tool.strict is False and not writing.dialect.strict_tools):
        return {}
    if not writing.dialect.strict_tools and not writing.as_given:
        writing.losses.drop(f"{path}.strict", f"{writing.dialect.name} has no strict tools")
        return {}
    if tool.strict and writing.origin not in _SAME_STRICTNESS:
        writing.losses.drop(f"{path}.strict", f"{TITLE} would demand a narrower schema")
        return {}
    return {"strict": tool.strict}


def _stand_in(tool: Tool) -> Extra:
    """A function with one argument for a tool that takes free text; its grammar goes into the description."""
    texts = [tool.description or ""]
    grammar = tool.format.get("definition") if isinstance(tool.format, dict) else None
    if grammar:
        texts.append(f"The input must follow this grammar:\n{grammar}")
    return {"name": tool.name, "description": "\n\n".join(filter(None, texts)), "parameters": _FREE_TEXT}


def _choice(choice: ToolChoice | None, tools: list[Tool], writing: Writing) -> str | Extra | None:
    match choice:
        case None:
            return None
        case ToolChoice(mode="auto" | "none" as mode):
            return mode
        case ToolChoice(mode="required"):
            return writing.dialect.required_choice
        case ToolChoice(mode="named"):
            return _named(choice.name or "", tools, writing)
        case ToolChoice(mode="allowed"):
            return _allowed_choice(choice, tools, writing)


def _named(name: str, tools: list[Tool], writing: Writing) -> str | Extra:
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None and not writing.own:
        writing.losses.change("tool_choice", f"the tool '{name}' could not be offered; the model chooses")
        return "auto"
    return _named_tool(name, tool is not None and tool.custom and writing.dialect.custom_tools)


def _named_tool(name: str, custom: bool) -> Extra:
    kind = "custom" if custom else "function"
    return {"type": kind, kind: {"name": name}}


def _allowed_choice(choice: ToolChoice, tools: list[Tool], writing: Writing) -> str | Extra:
    """Where the dialect has no `allowed_tools`, the tools have been cut to those already."""
    if not writing.dialect.allowed_tools:
        return writing.dialect.required_choice if choice.required else "auto"
    names = choice.names or []
    listed = [_named_tool(tool.name, tool.custom) for tool in tools if tool.name in names]
    mode = "required" if choice.required else "auto"
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": listed}}


def _given(fields: Extra) -> Extra:
    return {key: value for key, value in fields.items() if value is not None}
