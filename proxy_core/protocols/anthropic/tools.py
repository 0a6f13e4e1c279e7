"""Tools and the choice among them.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview
"""

from __future__ import annotations

import re
from typing import Any

from proxy_core.errors import invalid
from proxy_core.protocols.anthropic.content_read import read_cache
from proxy_core.protocols.anthropic.names import rest
from proxy_core.protocols.anthropic.schemas import object_schema
from proxy_core.protocols.anthropic.writing import API, Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.request import Tool, ToolChoice
from proxy_core.wire.fields import array, missing, optional_boolean, optional_string, record, string
from proxy_core.wire.json import dumps

_FUNCTION = ("type", "name", "description", "input_schema", "strict", "cache_control")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_MODE_OF_TYPE: dict[str, Any] = {"auto": "auto", "any": "required", "none": "none", "tool": "named"}


def read_tools(value: Any, path: str) -> list[Tool]:
    if value is None:
        return []
    return [_read_tool(record(raw, f"{path}[{i}]"), f"{path}[{i}]") for i, raw in enumerate(array(value, path))]


def _read_tool(raw: dict[str, Any], path: str) -> Tool:
    """A tool whose type is not `custom` is Anthropic's own and runs there or has a schema known to the model."""
    kind = optional_string(raw.get("type"), f"{path}.type")
    name = raw.get("name") or raw.get("mcp_server_name")
    if kind not in (None, "custom"):
        return Tool(name=name if isinstance(name, str) else str(kind), server=True, raw=raw)
    if not raw.get("name"):
        raise missing(f"{path}.name", "the tool's name")
    schema = raw.get("input_schema")
    return Tool(
        name=string(raw["name"], f"{path}.name"),
        description=optional_string(raw.get("description"), f"{path}.description"),
        schema=None if schema is None else record(schema, f"{path}.input_schema"),
        strict=optional_boolean(raw.get("strict"), f"{path}.strict"),
        cache=read_cache(raw, path),
        extra={**rest(raw, _FUNCTION), **({"_type": kind} if kind else {})},
    )


def read_tool_choice(value: Any, path: str) -> ToolChoice | None:
    if value is None:
        return None
    raw = record(value, path)
    kind = string(raw.get("type"), f"{path}.type")
    if kind not in _MODE_OF_TYPE:
        raise invalid(f"'{path}.type' must be 'auto', 'any', 'tool' or 'none', not '{kind}'.", f"{path}.type")
    name = string(raw.get("name"), f"{path}.name") if kind == "tool" else None
    return ToolChoice(_MODE_OF_TYPE[kind], name=name, extra=rest(raw, ("type", "name", "disable_parallel_tool_use")))


def read_parallel(choice: Any, path: str) -> bool | None:
    disabled = choice.get("disable_parallel_tool_use") if isinstance(choice, dict) else None
    disabled = optional_boolean(disabled, f"{path}.disable_parallel_tool_use")
    return None if disabled is None else not disabled


def write_tools(tools: list[Tool], choice: ToolChoice | None, writing: Writing) -> list[Extra]:
    """The tools that Anthropic can take; of a choice that allows only some, those."""
    allowed = set(choice.names or ()) if choice and choice.mode == "allowed" else None
    written: list[Extra] = []
    names: set[str] = set()
    for index, tool in enumerate(tools):
        if allowed is not None and tool.name not in allowed:
            continue
        raw = _write_tool(tool, f"tools[{index}]", writing)
        if raw is None:
            continue
        if tool.name in names and not writing.own:
            writing.losses.drop(f"tools[{index}]", f"there is already a tool '{tool.name}'")
            continue
        names.add(tool.name)
        written.append(raw)
    return written


def _write_tool(tool: Tool, path: str, writing: Writing) -> Extra | None:
    if tool.server:
        if writing.own:
            return tool.raw
        writing.losses.drop(path, f"'{tool.name}' runs at its own provider only")
        return None
    if not writing.own and not _NAME.fullmatch(tool.name):
        raise invalid(
            f"'{path}.name' is '{tool.name}'; {API} takes letters, digits, '_' and '-' only, 128 at most.",
            f"{path}.name",
        )
    raw: Extra = {"name": tool.name}
    if kind := tool.extra.get("_type"):
        raw["type"] = kind
    if (description := _description(tool)) is not None:
        raw["description"] = description
    if tool.schema is not None or not writing.own:
        raw["input_schema"] = _schema(tool, path, writing)
    raw |= _strict(tool, path, writing)
    if tool.cache is not None:
        raw["cache_control"] = tool.cache
    return {**raw, **writing.kept(tool.extra, path)}


def _description(tool: Tool) -> str | None:
    """A custom tool's grammar goes into words, since a function's schema cannot hold it."""
    if not tool.custom or not isinstance(tool.format, dict):
        return tool.description
    definition = tool.format.get("definition") or tool.format.get("grammar")
    if definition is None:
        return tool.description
    grammar = definition if isinstance(definition, str) else dumps(definition).decode()
    return f"{tool.description or ''}\n\nThe input must follow this grammar:\n{grammar}".strip()


def _schema(tool: Tool, path: str, writing: Writing) -> Any:
    if writing.own:
        return tool.schema
    if tool.custom:
        return {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    schema, changed = object_schema(tool.schema)
    if changed:
        writing.losses.change(f"{path}.parameters", f"{API} takes only an object without alternatives at the top")
    return schema


def _strict(tool: Tool, path: str, writing: Writing) -> Extra:
    """Anthropic's strict mode takes fewer schemas than others do, so it is asked for by its own clients only."""
    if tool.strict is None:
        return {}
    if writing.own:
        return {"strict": tool.strict}
    if tool.strict:
        writing.losses.drop(f"{path}.strict", f"{API} takes fewer schemas in strict mode")
    return {}


def tools_of_history(names: list[str]) -> list[Extra]:
    """Stand-ins for tools that were called earlier and are no longer offered: a history with calls needs them."""
    return [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in dict.fromkeys(names)]


def write_tool_choice(
    choice: ToolChoice | None, parallel: bool | None, tools: list[Extra], writing: Writing
) -> Extra | None:
    """None leaves the field out, which means "auto". A choice of a tool that was not written becomes "auto" (T46)."""
    if not tools:
        if choice and choice.mode in ("required", "named", "allowed"):
            writing.losses.drop("tool_choice", "no tool is offered to the backend")
        return None
    written = _written_choice(choice, {tool.get("name") for tool in tools}, writing)
    if parallel is None or (written and written["type"] == "none"):
        return written
    if parallel and not writing.own:
        return written
    return {**(written or {"type": "auto"}), "disable_parallel_tool_use": not parallel}


def _written_choice(choice: ToolChoice | None, offered: set[Any], writing: Writing) -> Extra | None:
    if choice is None:
        return None
    return {**_mode(choice, offered, writing), **writing.kept(choice.extra, "tool_choice")}


def _mode(choice: ToolChoice, offered: set[Any], writing: Writing) -> Extra:
    match choice.mode:
        case "named" if choice.name in offered or writing.own:
            return {"type": "tool", "name": choice.name}
        case "named":
            writing.losses.drop("tool_choice", f"it names '{choice.name}', which is not offered to the backend")
            return {"type": "auto"}
        case "required":
            return {"type": "any"}
        case "allowed":
            return {"type": "any" if choice.required else "auto"}
        case mode:
            return {"type": mode}
