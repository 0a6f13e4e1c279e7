"""Tools and tool_choice, read and written.

https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
Namespace tools become tools of their own, named by `names.flat_name`, so that any backend can be offered them.
"""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.openai_responses.names import GIVEN, NAMESPACE, NESTED, flat_name, public, rest
from proxy_core.protocols.openai_responses.writing import Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.request import Tool, ToolChoice
from proxy_core.wire.fields import array, missing, optional_boolean, optional_string, record, string, wrong_type

_FUNCTION = ("type", "name", "description", "parameters", "strict")
_CUSTOM = ("type", "name", "description", "format")
_MODES = ("auto", "none", "required")


def read_tools(value: Any, path: str) -> list[Tool]:
    if value is None:
        return []
    return [tool for index, raw in enumerate(array(value, path)) for tool in _read_tool(raw, f"{path}[{index}]")]


def nested_tools(value: Any, path: str) -> list[Tool]:
    """Tools that an item of the input declares (`additional_tools`, `tool_search_output`)."""
    tools = read_tools(value, path)
    for tool in tools:
        tool.extra[NESTED] = True
    return tools


def _read_tool(value: Any, path: str) -> list[Tool]:
    raw = record(value, path)
    kind = string(raw.get("type"), f"{path}.type")
    if kind == "namespace":
        return _read_namespace(raw, path)
    if kind == "function":
        return [_read_function(raw, path)]
    if kind == "custom":
        return [_read_custom(raw, path)]
    return [Tool(name=_label(raw, kind), server=True, raw=raw)]


def _label(raw: dict[str, Any], kind: str) -> str:
    name = raw.get("name") or raw.get("server_label")
    return name if isinstance(name, str) else kind


def _read_function(raw: dict[str, Any], path: str) -> Tool:
    return Tool(
        name=_name(raw, path),
        description=optional_string(raw.get("description"), f"{path}.description"),
        schema=None if raw.get("parameters") is None else record(raw["parameters"], f"{path}.parameters"),
        strict=optional_boolean(raw.get("strict"), f"{path}.strict"),
        extra=rest(raw, _FUNCTION),
    )


def _read_custom(raw: dict[str, Any], path: str) -> Tool:
    description = optional_string(raw.get("description"), f"{path}.description")
    return Tool(_name(raw, path), description, custom=True, format=raw.get("format"), extra=rest(raw, _CUSTOM))


def _name(raw: dict[str, Any], path: str) -> str:
    if not raw.get("name"):
        raise missing(f"{path}.name", "the tool's name")
    return string(raw["name"], f"{path}.name")


def _read_namespace(raw: dict[str, Any], path: str) -> list[Tool]:
    name = string(raw.get("name"), f"{path}.name")
    inner = read_tools(raw.get("tools"), f"{path}.tools")
    if not inner:
        return [Tool(name=name, server=True, raw=raw)]
    frame = {key: value for key, value in raw.items() if key != "tools"}
    for tool in inner:
        tool.extra[NAMESPACE] = {"name": name, "tool": tool.name, "frame": frame}
        tool.name = tool.name if tool.server else flat_name(name, tool.name)
    return inner


def write_tools(tools: list[Tool], writing: Writing) -> list[Extra]:
    written: list[Extra] = []
    for index, tool in enumerate(tools):
        if writing.own and NESTED in tool.extra:
            continue
        raw = _write_tool(tool, writing, f"tools[{index}]")
        if raw is not None:
            _place(raw, tool, writing.own, written)
    return written


def _place(raw: Extra, tool: Tool, own: bool, written: list[Extra]) -> None:
    """Appends the tool, inside its namespace where it has one."""
    note = tool.extra.get(NAMESPACE) if own else None
    if note is None:
        written.append(raw)
        return
    if not tool.server:
        raw["name"] = note["tool"]
    last = written[-1] if written else {}
    if last.get("type") == "namespace" and last.get("name") == note["name"]:
        last["tools"].append(raw)
    else:
        written.append({**note["frame"], "tools": [raw]})


