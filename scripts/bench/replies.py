"""What the provider answers, as OpenAI and Anthropic would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from scripts.bench.scenario import VARIED, Scenario, word, words

MESSAGES = "/v1/messages"
USAGE = {"prompt_tokens": 20, "completion_tokens": 8, "total_tokens": 28}
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """HTTP chunks, one frame each: what comes before, for and after the tokens."""

    opening: bytes
    tokens: tuple[bytes, ...]
    closing: bytes

    def run(self, start: int, count: int) -> bytes:
        """`count` tokens from number `start` on."""
        return b"".join(self.tokens[number % VARIED] for number in range(start, start + count))


@cache
def whole_reply(path: str, scenario: Scenario) -> bytes:
    reply = _message(scenario) if path.endswith(MESSAGES) else _completion(scenario)
    body = json.dumps(reply).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@cache
def streamed_reply(path: str) -> StreamedReply:
    return _message_stream() if path.endswith(MESSAGES) else _completion_stream()


def _completion(scenario: Scenario) -> dict[str, Any]:
    message = {"role": "assistant", "content": words(scenario.tokens), "refusal": None, "annotations": []}
    return {
        **_chunk_head("chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
    }


def _message(scenario: Scenario) -> dict[str, Any]:
    return {
        **_message_head(),
        "content": [{"type": "text", "text": words(scenario.tokens)}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 20, "output_tokens": 8},
    }


def _completion_stream() -> StreamedReply:
    def frame(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {**_chunk_head("chat.completion.chunk"), "choices": [choice], "obfuscation": "x7Qw3"}
        return _chunk(b"data: " + _compact(chunk) + b"\n\n")

    closing = frame({}, "stop") + _chunk(b"data: [DONE]\n\n")
    tokens = tuple(frame({"content": word(number)}) for number in range(VARIED))
    return StreamedReply(STREAM_HEAD + frame({"role": "assistant", "content": ""}), tokens, closing)


def _message_stream() -> StreamedReply:
    def frame(kind: str, **fields: Any) -> bytes:
        return _chunk(f"event: {kind}\ndata: ".encode() + _compact({"type": kind, **fields}) + b"\n\n")

    usage = {"input_tokens": 20, "output_tokens": 1}
    message = {**_message_head(), "content": [], "stop_reason": None, "usage": usage}
    opening = frame("message_start", message=message) + frame(
        "content_block_start", index=0, content_block={"type": "text", "text": ""}
    )
    deltas = ({"type": "text_delta", "text": word(number)} for number in range(VARIED))
    tokens = tuple(frame("content_block_delta", index=0, delta=delta) for delta in deltas)
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    closing = frame("content_block_stop", index=0) + frame("message_delta", delta=delta, usage={"output_tokens": 8})
    return StreamedReply(STREAM_HEAD + opening, tokens, closing + frame("message_stop"))


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
