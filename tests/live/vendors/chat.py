"""OpenAI's chat completions, and their dialects that show reasoning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.live.vendors.said import Failed, Said, data, dumped, pieces

_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 529: "server_error"}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


def whole(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None, "refusal": None, "annotations": []}
    if said.thinking:
        message["reasoning_content"] = said.thinking
    if said.calls:
        message["tool_calls"] = [_call(number, *call) for number, call in enumerate(said.calls)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish}
    return {**_head(request, "chat.completion"), "choices": [choice], "usage": _usage(said)}


def stream(said: Said, request: dict[str, Any]) -> Iterator[bytes]:
    head = _head(request, "chat.completion.chunk")
    wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
    more = {"usage": None} if wants_usage else {}
    for delta in _deltas(said):
        yield data({**head, "choices": [_streamed(delta)], **more})
    yield data({**head, "choices": [_streamed({}, said.finish)], **more})
    if wants_usage:
        yield data({**head, "choices": [], "usage": _usage(said)})
    yield b"data: [DONE]\n\n"


def failed(fault: Failed) -> dict[str, Any]:
    kind = _TYPES.get(fault.status, "invalid_request_error")
    return {"error": {"message": fault.message, "type": kind, "param": None, "code": _CODES.get(fault.status)}}


def _head(request: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-BxyzABC123",
        "object": kind,
        "created": 1763700000,
        "model": request["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    }


def _call(number: int, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    function = {"name": name, "arguments": dumped(arguments)}
    return {"id": f"call_{name}_{number}", "type": "function", "function": function}


def _deltas(said: Said) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": "" if said.text else None, "refusal": None}
    for piece in pieces(said.thinking, said.every):
        yield {"reasoning_content": piece}
    for piece in pieces(said.text, said.every):
        yield {"content": piece}
    for number, (name, arguments) in enumerate(said.calls):
        start = _call(number, name, {})
        yield {"tool_calls": [{"index": number, **start, "function": {"name": name, "arguments": ""}}]}
        for piece in pieces(dumped(arguments), said.every):
            yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}


def _streamed(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _usage(said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": said.prompt,
        "completion_tokens": said.output,
        "total_tokens": said.prompt + said.output,
        "prompt_tokens_details": {"cached_tokens": said.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": said.reasoning, "audio_tokens": 0},
    }