def _write_tool(tool: Tool, writing: Writing, path: str) -> Extra | None:
    if tool.server:
        if writing.own:
            return tool.raw
        writing.losses.drop(path, f"'{tool.name}' runs at its own provider only")
        return None
    raw = _written_custom(tool, writing) if tool.custom else _written_function(tool, writing)
    return {**raw, **writing.kept(tool.extra, path)}


def _written_custom(tool: Tool, writing: Writing) -> Extra:
    raw: Extra = {"type": "custom", "name": tool.name}
    if tool.description is not None:
        raw["description"] = tool.description
    if tool.format is not None:
        raw["format"] = tool.format
    return raw


def _written_function(tool: Tool, writing: Writing) -> Extra:
    raw: Extra = {"type": "function", "name": tool.name}
    if tool.description is not None:
        raw["description"] = tool.description
    if writing.own:
        schema, strict = tool.schema, tool.strict
    else:  # without the field the API makes the schema strict and so changes it
        schema, strict = _object_schema(tool.schema), tool.strict or False
    if schema is not None:
        raw["parameters"] = schema
    if strict is not None and writing.target.dialect.strict_tools:
        raw["strict"] = strict
    return raw


def _object_schema(schema: Any) -> Any:
    """OpenAI refuses parameters that are no object, or an object without `properties`."""
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}
    if "properties" in schema and "type" in schema:
        return schema
    return {"type": "object", "properties": {}, **schema}


def read_tool_choice(value: Any, path: str) -> ToolChoice | None:
    match value:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(value)
        case dict():
            return _read_choice_object(value, path)
        case _:
            raise wrong_type(value, path, "'auto', 'none', 'required' or an object")


def _read_choice_object(raw: dict[str, Any], path: str) -> ToolChoice:
    kind = string(raw.get("type"), f"{path}.type")
    extra = {GIVEN: raw}
    if kind == "allowed_tools":
        tools = [record(tool, f"{path}.tools") for tool in array(raw.get("tools"), f"{path}.tools")]
        names = [_choice_name(tool) for tool in tools]
        return ToolChoice("allowed", names=names, required=raw.get("mode") == "required", extra=extra)
    if kind in ("function", "custom"):
        string(raw.get("name"), f"{path}.name")
    return ToolChoice("named", name=_choice_name(raw), extra=extra)


def _choice_name(raw: dict[str, Any]) -> str:
    name, namespace = raw.get("name"), raw.get("namespace")
    if isinstance(name, str):
        return flat_name(namespace if isinstance(namespace, str) else None, name)
    return _label(raw, str(raw.get("type")))


def write_tool_choice(choice: ToolChoice | None, tools: list[Tool], writing: Writing) -> Any:
    """The field's value, None to leave it out. A choice of tools that were not written becomes "auto"."""
    if choice is None:
        return None
    if writing.own and GIVEN in choice.extra:
        return choice.extra[GIVEN]
    writing.kept(choice.extra, "tool_choice")
    offered = {tool.name: tool for tool in tools if not tool.server or writing.own}
    if not offered and not writing.own:
        return None
    return _written_choice(choice, offered, writing)


def _written_choice(choice: ToolChoice, offered: dict[str, Tool], writing: Writing) -> Any:
    match choice.mode:
        case "named" if choice.name in offered:
            return _choice_of(offered[choice.name], writing)
        case "allowed":
            chosen = [_choice_of(offered[name], writing) for name in choice.names or [] if name in offered]
            if chosen:
                mode = "required" if choice.required else "auto"
                return {"type": "allowed_tools", "mode": mode, "tools": chosen}
            writing.losses.drop("tool_choice", "none of the tools it names is offered to the backend")
            return "none" if choice.names == [] else "auto"
        case "named":
            writing.losses.drop("tool_choice", f"it names '{choice.name}', which is not offered to the backend")
            return "auto"
        case mode:
            return mode


def _choice_of(tool: Tool, writing: Writing) -> Extra:
    if tool.server:
        return public({"type": tool.raw.get("type")}) if isinstance(tool.raw, dict) else {"type": tool.name}
    return {"type": "custom" if tool.custom else "function", "name": tool.name}
