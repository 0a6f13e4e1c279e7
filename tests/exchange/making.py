"""Exchanges with attempts of the test's making, and chunks of Chat Completions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from proxy_core.exchange.attempt import Attempt, OutgoingRequest
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import Admitted, HeaderMap, Inbound
from proxy_core.exchange.step import HeaderList
from proxy_core.pipeline.lanes import Lane, LaneChoice
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call, View
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.json import dumps

JSON: HeaderList = [("Content-Type", "application/json")]
SSE: HeaderList = [("Content-Type", "text/event-stream")]
REPLY = dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    }
)
REFUSAL = dumps({"error": {"message": "slow down", "type": "rate_limit_error"}})
FORBIDDEN = dumps({"error": {"message": "no", "type": "permission_error"}})


def chunk(content: str | None, finish: str | None = None) -> bytes:
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %s\n\n" % dumps({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})


DONE = b"data: [DONE]\n\n"


def inbound(headers: HeaderList | None = None, target: str = "/v1/chat/completions", body: bytes = b"{}") -> Inbound:
    return Inbound("base_url", "POST", target, HeaderMap(headers or []), body)


def admitted(stream: bool = False, protocol: ProtocolName = "openai_chat", operation: Any = "chat") -> Admitted:
    return Admitted(inbound(), Call(protocol, operation), b"{}", {}, "m", stream)


def view() -> View:
    return View(model="shown", request=ChatRequest(origin="openai_chat", model="m", turns=[]), created=1)


def attempt(
    number: int, lane: Lane = Lane.VERBATIM, credentials: Literal["own", "client"] = "own", **more: Any
) -> Attempt:
    backend = Backend(f"b{number}", "openai_chat", "http://b/v1", ("k",), credentials=credentials)
    return Attempt(
        number=number,
        upstream=Upstream(backend, "m"),
        codec=CODECS["openai_chat"],
        choice=LaneChoice(lane, "test"),
        request=OutgoingRequest("POST", "http://b/v1/chat/completions", [], b"{}"),
        view=view() if lane is Lane.TRANSLATE else None,
        **more,
    )


@dataclass
class Made:
    """An exchange with what it told of: attempts that were settled (number and outcome), crashes."""

    exchange: Exchange
    settled: list[tuple[int, str]] = field(default_factory=list)
    crashes: list[Exception] = field(default_factory=list)


def made(
    *attempts: Attempt,
    asked: Admitted | None = None,
    fallback: Callable[[], bytes] | None = None,
    rendering: Iterator[Attempt] | None = None,
    **more: Any,
) -> Made:
    asked = asked or admitted()
    settled: list[tuple[int, str]] = []
    crashes: list[Exception] = []
    exchange = Exchange(
        asked,
        CODECS[asked.call.protocol],
        rendering or iter(attempts),
        crashes.append,
        fallback,
        settled=lambda over: settled.append((over.number, over.outcome)),
        clock=lambda: 0.0,
        **more,
    )
    return Made(exchange, settled, crashes)
