"""One exchange as a line of the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from proxy_core.errors import ParleyError
from proxy_core.exchange.visit import Visit
from proxy_core.history.turns import Message, flattened, message_of, messages_of, new_turns, system_text
from proxy_core.protocols import CODECS
from proxy_core.turn.reply import Reply
from proxy_core.turn.request import ChatRequest
from proxy_core.usage.record import Record

type Conceal = Callable[[dict[str, Any], str], None]
"""Hides the secrets of a Chat Completions body in place; the text names the session's vault."""

_LONGEST = 256 * 1024
"""Characters kept of one text."""
_COUNTS = ("input", "cache_read", "cache_write", "output", "reasoning")


@dataclass(slots=True)
class _Said:
    """What of an exchange is text, and may hold secrets."""

    system: Message | None = None
    new: list[Message] = field(default_factory=list)
    replies: list[Message] = field(default_factory=list)
    fault: Message | None = None
    commands: Message | None = None

    @property
    def messages(self) -> list[Message]:
        alone = [message for message in (self.system, self.fault, self.commands) if message]
        return [*alone, *self.new, *self.replies]


def entry_of(visit: Visit, record: Record, known_system: str | None, conceal: Conceal) -> tuple[dict[str, Any], str]:
    """The line to be, without secrets, and the system text that a later request may have again: what equals
    `known_system` is not repeated."""
    request = _request(visit)
    system = system_text(request) if request else ""
    said = _Said(fault=_fault(visit))
    if visit.commands:
        said.commands = {"role": "user", "content": "\n".join(visit.commands)}
    if request:
        said.new = messages_of(new_turns(request.turns))
        if system and system != known_system:
            said.system = {"role": "system", "content": system}
    if visit.heard:
        said.replies = list(_replies(visit.heard.reply()))
    conceal({"messages": said.messages}, scope_of(visit))
    for message in said.messages:
        _shorten(message)
    return {**_facts(record), **_words(said, request)}, system


def scope_of(visit: Visit) -> str:
    session = visit.session
    return f"{session.owner}/{session.id}" if session else ""


def _request(visit: Visit) -> ChatRequest | None:
    """The request as it went upstream: without commands, and redacted."""
    admitted = visit.admitted
    if admitted is None:
        return None
    body, call = admitted.json, admitted.call
    if call.model is None and not body.get("model"):
        body = {**body, "model": "-"}  # the backend has one of its own
    try:
        return CODECS[call.protocol].read_request(body, call)
    except ParleyError:
        return None  # the client was told; its line says so


def _replies(reply: Reply) -> Iterable[Message]:
    for choice in reply.choices:
        if choice.parts:
            yield message_of("assistant", choice.parts)


def _fault(visit: Visit) -> Message | None:
    fault = visit.fault or (visit.exchange.fault if visit.exchange else None)
    return {"role": "system", "content": f"{fault.kind}: {fault.message}"} if fault else None


def _facts(record: Record) -> dict[str, Any]:
    """What is known without anyone's words."""
    facts = {
        "time": datetime.fromtimestamp(record.time, UTC).isoformat(timespec="milliseconds"),
        "session": record.session,
        "project": record.project,
        "agent": record.agent,
        "protocol": record.protocol,
        "model": record.model,
        "backend": record.backend,
        "served": record.served,
        "outcome": record.outcome,
        "status": record.status,
        "finish": record.finish,
        "usage": {name: count for name in _COUNTS if (count := getattr(record, name)) is not None},
        "cost_usd": record.cost,
        "seconds": round(record.duration, 3),
        "first_token_seconds": None if record.first_token is None else round(record.first_token, 3),
        "attempts": len(record.tries) if len(record.tries) > 1 else None,
        "redactions": sum(record.redactions.values()) or None,
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [], {})}


def _words(said: _Said, request: ChatRequest | None) -> dict[str, Any]:
    words: dict[str, Any] = {}
    if said.system:
        words["system"] = said.system["content"]
        words["tools"] = [tool.name for tool in request.tools] if request else []
    if said.commands:
        words["commands"] = said.commands["content"].split("\n")
    words["new"] = [flattened(message) for message in said.new]
    if said.replies:
        words["reply"] = flattened(said.replies[0])
    if len(said.replies) > 1:
        words["other_replies"] = [flattened(message) for message in said.replies[1:]]
    if said.fault:
        words["fault"] = said.fault["content"]
    return words


def _shorten(message: Message) -> None:
    for name in ("content", "thinking"):
        if name in message:
            message[name] = _shortened(message[name])
    for call in message.get("tool_calls", ()):
        for form, name in (("function", "arguments"), ("custom", "input")):
            if form in call:
                call[form][name] = _shortened(call[form][name])


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… [{len(text) - _LONGEST} more characters]"
