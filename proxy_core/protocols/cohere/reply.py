"""A whole reply read. https://docs.cohere.com/reference/chat#response"""

from __future__ import annotations

import uuid
from typing import Any

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.cohere.faults import fault_in
from proxy_core.protocols.cohere.finish import failure, finish_of
from proxy_core.protocols.cohere.logprobs import read_logprobs
from proxy_core.protocols.cohere.names import ORIGIN, record_in, records_in, rest, text_in
from proxy_core.protocols.cohere.usage import read_usage
from proxy_core.turn.content import Extra, Opaque, Part, Text, Thinking, ToolCall
from proxy_core.turn.reply import Choice, Reply
from proxy_core.wire.json import dumps

_REPLY = frozenset({"id", "message", "finish_reason", "usage", "logprobs", "error"})
_MESSAGE = frozenset({"role", "content", "tool_plan", "tool_calls", "citations"})
_CALL = frozenset({"id", "type", "function"})


def read_reply(body: dict[str, Any]) -> Reply:
    """Raises ParleyError for an error, also one that came with half an answer: another backend may do better."""
    message = body.get("message")
    if not isinstance(message, dict):
        fault = fault_in(body) or Fault(FaultKind.UPSTREAM, "The backend's answer has no message.", detail=body)
        raise ParleyError(fault)
    raw = body.get("finish_reason")
    if fault := failure(raw, body.get("error")):
        raise ParleyError(fault)
    parts = _parts(message)
    _attach(message, body, parts)
    called = any(isinstance(part, ToolCall) for part in parts)
    word = raw if isinstance(raw, str) else None
    choice = Choice(0, parts, finish_of(raw, called), word, extra=rest(message, _MESSAGE))
    usage = read_usage(body.get("usage"))
    return Reply(text_in(body.get("id")), "", [choice], usage, extra=rest(body, _REPLY), origin=ORIGIN)


def _parts(message: Extra) -> list[Part]:
    """A plan comes before the calls that it is about; it is thought, not said."""
    plan = text_in(message.get("tool_plan"))
    content = message.get("content")
    blocks = records_in(content) if not isinstance(content, str) else [{"type": "text", "text": content}]
    spoken = [part for block in blocks if (part := read_block(block)) is not None]
    calls = [read_call(call) for call in records_in(message.get("tool_calls"))]
    return [*([Thinking(plan)] if plan else []), *spoken, *calls]


def read_block(block: Extra) -> Part | None:
    """None for one that says nothing."""
    match block:
        case {"type": "text"}:
            text = text_in(block.get("text"))
            return Text(text) if text else None
        case {"type": "thinking"}:
            text = text_in(block.get("thinking"))
            return Thinking(text) if text else None
        case _:
            return Opaque(ORIGIN, text_in(block.get("type")), block)


def read_call(raw: Extra) -> ToolCall:
    function = record_in(raw.get("function"))
    return ToolCall(
        text_in(raw.get("id")) or made_call_id(),
        text_in(function.get("name")),
        arguments_in(function) or "{}",
        extra=rest(raw, _CALL),
    )


def arguments_in(function: Extra) -> str:
    value = function.get("arguments")
    return value if isinstance(value, str) else dumps(value).decode() if value else ""


def made_call_id() -> str:
    return f"call_{uuid.uuid4().hex[:24]}"


def _attach(message: Extra, body: Extra, parts: list[Part]) -> None:
    """Citations and probabilities go to the text that they are about."""
    texts = [part for part in parts if isinstance(part, Text)]
    if not texts:
        return
    if logprobs := read_logprobs(body.get("logprobs")):
        texts[-1].logprobs = logprobs
    if citations := records_in(message.get("citations")):
        texts[-1].extra["citations"] = citations
