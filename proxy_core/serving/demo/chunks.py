"""A demo model's answer as chat completion JSON, whole or as a stream's events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from proxy_core.serving.demo.models import Said
from proxy_core.serving.demo.requests import DemoRequest
from proxy_core.serving.tokens import pieces_in
from proxy_core.wire.json import dumps
from proxy_core.wire.sse import render

type Finish = Literal["stop", "length", "tool_calls"]


@dataclass(slots=True)
class Completion:
    """`created` is in seconds since 1970. A delta counts as one token."""

    request: DemoRequest
    said: Said
    created: int
    finish: Finish
    deltas: list[str]

    @property
    def head(self) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-demo-{self.request.mark}",
            "created": self.created,
            "model": f"demo:{self.request.model}",
        }

    @property
    def usage(self) -> dict[str, Any]:
        prompt = sum(3 + pieces_in(message.text) for message in self.request.messages)
        prompt += sum(pieces_in(dumps([tool.name, tool.schema]).decode()) for tool in self.request.tools)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": len(self.deltas),
            "total_tokens": prompt + len(self.deltas),
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }


def completed(request: DemoRequest, said: Said, created: int) -> Completion:
    """The answer, cut where the request says so."""
    finish: Finish = "tool_calls" if said.call else "stop"
    if not said.call:
        stops = [place for word in request.stop if (place := said.text.find(word)) >= 0]
        said = replace(said, text=said.text[: min(stops)]) if stops else said
    deltas = said.deltas
    if request.max_tokens is not None and len(deltas) > request.max_tokens:
        finish, deltas = "length", deltas[: request.max_tokens]
    return Completion(request, said, created, finish, deltas)


def whole(completion: Completion) -> bytes:
    text = "".join(completion.deltas)
    call = completion.said.call
    message: dict[str, Any] = {"role": "assistant", "content": None if call else text, "refusal": None}
    if call:
        message["tool_calls"] = [_call(completion, text)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish}
    body = {**completion.head, "object": "chat.completion", "choices": [choice], "usage": completion.usage}
    return dumps(body)


def streamed(completion: Completion) -> Iterator[bytes]:
    """Server-sent events, one delta each."""
    call = completion.said.call
    opening = {"tool_calls": [{"index": 0, **_call(completion, "")}]} if call else {"content": ""}
    yield _chunk(completion, {"role": "assistant", **opening})
    for text in completion.deltas:
        yield _chunk(completion, _delta(completion, text))
    yield _chunk(completion, {}, completion.finish)
    if completion.request.include_usage:
        yield _event(completion, {"choices": [], "usage": completion.usage})
    yield b"data: [DONE]\n\n"


def _delta(completion: Completion, text: str) -> dict[str, Any]:
    call = completion.said.call
    if call is None:
        return {"content": text}
    more = {"custom": {"input": text}} if call.custom else {"function": {"arguments": text}}
    return {"tool_calls": [{"index": 0, **more}]}


def _call(completion: Completion, text: str) -> dict[str, Any]:
    call = completion.said.call
    assert call is not None
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": text}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": text}}


def _chunk(completion: Completion, delta: dict[str, Any], finish: Finish | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    usage = {"usage": None} if completion.request.include_usage else {}
    return _event(completion, {"choices": [choice], **usage})


def _event(completion: Completion, fields: dict[str, Any]) -> bytes:
    return render(dumps({**completion.head, "object": "chat.completion.chunk", **fields}))
