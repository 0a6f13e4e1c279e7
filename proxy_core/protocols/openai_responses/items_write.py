"""Turns written as the items of `input`."""

from __future__ import annotations

import hashlib

from proxy_core.protocols.openai_responses.content_write import write_content, write_part
from proxy_core.protocols.openai_responses.names import (
    AFTER,
    BEFORE,
    CONTENT,
    ITEM,
    MADE_REASONING,
    NAMESPACE,
    ORIGIN,
    SUMMARY,
    public,
)
from proxy_core.protocols.openai_responses.writing import API, Writing
from proxy_core.turn.content import Extra, Media, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import ChatRequest, Turn
from proxy_core.turn.toolids import NamelessCalls, fitted_id

_NO_RESULT = "The tool was not run; there is no result."
_ORPHAN = "[Result of a tool call that is not in this conversation]"


def write_input(request: ChatRequest, writing: Writing) -> list[Extra]:
    items = _Items(writing)
    for index, turn in enumerate(request.turns):
        items.add(turn, f"messages[{index}]")
    items.list += request.extra.get(AFTER, [])
    return items.list if writing.own else _with_results(_said(items.list, writing), writing)


class _Items:
    """`list` is the input so far. Calls without an id (Gemini) get one and are matched by order and name."""

    def __init__(self, writing: Writing) -> None:
        self.list: list[Extra] = []
        self._writing = writing
        self._message: Extra | None = None
        self._nameless = NamelessCalls()
        self._custom: set[str] = set()

    def add(self, turn: Turn, path: str) -> None:
        self._message = None
        if self._writing.own:
            self.list += turn.extra.get(BEFORE, [])
        if turn.name is not None:
            self._writing.losses.drop(f"{path}.name", f"{API} has no such field")
        role = "user" if turn.role == "tool" else turn.role
        if role != "assistant" and not turn.parts and self._writing.own:
            self._open(turn, role, path)
        for index, part in enumerate(turn.parts):
            self._add_part(part, turn, role, f"{path}.content[{index}]")

    def _add_part(self, part: Part, turn: Turn, role: str, path: str) -> None:
        match part:
            case Thinking():
                self._item(write_thinking(part, self._writing, path))
            case ToolCall():
                self._item(self._call(part, path))
            case ToolResult():
                self._item(self._result(part, path))
            case Opaque(origin=origin, raw=raw) if origin == ORIGIN and self._writing.own and CONTENT not in part.extra:
                self._item(raw)
            case Media(data=str(data)) if role == "assistant" and self._writing.own:
                self._item({**part.extra.get(ITEM, {}), "result": data, **public(part.extra)})
            case Text(text="") if not self._writing.own:
                pass  # carries at most another provider's signature
            case _:
                self._say(part, turn, role, path)

    def _item(self, item: Extra | None) -> None:
        if item is not None:
            self._message = None
            self.list.append(item)

    def _say(self, part: Part, turn: Turn, role: str, path: str) -> None:
        """Puts the part into the message that is open, or into a new one where one began."""
        written = write_part(part, role, self._writing, path)
        if written is None:
            return
        starts = role == "assistant" and self._writing.own and ITEM in part.extra
        if self._message is None or starts:
            self._message = self._open(turn, role, path) if role != "assistant" else self._open_assistant(part)
        self._message["content"].append(written)

    def _open(self, turn: Turn, role: str, path: str) -> Extra:
        spoken = "system" if role == "developer" and not self._writing.target.dialect.developer_role else role
        noted = turn.extra.get(ITEM, {}) if self._writing.own else {"type": "message"}
        message = {**noted, "role": spoken, "content": [], **self._writing.kept(turn.extra, path)}
        self.list.append(message)
        return message

    def _open_assistant(self, part: Part) -> Extra:
        own = self._writing.own
        noted = part.extra.get(ITEM, {}) if own else {"type": "message"}
        others = part.extra.get("item", {}) if own else {}
        message = {**noted, "role": "assistant", "content": [], **others}
        self.list.append(message)
        return message

    def _call(self, call: ToolCall, path: str) -> Extra:
        self._writing.uncached(call.cache)
        call_id = self._id_of_call(call)
        if call.custom:
            self._custom.add(call_id)
        return call_item(call, call_id, self._writing.kept(call.extra, path), self._writing.own)

    def _id_of_call(self, call: ToolCall) -> str:
        if call.id:
            return fitted_id(call.id, self._writing.target.dialect.tool_id) if not self._writing.own else call.id
        digest = hashlib.sha256(f"{len(self.list)} {call.name}".encode("utf-8", "surrogatepass")).hexdigest()
        call_id = f"call_{digest[:24]}"
        self._nameless.add(call.name, call_id)
        return call_id

    def _result(self, result: ToolResult, path: str) -> Extra:
        writing = self._writing
        writing.uncached(result.cache)
        if result.is_error:
            writing.losses.drop(f"{path}.is_error", f"{API} has no such field")
        call_id = self._id_of_result(result)
        custom = result.custom or call_id in self._custom
        kind = "custom_tool_call_output" if custom else "function_call_output"
        noted = result.extra.get(ITEM, {}) if writing.own else {}
        output = _written_output(result, writing, f"{path}.content")
        return {**noted, "type": kind, "call_id": call_id, "output": output, **writing.kept(result.extra, path)}

    def _id_of_result(self, result: ToolResult) -> str:
        if result.call_id:
            return (
                fitted_id(result.call_id, self._writing.target.dialect.tool_id)
                if not self._writing.own
                else result.call_id
            )
        return self._nameless.answered(result.name) or self._nameless.answered(None) or "call_unknown"


