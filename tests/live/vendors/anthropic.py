"""Anthropic's Messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.live.vendors.said import Failed, Said, dumped, named, pieces

_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}
_STOP = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}


def whole(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    ending = {"stop_reason": _STOP[said.finish], "stop_sequence": None}
    return {**_head(request), "content": _blocks(said), **ending, "usage": _usage(said)}


def stream(said: Said, request: dict[str, Any]) -> Iterator[bytes]:
    for event in _events(said, request):
        yield named(event)


def failed(fault: Failed) -> dict[str, Any]:
    error = {"type": _TYPES.get(fault.status, "invalid_request_error"), "message": fault.message}
    return {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}


def _events(said: Said, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    ending = {"stop_reason": None, "stop_sequence": None}
    begun = {**_head(request), "content": [], **ending, "usage": {**_usage(said), "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(_blocks(said)):
        yield {"type": "content_block_start", "index": index, "content_block": _begun(block)}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block, said.every):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": _STOP[said.finish], "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": said.output}}
    yield {"type": "message_stop"}


def _begun(block: dict[str, Any]) -> dict[str, Any]:
    match block["type"]:
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "text":
            return {"type": "text", "text": ""}
        case _:
            return {**block, "input": {}}


def _deltas(block: dict[str, Any], every: int) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "thinking":
            for piece in pieces(block["thinking"], every):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "text":
            for piece in pieces(block["text"], every):
                yield {"type": "text_delta", "text": piece}
        case _:
            yield {"type": "input_json_delta", "partial_json": ""}
            for piece in pieces(dumped(block["input"]), every):
                yield {"type": "input_json_delta", "partial_json": piece}


def _blocks(said: Said) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.thinking or said.seal:
        blocks.append({"type": "thinking", "thinking": said.thinking, "signature": said.seal})
    if said.text:
        blocks.append({"type": "text", "text": said.text})
    for number, (name, arguments) in enumerate(said.calls):
        blocks.append({"type": "tool_use", "id": f"toolu_{name}_{number}", "name": name, "input": arguments})
    return blocks


def _head(request: dict[str, Any]) -> dict[str, Any]:
    return {"id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message", "role": "assistant", "model": request["model"]}


def _usage(said: Said) -> dict[str, Any]:
    return {
        "input_tokens": said.prompt - said.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": said.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": said.output,
        "service_tier": "standard",
    }
