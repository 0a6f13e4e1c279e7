"""Requests and replies as bytes. The model's name tells the upstream what to answer: the one field every lane keeps."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

CLIENT_KEY = "bench-client-key"
WORD = " token"
SCENARIO = re.compile(rb"bench-(small|stream|hold)-(\d+)-(\d+)")
STREAMED = re.compile(rb'"stream"\s*:\s*true')
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
USAGE = {"prompt_tokens": 20, "completion_tokens": 8, "total_tokens": 28}


@dataclass(frozen=True)
class Scenario:
    """`tokens` per answer; `gap` microseconds between them, 0 for bursts of BURST tokens in one write."""

    kind: str
    tokens: int = 1
    gap: int = 0

    @property
    def model(self) -> str:
        return f"bench-{self.kind}-{self.tokens}-{self.gap}"

    @property
    def streamed(self) -> bool:
        return self.kind != "small"


BURST = 50
SYSTEM = "You are a careful assistant. Answer in one short paragraph and name your sources."
QUESTION = "What is the capital of France, and since when has it been?"


def request(path: str, model: str, *, streamed: bool) -> bytes:
    """A whole HTTP/1.1 request as an SDK would send it."""
    body = json.dumps(_body(path, model, streamed)).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {CLIENT_KEY}\r\nanthropic-version: 2023-06-01\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _body(path: str, model: str, streamed: bool) -> dict[str, Any]:
    user = {"role": "user", "content": QUESTION}
    if path.endswith(MESSAGES):
        return {"model": model, "max_tokens": 4096, "system": SYSTEM, "messages": [user], "stream": streamed}
    system = {"role": "system", "content": SYSTEM}
    return {"model": model, "messages": [system, user], "temperature": 0.5, "stream": streamed}


@cache
def whole_reply(path: str, scenario: Scenario) -> bytes:
    reply = _message(scenario) if path.endswith(MESSAGES) else _completion(scenario)
    body = json.dumps(reply).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _completion(scenario: Scenario) -> dict[str, Any]:
    message = {"role": "assistant", "content": WORD * scenario.tokens, "refusal": None, "annotations": []}
    return {
        **_chunk_head("chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
    }


def _message(scenario: Scenario) -> dict[str, Any]:
    return {
        **_message_head(),
        "content": [{"type": "text", "text": WORD * scenario.tokens}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 20, "output_tokens": 8},
    }


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


@dataclass(frozen=True)
class StreamedReply:
    """HTTP chunks, one frame each: what comes before, for and after the tokens."""

    opening: bytes
    token: bytes
    closing: bytes


@cache
def streamed_reply(path: str) -> StreamedReply:
    return _message_stream() if path.endswith(MESSAGES) else _completion_stream()


def _completion_stream() -> StreamedReply:
    def frame(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {**_chunk_head("chat.completion.chunk"), "choices": [choice], "obfuscation": "x7Qw3"}
        return _chunk(b"data: " + _compact(chunk) + b"\n\n")

    closing = frame({}, "stop") + _chunk(b"data: [DONE]\n\n")
    return StreamedReply(STREAM_HEAD + frame({"role": "assistant", "content": ""}), frame({"content": WORD}), closing)


def _message_stream() -> StreamedReply:
    def frame(kind: str, **fields: Any) -> bytes:
        return _chunk(f"event: {kind}\ndata: ".encode() + _compact({"type": kind, **fields}) + b"\n\n")

    usage = {"input_tokens": 20, "output_tokens": 1}
    message = {**_message_head(), "content": [], "stop_reason": None, "usage": usage}
    opening = frame("message_start", message=message) + frame(
        "content_block_start", index=0, content_block={"type": "text", "text": ""}
    )
    token = frame("content_block_delta", index=0, delta={"type": "text_delta", "text": WORD})
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    closing = frame("content_block_stop", index=0) + frame("message_delta", delta=delta, usage={"output_tokens": 8})
    return StreamedReply(STREAM_HEAD + opening, token, closing + frame("message_stop"))


def _chunk_head(kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-BenchBenchBenchBenchBench",
        "object": kind,
        "created": 1770000000,
        "model": "bench",
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
    }


def _message_head() -> dict[str, Any]:
    return {
        "id": "msg_01BenchBenchBenchBench",
        "type": "message",
        "role": "assistant",
        "model": "bench",
        "stop_sequence": None,
    }


def _compact(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