def _written_output(result: ToolResult, writing: Writing, path: str) -> str | list[Extra]:
    match result.content:
        case []:
            return ""
        case [Text() as text] if not text.extra:
            writing.uncached(text.cache)
            return text.text
        case parts:
            return write_content(parts, "user", writing, path) or ""


def call_item(call: ToolCall, call_id: str, extra: Extra, own: bool) -> Extra:
    """A function_call or custom_tool_call item."""
    kind, field = ("custom_tool_call", "input") if call.custom else ("function_call", "arguments")
    item = {**(call.extra.get(ITEM, {}) if own else {}), "type": kind, "call_id": call_id, "name": call.name}
    item[field] = call.arguments if call.custom else call.arguments or "{}"
    note = call.extra.get(NAMESPACE) if own else None
    if note:
        item |= {"name": note["tool"], "namespace": note["name"]}
    return item | extra


def write_thinking(part: Thinking, writing: Writing, path: str) -> Extra | None:
    """A reasoning item, where OpenAI can make use of it: sealed by it, or referring to one it has stored."""
    sealed = part.seal is not None and part.seal.origin == ORIGIN
    if not sealed and not (writing.own and part.seal is None and _is_stored(part)):
        writing.losses.drop("thinking", "OpenAI takes back its own reasoning only")
        return None
    item: Extra = {**part.extra.get(ITEM, {}), "type": "reasoning", **summary_of(part)}
    if part.seal:
        item["encrypted_content"] = part.seal.data
    return item | public(part.extra)


def _is_stored(part: Thinking) -> bool:
    """Whether the item may lie with OpenAI under its id."""
    return ITEM in part.extra and not part.extra[ITEM].get("id", "").startswith(MADE_REASONING)


def summary_of(part: Thinking) -> Extra:
    """`summary` and `content` as they came, unless the text was changed since."""
    given = given_summary(part)
    return given or {"summary": [{"type": "summary_text", "text": part.text}] if part.text else []}


def given_summary(part: Thinking) -> Extra | None:
    given = part.extra.get(SUMMARY)
    if given is None or "\n\n".join(_texts(given)) != part.text:
        return None
    return {"summary": [], **given}


def _texts(given: Extra) -> list[str]:
    return [entry["text"] for key in ("summary", "content") for entry in given.get(key) or []]


def _said(items: list[Extra], writing: Writing) -> list[Extra]:
    """Outputs whose call is not in the conversation as the user's words, and one message at least: the API refuses
    both (https://community.openai.com/t/no-tool-call-found-for-function-call-output)."""
    called: set[str] = set()
    said: list[Extra] = []
    for item in items:
        kind = item.get("type", "")
        if kind.endswith("_call"):
            called.add(item["call_id"])
        if kind.endswith("_output") and item["call_id"] not in called:
            writing.losses.change(
                "messages", f"the result of {item['call_id']} belongs to no call; it was sent as text"
            )
            item = _as_message(item["output"])
        said.append(item)
    return said or [_as_message("")]


def _as_message(output: str | list[Extra]) -> Extra:
    words = [{"type": "input_text", "text": output}] if isinstance(output, str) else output
    noted = [{"type": "input_text", "text": _ORPHAN}] if output else []
    return {"type": "message", "role": "user", "content": [*noted, *words]}


def _with_results(items: list[Extra], writing: Writing) -> list[Extra]:
    """Every call needs an output: https://community.openai.com/t/no-tool-output-found-for-function-call"""
    answered = {item["call_id"] for item in items if item.get("type", "").endswith("_output")}
    complete: list[Extra] = []
    owed: list[Extra] = []
    for item in items:
        if not item.get("type", "").endswith("_call"):
            complete += owed
            owed = []
        complete.append(item)
        if item.get("type", "").endswith("_call") and item["call_id"] not in answered:
            writing.losses.change("messages", f"the call {item['call_id']} had no result; one was put in its place")
            owed.append({"type": f"{item['type']}_output", "call_id": item["call_id"], "output": _NO_RESULT})
    return complete + owed
