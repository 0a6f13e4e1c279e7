"""Tools and toolConfig, read and written (https://ai.google.dev/api/caching#Tool)."""

from __future__ import annotations

import re
from typing import Any, Literal

from proxy_core.errors import invalid
from proxy_core.protocols.gemini.content_read import as_list
from proxy_core.protocols.gemini.names import GIVEN, camel, public, rest
from proxy_core.protocols.gemini.schema import dialect_schema, from_gemini, json_schema
from proxy_core.protocols.gemini.writing import API, Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.request import Tool, ToolChoice
from proxy_core.wire.fields import array, missing, optional_string, record, string, strings

GROUP = "_group"
"""In a tool's extra: the index of the native tool object that it stood in."""
MODE = "_mode"
"""In a tool choice's extra: the native mode, where `mode` alone does not tell."""

_DECLARED = ("name", "description", "parameters", "parametersJsonSchema")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_FREE_TEXT = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input, as free text."}},
    "required": ["input"],
}
"""Custom tools take text, not JSON; their reply is turned back where it is shown."""


def read_tools(value: Any, path: str) -> list[Tool]:
    tools: list[Tool] = []
    for index, raw in enumerate(as_list(value)):
        inner = f"{path}[{index}]"
        for kind, given in camel(record(raw, inner)).items():
            if kind == "functionDeclarations":
                tools += _read_functions(given, f"{inner}.functionDeclarations", index)
            else:
                tools.append(Tool(kind, server=True, raw={kind: given}, extra={GROUP: index}))
    return tools


def _read_functions(value: Any, path: str, group: int) -> list[Tool]:
    return [_read_function(raw, f"{path}[{index}]", group) for index, raw in enumerate(as_list(value))]


def _read_function(value: Any, path: str, group: int) -> Tool:
    raw = camel(record(value, path))
    if not raw.get("name"):
        raise missing(f"{path}.name", "the function's name")
    extra = {**rest(raw, _DECLARED), GROUP: group}
    schema = None
    for field in ("parameters", "parametersJsonSchema"):
        if raw.get(field) is not None:
            schema = from_gemini(record(raw[field], f"{path}.{field}"))
            extra[GIVEN] = {"field": field, "raw": raw[field], "schema": schema}
    description = optional_string(raw.get("description"), f"{path}.description")
    return Tool(string(raw["name"], f"{path}.name"), description, schema, extra=extra)


def write_tools(tools: list[Tool], writing: Writing) -> list[Extra]:
    """Functions of one origin group stand in one tool object, as the API wants them."""
    groups: dict[int, Extra] = {}
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        group = groups.setdefault(tool.extra.get(GROUP, 0) if writing.own else 0, {})
        if tool.server:
            _add_server_tool(tool, group, writing, path)
        elif tool.name in seen:
            writing.losses.drop(path, f"there already is a tool '{tool.name}'")
        else:
            seen.add(tool.name)
            group.setdefault("functionDeclarations", []).append(_declaration(tool, writing, path))
    return [group for group in groups.values() if group]


def _add_server_tool(tool: Tool, group: Extra, writing: Writing, path: str) -> None:
    if writing.own:
        group.update(tool.raw)
    else:
        writing.losses.drop(path, f"'{tool.name}' runs at its own provider only")


def _declaration(tool: Tool, writing: Writing, path: str) -> Extra:
    if not writing.own and not _NAME.fullmatch(tool.name):
        raise invalid(
            f"'{path}.name' must begin with a letter or underscore and hold only letters, digits, '_', '.', ':' "
            f"and '-' for a Gemini model, unlike '{tool.name}'.",
            f"{path}.name",
        )
    declared: Extra = {"name": tool.name}
    if tool.description is not None:
        declared["description"] = tool.description
    if tool.custom and tool.format is not None:
        writing.losses.drop(f"{path}.format", f"{API} constrains no free text")
    if tool.strict:
        writing.losses.drop(f"{path}.strict", f"{API} has no such field")
    writing.uncached(tool.cache)
    return {**declared, **_parameters(tool, writing, path), **writing.kept(tool.extra, path)}


