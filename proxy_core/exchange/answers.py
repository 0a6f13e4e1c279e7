"""Answers that the proxy gives by itself, as status, headers and body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proxy_core.errors import Fault, FaultKind
from proxy_core.exchange.step import HeaderList
from proxy_core.protocols.contract import Codec
from proxy_core.wire.json import dumps

_PROXY_KEY: HeaderList = [("proxy-authenticate", 'Basic realm="Parley"')]
_EXTRA_HEADERS: dict[FaultKind, HeaderList] = {
    FaultKind.UPGRADE_REQUIRED: [("upgrade", "HTTP/1.1"), ("connection", "close")],
    FaultKind.AUTHENTICATION: [("www-authenticate", "Bearer")],
}


type Feed = Callable[[], bytes | None]
"""Called about once a second in the event loop: what is new, b"" for nothing, None when that was all."""


@dataclass(slots=True)
class Answer:
    """With a `feed` the answer goes on after its head, and `body` is empty."""

    status: int
    headers: HeaderList
    body: bytes
    feed: Feed | None = None


def json_answer(value: object, status: int = 200) -> Answer:
    return Answer(status, [("content-type", "application/json")], dumps(value))


def text_answer(text: str, content_type: str = "text/plain; charset=utf-8") -> Answer:
    return Answer(200, [("content-type", content_type)], text.encode())


def fault_answer(fault: Fault, codec: Codec) -> Answer:
    """A fault in a protocol's own shape."""
    answer = json_answer(codec.write_fault(fault), fault.http_status)
    answer.headers += _PROXY_KEY if fault.http_status == 407 else _EXTRA_HEADERS.get(fault.kind, [])
    if fault.kind is FaultKind.METHOD_NOT_ALLOWED:
        answer.headers.append(("allow", fault.allow))
    if fault.retry_after is not None:
        answer.headers.append(("retry-after", f"{fault.retry_after:g}"))
    return answer
