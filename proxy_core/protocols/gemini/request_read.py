"""A Gemini request, read into a ChatRequest (https://ai.google.dev/api/generate-content#request-body)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from proxy_core.errors import invalid
from proxy_core.protocols.contract import Call
from proxy_core.protocols.gemini.content_read import as_list, read_part
from proxy_core.protocols.gemini.generation import CONFIG, read_config
from proxy_core.protocols.gemini.names import MADE_UP_ID, ORIGIN, camel, made_up_id, rest
from proxy_core.protocols.gemini.tools import read_tool_choice, read_tools
from proxy_core.turn.content import Part, Text, ToolCall, ToolResult
from proxy_core.turn.request import ChatRequest, Role, Turn
from proxy_core.wire.fields import missing, optional_string, record, string, wrong_type

ROLE = "_role"
"""On a turn, its native role, where it is not the one that ours implies."""
SYSTEM_ROLE = "_system_role"
COUNTED = "_counted"
"""On a request to countTokens: whether it stood in a generateContentRequest."""

_ROLES: dict[str | None, Role] = {"user": "user", "model": "assistant", "function": "tool", None: "user", "": "user"}
_KNOWN = ("model", "contents", "systemInstruction", "tools", "toolConfig", CONFIG)
_CALLING = "functionCallingConfig"


def read_request(body: dict[str, Any], call: Call) -> ChatRequest:
    """Raises ParleyError that names the field. Calls without an id get one, the same in every later request."""
    raw = camel(body)
    wrapped = "generateContentRequest" in raw
    if wrapped:
        raw = camel(record(raw["generateContentRequest"], "generateContentRequest"))
    request = ChatRequest(ORIGIN, _model(raw, call), _read_turns(raw.get("contents")))
    request.extra = rest(raw, _KNOWN)
    request.tools = read_tools(raw.get("tools"), "tools")
    request.stream = bool(call.stream)
    _read_system(raw.get("systemInstruction"), request)
    _read_tool_config(raw.get("toolConfig"), request)
    read_config(raw.get(CONFIG), request)
    if not request.turns and call.operation == "chat":
        raise missing("contents", "what the model is to answer, an array with 'parts'")
    if call.operation == "count_tokens":
        request.extra[COUNTED] = wrapped
    return request


def _model(raw: dict[str, Any], call: Call) -> str:
    return call.model or (optional_string(raw.get("model"), "model") or "").removeprefix("models/")


def _read_system(value: Any, request: ChatRequest) -> None:
    path = "systemInstruction"
    match value:
        case None:
            return
        case str():
            request.system = [Text(value)]
        case dict():
            raw = camel(value)
            request.system = _read_parts(raw.get("parts"), f"{path}.parts")
            if raw.get("role") is not None:
                request.extra[SYSTEM_ROLE] = string(raw["role"], f"{path}.role")
        case _:
            raise wrong_type(value, path, "an object with 'parts'")


def _read_tool_config(value: Any, request: ChatRequest) -> None:
    if value is None:
        return
    raw = camel(record(value, "toolConfig"))
    request.tool_choice = read_tool_choice(raw.get(_CALLING), f"toolConfig.{_CALLING}")
    unknown = rest(raw, (_CALLING,))
    if unknown:
        request.extra["toolConfig"] = unknown


def _read_parts(value: Any, path: str) -> list[Part]:
    if not isinstance(value, dict | list | None):
        raise wrong_type(value, path, "an array")
    return [read_part(part, f"{path}[{index}]") for index, part in enumerate(as_list(value))]


def _read_turns(value: Any) -> list[Turn]:
    if not isinstance(value, dict | list | None):
        raise wrong_type(value, "contents", "an array")
    turns = [_read_turn(raw, f"contents[{index}]") for index, raw in enumerate(as_list(value))]
    matching = _Matching()
    for turn in turns:
        for part in turn.parts:
            matching.see(part)
    return turns


def _read_turn(value: Any, path: str) -> Turn:
    raw = camel(record(value, path))
    role = optional_string(raw.get("role"), f"{path}.role")
    if role not in _ROLES:
        raise invalid(f"'{path}.role' must be 'user' or 'model', not '{role}'.", f"{path}.role")
    extra = rest(raw, ("role", "parts"))
    if role not in ("user", "model"):
        extra[ROLE] = role
    return Turn(_ROLES[role], _read_parts(raw.get("parts"), f"{path}.parts"), extra=extra)


class _Matching:
    """Gives every call an id and every result the id of its call: by its own id, else by name in the order called."""

    def __init__(self) -> None:
        self._made: Counter[tuple[str, str]] = Counter()
        self._waiting: list[ToolCall] = []

    def see(self, part: Part) -> None:
        if isinstance(part, ToolCall):
            if not part.id:
                part.id = self._new_id(part)
            self._waiting.append(part)
        elif isinstance(part, ToolResult):
            self._match(part)

    def _new_id(self, call: ToolCall) -> str:
        key = (call.name, call.arguments)
        self._made[key] += 1
        return made_up_id(*key, str(self._made[key]))

    def _match(self, result: ToolResult) -> None:
        call = self._call_of(result)
        if call is None:
            result.call_id = result.call_id or made_up_id("no call", result.name or "")
            return
        self._waiting.remove(call)
        if result.call_id and MADE_UP_ID in call.extra:
            call.id = result.call_id
        else:
            result.call_id = call.id

    def _call_of(self, result: ToolResult) -> ToolCall | None:
        by_name = [call for call in self._waiting if call.name == result.name]
        if not result.call_id:
            return by_name[0] if by_name else None
        with_id = [call for call in self._waiting if call.id == result.call_id]
        unnamed = [call for call in by_name if MADE_UP_ID in call.extra]
        return next(iter(with_id or unnamed), None)