def _parameters(tool: Tool, writing: Writing, path: str) -> Extra:
    full = writing.target.profile.json_schema_tools
    given = tool.extra.get(GIVEN) if writing.own else None
    if given and given["schema"] is tool.schema and (full or given["field"] == "parameters"):
        return {given["field"]: given["raw"]}
    schema = _FREE_TEXT if tool.custom else tool.schema
    if not isinstance(schema, dict):
        return {}
    inner = f"{path}.parameters"
    if full:
        written = json_schema(schema, inner, writing.losses)
        return {"parametersJsonSchema": written} if _says_anything(written) else {}
    written = dialect_schema(schema, inner, writing.losses)
    return {"parameters": written} if _says_anything(written) else {}


def _says_anything(schema: Extra) -> bool:
    """Older models refuse an object without properties; a function that takes nothing has no parameters."""
    return bool(set(schema) - {"type", "properties", "required", "additionalProperties"} or schema.get("properties"))


_READ_MODES: dict[str, Literal["auto", "none", "required"]] = {"AUTO": "auto", "NONE": "none", "ANY": "required"}
_WRITTEN_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY", "allowed": "VALIDATED"}


def read_tool_choice(value: Any, path: str) -> ToolChoice | None:
    """The choice in a toolConfig's functionCallingConfig."""
    if value is None:
        return None
    raw = camel(record(value, path))
    given = optional_string(raw.get("mode"), f"{path}.mode")
    mode = (given or "AUTO").upper()
    extra: Extra = rest(raw, ("mode", "allowedFunctionNames"))
    extra[MODE] = given
    names = strings(array(raw.get("allowedFunctionNames") or [], f"{path}.allowedFunctionNames"), path)
    if names and mode in ("ANY", "VALIDATED", "AUTO"):
        if mode == "ANY" and len(names) == 1:
            return ToolChoice("named", name=names[0], extra=extra)
        return ToolChoice("allowed", names=names, required=mode == "ANY", extra=extra)
    return ToolChoice(_READ_MODES.get(mode, "auto"), extra=extra)


def write_tool_choice(choice: ToolChoice | None, tools: list[Extra], writing: Writing) -> Extra | None:
    """The functionCallingConfig; `tools` are those written."""
    if choice is None:
        return None
    if writing.own:
        return _own_choice(choice)
    declared = [function["name"] for tool in tools for function in tool.get("functionDeclarations", ())]
    writing.kept(choice.extra, "tool_choice")
    return _foreign_choice(choice, declared, writing)


def _own_choice(choice: ToolChoice) -> Extra:
    names = [choice.name] if choice.name else choice.names
    mode = choice.extra[MODE] if MODE in choice.extra else _WRITTEN_MODES[choice.mode]
    written: Extra = {"mode": mode} if mode else {}
    if names:
        written["allowedFunctionNames"] = names
    return {**written, **public(choice.extra)}


def _foreign_choice(choice: ToolChoice, declared: list[str], writing: Writing) -> Extra | None:
    if not declared:
        if choice.mode in ("required", "named", "allowed"):
            writing.losses.drop("tool_choice", "no function is left to choose")
        return None
    match choice.mode:
        case "named" | "allowed":
            return _restricted(choice, declared, writing)
        case mode:
            return {"mode": _WRITTEN_MODES[mode]}


def _restricted(choice: ToolChoice, declared: list[str], writing: Writing) -> Extra | None:
    wanted = [choice.name] if choice.mode == "named" else choice.names or []
    names = [name for name in declared if name in wanted]
    for name in wanted:
        if name not in declared:
            writing.losses.drop("tool_choice", f"'{name}' is not among the functions that were sent")
    if not names:
        return None
    must = choice.mode == "named" or choice.required
    return {"mode": "ANY" if must else "VALIDATED", "allowedFunctionNames": names}
