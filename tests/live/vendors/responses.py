"""OpenAI's Responses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.live.vendors.chat import failed
from tests.live.vendors.said import Said, dumped, named, pieces

__all__ = ["failed", "stream", "whole"]

_ECHOED = ("instructions", "max_output_tokens", "temperature", "tool_choice", "tools", "top_p", "text", "reasoning")


def whole(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    response = {**_head(request, "incomplete" if said.cut_off else "completed"), "output": _items(said)}
    if said.cut_off:
        response["incomplete_details"] = {"reason": "max_output_tokens"}
    return {**response, "usage": _usage(said)}


def stream(said: Said, request: dict[str, Any]) -> Iterator[bytes]:
    for number, event in enumerate(_events(said, request)):
        yield named({**event, "sequence_number": number})


def _events(said: Said, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    begun = {**_head(request, "in_progress"), "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(_items(said)):
        yield from _of_item(index, item, said.every)
    final = whole(said, request)
    yield {"type": f"response.{final['status']}", "response": final}


def _of_item(index: int, item: dict[str, Any], every: int) -> Iterator[dict[str, Any]]:
    yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}
    at = {"item_id": item["id"], "output_index": index}
    match item["type"]:
        case "reasoning":
            for number, part in enumerate(item["summary"]):
                yield from _of_text("reasoning_summary", {**at, "summary_index": number}, part, every)
        case "message":
            yield from _of_text("content", {**at, "content_index": 0}, item["content"][0], every)
        case "function_call":
            for piece in pieces(item["arguments"], every):
                yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
            done = {"arguments": item["arguments"], "name": item["name"]}
            yield {"type": "response.function_call_arguments.done", **at, **done}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _of_text(kind: str, at: dict[str, Any], part: dict[str, Any], every: int) -> Iterator[dict[str, Any]]:
    text = "output_text" if kind == "content" else "reasoning_summary_text"
    more = {"logprobs": []} if kind == "content" else {}
    yield {"type": f"response.{kind}_part.added", **at, "part": {**part, "text": ""}}
    for piece in pieces(part["text"], every):
        yield {"type": f"response.{text}.delta", **at, "delta": piece, "obfuscation": "x1", **more}
    yield {"type": f"response.{text}.done", **at, "text": part["text"], **more}
    yield {"type": f"response.{kind}_part.done", **at, "part": part}


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    match item["type"]:
        case "reasoning":
            return {**item, "summary": [], "encrypted_content": "gAAAAABstart"}
        case "message":
            return {**item, "content": [], "status": "in_progress"}
        case _:
            return {**item, "arguments": "", "status": "in_progress"}


def _items(said: Said) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if said.thinking or said.seal:
        summary = [{"type": "summary_text", "text": said.thinking}] if said.thinking else []
        items.append({"id": "rs_01", "type": "reasoning", "summary": summary, "encrypted_content": said.seal or None})
    if said.text:
        content = [{"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}]
        status = "incomplete" if said.cut_off else "completed"
        items.append({"id": "msg_01", "type": "message", "role": "assistant", "status": status, "content": content})
    for number, (name, arguments) in enumerate(said.calls):
        call = {"call_id": f"call_{name}_{number}", "name": name, "arguments": dumped(arguments)}
        items.append({"id": f"fc_{number}", "type": "function_call", "status": "completed", **call})
    return items


def _head(request: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "id": "resp_0123456789",
        "object": "response",
        "created_at": 1763700000,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": request["model"],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "metadata": {},
        **{name: request[name] for name in _ECHOED if request.get(name) is not None},
    }


def _usage(said: Said) -> dict[str, Any]:
    return {
        "input_tokens": said.prompt,
        "input_tokens_details": {"cached_tokens": said.cached, "cache_write_tokens": 0},
        "output_tokens": said.output,
        "output_tokens_details": {"reasoning_tokens": said.reasoning},
        "total_tokens": said.prompt + said.output,
    }
