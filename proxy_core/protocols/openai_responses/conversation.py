"""The items of a request's `input`, gathered into turns.

Items of the model that follow one another (reasoning, text, calls) make one assistant turn, and outputs of tools that
follow one another one tool turn, as other protocols have it.
"""

from __future__ import annotations

from typing import Any

from proxy_core.errors import invalid
from proxy_core.protocols.openai_responses.content_read import read_content
from proxy_core.protocols.openai_responses.items_read import PREVIOUS, output_parts
from proxy_core.protocols.openai_responses.names import BEFORE, ITEM, ORIGIN, noted, rest
from proxy_core.protocols.openai_responses.tools import nested_tools
from proxy_core.turn.content import Opaque, Part, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import Role, Tool, Turn
from proxy_core.wire.fields import record, string

_ROLES: dict[str, Role] = {"user": "user", "system": "system", "developer": "developer", "assistant": "assistant"}
_TOOL_SIDE = ("_output", "mcp_approval_response")
_SEALED_ANYWHERE = ("gemini", "openai_chat")
"""Origins that sign other parts than thoughts: a reasoning item without text carries such a part's signature."""


class Conversation:
    """`add` every item, then `close`. `pending` are declarations that stood last, `effort` what the last one set."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.tools: list[Tool] = []
        self.pending: list[dict[str, Any]] = []
        self.effort: str | None = None
        self._carried: Seal | None = None

    def say(self, text: str) -> None:
        self.turns.append(Turn("user", [Text(text)]))

    def add(self, item: dict[str, Any], path: str) -> None:
        kind = item.get("type") or _implied_type(item, path)
        match string(kind, f"{path}.type"):
            case "message":
                self._add_message(item, path)
            case "function_call_output" | "custom_tool_call_output":
                self._part("tool", _read_result(item, path))
            case "additional_tools":
                self.tools += nested_tools(item.get("tools"), f"{path}.tools")
                self.pending.append(item)
            case "configuration_update" if set(item) <= {"type", "id", "reasoning"}:
                self._configure(item, path)
            case "item_reference":
                self._part("assistant", Opaque(ORIGIN, "item_reference", item))
            case other:
                self._add_output(other, item, path)

    def close(self) -> None:
        """A signature whose part never came belongs to an empty text."""
        if self._carried:
            seal, self._carried = self._carried, None
            self._part("assistant", Text("", seal=seal))

    def _add_message(self, item: dict[str, Any], path: str) -> None:
        role = _role(item, path)
        if role == "assistant":
            self._extend(output_parts(item, path))
            return
        self.close()
        turn = self._turn(role)
        turn.parts = read_content(item.get("content"), f"{path}.content", role)
        turn.extra |= rest(item, ("type", "id", "status", "role", "content"))
        turn.extra[ITEM] = noted(item)

    def _configure(self, item: dict[str, Any], path: str) -> None:
        effort = record(item.get("reasoning") or {}, f"{path}.reasoning").get("effort")
        if effort is not None:
            self.effort = string(effort, f"{path}.reasoning.effort")
        self.pending.append(item)

    def _add_output(self, kind: str, item: dict[str, Any], path: str) -> None:
        if kind == "tool_search_output":
            self.tools += nested_tools(item.get("tools"), f"{path}.tools")
        if kind.endswith(_TOOL_SIDE):
            self._part("tool", Opaque(ORIGIN, kind, item))
        else:
            self._extend(output_parts(item, path))

    def _extend(self, parts: list[Part]) -> None:
        for part in parts:
            if not self._carries(part):
                self._take_seal(part)
                self._part("assistant", part)

    def _carries(self, part: Part) -> bool:
        """Whether the part is no thought but the signature of another part, made by this folder's reply writer."""
        if not isinstance(part, Thinking) or part.text or part.redacted or part.seal is None:
            return False
        if part.seal.data.startswith(PREVIOUS):
            return self._seal_previous(Seal(part.seal.origin, part.seal.data.removeprefix(PREVIOUS)))
        if part.seal.origin not in _SEALED_ANYWHERE:
            return False
        self.close()
        self._carried = part.seal
        return True

    def _seal_previous(self, seal: Seal) -> bool:
        last = self.turns[-1] if self.turns else None
        if last and last.role == "assistant" and last.parts and isinstance(last.parts[-1], Text | ToolCall | Thinking):
            last.parts[-1].seal = seal
        return True

    def _take_seal(self, part: Part) -> None:
        if self._carried and isinstance(part, Text | ToolCall):
            part.seal, self._carried = self._carried, None

    def _part(self, role: Role, part: Part) -> None:
        last = self.turns[-1] if self.turns else None
        if last is None or last.role != role or self.pending:
            if role != "assistant":
                self.close()
            last = self._turn(role)
        last.parts.append(part)

    def _turn(self, role: Role) -> Turn:
        turn = Turn(role, [])
        if self.pending:
            turn.extra[BEFORE], self.pending = self.pending, []
        self.turns.append(turn)
        return turn


def _implied_type(item: dict[str, Any], path: str) -> str:
    """Messages and references to items may come without a type."""
    if "role" in item:
        return "message"
    if set(item) <= {"id", "type"} and "id" in item:
        return "item_reference"
    raise invalid(f"'{path}' must have a 'type', or a 'role' if it is a message.", f"{path}.type")


def _role(item: dict[str, Any], path: str) -> Role:
    role = string(item.get("role"), f"{path}.role")
    if role not in _ROLES:
        names = ", ".join(f"'{name}'" for name in _ROLES)
        raise invalid(f"'{path}.role' must be one of {names}, not '{role}'.", f"{path}.role")
    return _ROLES[role]


def _read_result(item: dict[str, Any], path: str) -> ToolResult:
    extra = rest(item, ("type", "id", "status", "call_id", "output"))
    extra[ITEM] = noted(item)
    return ToolResult(
        call_id=string(item.get("call_id"), f"{path}.call_id"),
        content=read_content(item.get("output"), f"{path}.output"),
        custom=item["type"] == "custom_tool_call_output",
        extra=extra,
    )
