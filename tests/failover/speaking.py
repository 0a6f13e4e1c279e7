"""What the four protocols' clients send and see, and what their vendors say: good, bad and broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxy_core.turn.content import ProtocolName
from tests.failover.upstream import Asked, Deed
from tests.live.vendors import anthropic, chat, cohere, gemini, responses
from tests.live.vendors.said import Said, data, named

PROTOCOLS: tuple[ProtocolName, ...] = ("openai_chat", "openai_responses", "anthropic", "gemini")
VENDORS: dict[str, Any] = {
    "openai_chat": chat,
    "openai_responses": responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "cohere": cohere,
}
SSE = "text/event-stream"
VERSIONS = {"gemini": "v1beta", "cohere": "v2"}


def address(client: str, model: str, stream: bool) -> str:
    paths = {
        "openai_chat": "/v1/chat/completions",
        "openai_responses": "/v1/responses",
        "anthropic": "/v1/messages",
        "gemini": f"/v1beta/models/{model}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}",
    }
    return paths[client]


def request(client: str, model: str, stream: bool, text: str = "Hi") -> dict[str, Any]:
    turn = {"role": "user", "content": text}
    bodies: dict[str, dict[str, Any]] = {
        "openai_chat": {"model": model, "messages": [turn], "stream": stream},
        "openai_responses": {"model": model, "input": [turn], "stream": stream, "store": False},
        "anthropic": {"model": model, "max_tokens": 100, "messages": [turn], "stream": stream},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": text}]}]},
    }
    return bodies[client]


def user_text(vendor: str, body: dict[str, Any]) -> str:
    """What `request` asked, as it arrived at a vendor of any protocol."""
    if vendor == "gemini":
        return "".join(part["text"] for part in body["contents"][-1]["parts"])
    content = body["input" if vendor == "openai_responses" else "messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


# what the vendor says


def good(vendor: str, asked: Asked, text: str = "A good answer.") -> Deed:
    said = Said(text)
    if asked.streams:
        return Deed(list(VENDORS[vendor].stream(said, asked.named)), content_type=SSE)
    return Deed([json.dumps(VENDORS[vendor].whole(said, asked.named)).encode()])


def partly(vendor: str, asked: Asked) -> tuple[list[bytes], list[bytes]]:
    """A stream's opening, in which nothing is generated, and what follows up to some of its text."""
    chunks = list(VENDORS[vendor].stream(Said("A part and no more."), asked.named))
    first = next(number for number, chunk in enumerate(chunks) if b"A part" in chunk)
    return chunks[:first], chunks[first : first + 1]


def failing(
    vendor: str, status: int, message: str, word: str = "", code: str = "", details: list[Any] | None = None
) -> bytes:
    """An error body. `word` is the vendor's type or status where it matters, `code` its code."""
    if vendor == "gemini":
        error: dict[str, Any] = {"code": status, "message": message, "status": word or _GOOGLE.get(status, "INTERNAL")}
        return json.dumps({"error": {**error, **({"details": details} if details else {})}}).encode()
    if vendor == "anthropic":
        kind = word or _ANTHROPIC.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "r"}).encode()
    if vendor == "cohere":
        return json.dumps({"id": "r", "message": message}).encode()
    error = {"message": message, "type": word or "server_error", "param": None, "code": code or None}
    return json.dumps({"error": error}).encode()


_GOOGLE = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_ANTHROPIC = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def overload_event(vendor: str) -> bytes:
    """The error event by which a vendor ends a stream under HTTP 200: overloaded."""
    words = "The model is overloaded."
    match vendor:
        case "openai_chat":
            return data({"error": {"message": words, "type": "service_unavailable_error", "code": 529}})
        case "openai_responses":
            error = {"type": "error", "code": "server_is_overloaded", "message": words, "param": None}
            return named({**error, "sequence_number": 2})
        case "anthropic":
            return named({"type": "error", "error": {"type": "overloaded_error", "message": words}})
        case _:
            return data({"error": {"code": 529, "message": words, "status": "UNAVAILABLE"}}).replace(b"\n", b"\r\n")


# what the client sees


@dataclass(frozen=True)
class Seen:
    """`ended`: by the protocol's own sign of success. `error`: the word (type, code or status) and the message."""

    text: str
    ended: bool
    error: tuple[str, str] | None = None
    pings: int = 0


def seen_whole(client: str, body: dict[str, Any]) -> Seen:
    if body.get("error"):
        return Seen("", False, error_of(client, body))
    readers: dict[str, Callable[[dict[str, Any]], str]] = {
        "openai_chat": lambda reply: reply["choices"][0]["message"]["content"],
        "openai_responses": lambda reply: reply["output"][0]["content"][0]["text"],
        "anthropic": lambda reply: reply["content"][0]["text"],
        "gemini": lambda reply: reply["candidates"][0]["content"]["parts"][0]["text"],
    }
    return Seen(readers[client](body), True)


def error_of(client: str, body: dict[str, Any]) -> tuple[str, str]:
    error = body["error"]
    words = {"openai_responses": error.get("code") or error.get("type"), "gemini": error.get("status")}
    return str(words.get(client, error.get("type"))), error["message"]


def seen_stream(client: str, body: bytes) -> Seen:
    blocks = body.replace(b"\r\n", b"\n").decode().split("\n\n")
    text, ended, error, pings = "", False, None, 0
    for block in blocks:
        lines = [line for line in block.split("\n") if line]
        payload = "".join(line.removeprefix("data:").strip() for line in lines if line.startswith("data:"))
        assert not ended or not payload, f"after the end: {payload}"
        assert error is None or not payload, f"after the error: {payload}"
        pings += sum(line.startswith(":") for line in lines)
        if payload == "[DONE]":
            ended = True
        elif payload:
            event = json.loads(payload)
            pings += event.get("type") == "ping"
            text += _text_in(client, event)
            error = _error_in(client, event)
            ended = _ends(client, event)
    return Seen(text, ended, error, pings)


def _text_in(client: str, event: dict[str, Any]) -> str:
    match client:
        case "openai_chat":
            return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", ()))
        case "openai_responses":
            return event["delta"] if event["type"] == "response.output_text.delta" else ""
        case "anthropic":
            return event["delta"].get("text", "") if event["type"] == "content_block_delta" else ""
        case _:
            candidates = event.get("candidates", ())
            return "".join(part.get("text", "") for one in candidates for part in one["content"].get("parts", ()))


def _error_in(client: str, event: dict[str, Any]) -> tuple[str, str] | None:
    if client == "openai_responses":
        if event["type"] == "error":
            return event["code"], event["message"]
        error = event["response"]["error"] if event["type"] == "response.failed" else None
        return (error["code"], error["message"]) if error else None
    return error_of(client, event) if event.get("error") else None


def _ends(client: str, event: dict[str, Any]) -> bool:
    match client:
        case "openai_chat":
            return False
        case "openai_responses":
            return event["type"] == "response.completed"
        case "anthropic":
            return event["type"] == "message_stop"
        case _:
            return any(candidate.get("finishReason") for candidate in event.get("candidates", ()))
