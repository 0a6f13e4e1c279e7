"""Exchanges as recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from proxy_core.exchange.headers import HOP_BY_HOP
from proxy_core.protocols import recognise
from proxy_core.protocols.contract import Call
from proxy_core.serving.replay.sameness import Sameness, sameness
from proxy_core.wire.json import loads

_NOT_SAID_AGAIN = HOP_BY_HOP | {"content-length", "content-encoding", "date", "set-cookie", "alt-svc"}
"""Of the answer's headers; so are the proxy's own, which it says anew."""

type Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RawExchange:
    """A client's request and its answer, out of a file. Bodies are decoded; `target` is path and query. `delay` is
    from the request to the answer's head, in seconds. `chunks` are [milliseconds since the head, bytes]. `broke`:
    the answer did not come to its end."""

    method: str
    target: str
    body: bytes
    status: int
    headers: Sequence[Header]
    answer: bytes
    delay: float = 0.0
    chunks: Sequence[Sequence[int]] = ()
    broke: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """One that can be replayed. `pieces` are (seconds since the head, data)."""

    call: Call
    stream: bool
    model: str
    same: Sameness
    status: int
    headers: Sequence[Header]
    pieces: Sequence[tuple[float, bytes]]
    delay: float
    broke: bool


def recorded(exchanges: Iterable[RawExchange]) -> list[Recorded]:
    """Those that are calls of a protocol, in their order; what else was recorded is left out."""
    return [found for exchange in exchanges if (found := _recorded(exchange))]


def _recorded(raw: RawExchange) -> Recorded | None:
    parts = urlsplit(raw.target)
    call = _call(raw.method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)))
    body = _object(raw.body)
    if call is None or body is None:
        return None
    return Recorded(
        call=call,
        stream=streams(call, body),
        model=call.model or str(body.get("model") or ""),
        same=sameness(body, call.protocol),
        status=raw.status,
        headers=[(name, value) for name, value in raw.headers if _is_said_again(name)],
        pieces=list(_pieces(raw)),
        delay=raw.delay,
        broke=raw.broke or sum(size for _, size in raw.chunks) > len(raw.answer),
    )


def streams(call: Call, body: dict[str, Any]) -> bool:
    return call.stream if call.stream is not None else bool(body.get("stream"))


def _call(method: str, path: str, query: dict[str, str]) -> Call | None:
    """Providers put something in front of the paths: `/openai/v1/chat/completions`."""
    segments = path.strip("/").split("/")
    paths = [path, *("/" + "/".join(segments[start:]) for start in range(1, len(segments)))]
    return next((call for each in paths if (call := recognise(method, each, query))), None)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _is_said_again(name: str) -> bool:
    return name.lower() not in _NOT_SAID_AGAIN and not name.lower().startswith("x-parley-")


def _pieces(raw: RawExchange) -> Iterator[tuple[float, bytes]]:
    start = 0
    for due, size in raw.chunks:
        if data := raw.answer[start : start + size]:
            yield due / 1000, data
        start += size
    if rest := raw.answer[start:]:
        yield raw.chunks[-1][0] / 1000 if raw.chunks else 0.0, rest
