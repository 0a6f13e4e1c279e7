"""Cohere's Chat API v2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.live.vendors.said import Failed, Said, dumped, named, pieces

_ID = "6ba2c42a-0a19-4bc7-89d0-75f81c2f56a5"
_FINISHES = {"stop": "COMPLETE", "tool_calls": "TOOL_CALL", "length": "MAX_TOKENS"}


def whole(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    if content := [{"type": kind, kind: text} for kind, text in _content(said)]:
        message["content"] = content
    if said.calls:
        message["tool_calls"] = [_call(number, *call) for number, call in enumerate(said.calls)]
    return {"id": _ID, "message": message, "finish_reason": _FINISHES[said.finish], "usage": _usage(said)}


def stream(said: Said, request: dict[str, Any]) -> Iterator[bytes]:
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield named({"id": _ID, "type": "message-start", "delta": {"message": empty}})
    for index, (kind, text) in enumerate(_content(said)):
        yield _event("content-start", index, {"content": {"type": kind, kind: ""}})
        for piece in pieces(text, said.every):
            yield _event("content-delta", index, {"content": {kind: piece}})
        yield _event("content-end", index)
    for index, (name, arguments) in enumerate(said.calls):
        begun = _call(index, name, {})
        yield _event("tool-call-start", index, {"tool_calls": {**begun, "function": {"name": name, "arguments": ""}}})
        for piece in pieces(dumped(arguments), said.every):
            yield _event("tool-call-delta", index, {"tool_calls": {"function": {"arguments": piece}}})
        yield _event("tool-call-end", index)
    delta = {"finish_reason": _FINISHES[said.finish], "usage": _usage(said)}
    yield named({"type": "message-end", "delta": delta})
    yield b"data: [DONE]\n\n"


def failed(fault: Failed) -> dict[str, Any]:
    return {"id": _ID, "message": fault.message}


def _content(said: Said) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in (("thinking", said.thinking), ("text", said.text)) if text]


def _call(number: int, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    function = {"name": name, "arguments": dumped(arguments)}
    return {"id": f"{name}_x9cnzmemn5h{number}", "type": "function", "function": function}


def _event(kind: str, index: int, message: dict[str, Any] | None = None) -> bytes:
    return named({"type": kind, "index": index, **({"delta": {"message": message}} if message else {})})


def _usage(said: Said) -> dict[str, Any]:
    thoughts = {"reasoning_tokens": said.reasoning} if said.reasoning else {}
    return {
        "billed_units": {"input_tokens": 5, "output_tokens": said.output - 1},
        "tokens": {"input_tokens": said.prompt, "output_tokens": said.output, **thoughts},
        "cached_tokens": said.cached,
    }
