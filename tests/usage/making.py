"""Records and exchanges for the tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from proxy_core.errors import Fault
from proxy_core.exchange.attempt import Attempt, OutgoingRequest
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import Admitted, HeaderMap, Inbound
from proxy_core.exchange.meter import Meter
from proxy_core.pipeline.lanes import Lane, LaneChoice
from proxy_core.protocols import BACKENDS, CODECS
from proxy_core.protocols.contract import Call
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.events import Event
from proxy_core.usage.database import Database, database
from proxy_core.usage.prices import Prices
from proxy_core.usage.record import Asked, Record

NOON = 1_790_000_000.0
KEY = "sk-secret-0123456789abcdef"
NO_PRICES = Prices()
ANTHROPIC = Backend("anthropic", "anthropic", "https://api.anthropic.com/v1", (KEY,), "anthropic")
RECORD = Record(
    time=NOON,
    session="s",
    project=None,
    agent=None,
    listener="base_url",
    protocol="openai_chat",
    operation="chat",
    model="m",
    stream=False,
    outcome="answered",
    status=200,
    backend="b",
    served="m",
    tries=({"backend": "b", "model": "m", "outcome": "answered"},),
    input=10,
    output=5,
    source="provider",
    duration=1.0,
)


def record(**fields: Any) -> Record:
    return replace(RECORD, **fields)


def file_in(folder: Path) -> Database:
    return database(f"sqlite:///{folder / 'usage.db'}")


def admitted(protocol: ProtocolName = "anthropic", stream: bool = True, model: str = "claude-sonnet-4-6") -> Admitted:
    inbound = Inbound("base_url", "POST", "/v1/messages", HeaderMap([("x-api-key", "client")]), b"{}")
    return Admitted(inbound, Call(protocol, "chat"), b"{}", {}, model, stream)


def attempt(upstream: Upstream, events: Iterable[Event] = (), **fields: Any) -> Attempt:
    """`events` have gone by the meter, the first token two seconds after the start."""
    meter = Meter(lambda: NOON + 2)
    for event in events:
        meter.see(event)
    made = Attempt(
        number=1,
        upstream=upstream,
        codec=BACKENDS[upstream.backend.protocol],
        choice=LaneChoice(Lane.VERBATIM, "same"),
        request=OutgoingRequest("POST", "https://x.test/", [("x-api-key", KEY)], b"a prompt"),
        meter=meter,
        started=NOON,
        ended=NOON + 4,
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def exchange(request: Admitted, *history: Attempt, fault: Fault | None = None, committed: bool = False) -> Exchange:
    """One that is over."""
    made = Exchange(request, CODECS[request.call.protocol], iter(()), lambda error: None)
    made.history = list(history)
    made.attempt = history[-1] if history else None
    made.fault, made.committed, made.finished = fault, committed, True
    return made


ASKED = Asked(started=NOON, ended=NOON + 4, session="conversation")
