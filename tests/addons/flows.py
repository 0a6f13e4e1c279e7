"""Flows of model calls, and what Parley remembers of them."""

from __future__ import annotations

from typing import Any

from mitmproxy import http
from mitmproxy.test import tflow, tutils

from addons.host.exchanges import attempt_flow_of
from proxy_core.errors import Fault, FaultKind
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.inbound import Admitted, HeaderMap, Inbound
from proxy_core.exchange.visit import Visit
from proxy_core.pipeline.lanes import Lane, LaneChoice
from proxy_core.protocols.contract import Call
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.sessions.prefix import PrefixChange
from proxy_core.sessions.session import Session
from proxy_core.wire.json import dumps
from tests.usage.making import attempt, exchange

BUSY = Upstream(Backend("busy", "openai_chat", "https://busy.test/v1"), "one", "sk-0123456789abcd")
GOOD = Upstream(Backend("good", "openai_chat", "https://good.test/v1"), "two", "sk-0123456789efgh")
TRANSLATED = LaneChoice(Lane.TRANSLATE, "anthropic to openai_chat")
BODY = {
    "model": "route",
    "max_tokens": 50,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "What is the time?"}],
}


def client_flow(body: bytes = dumps(BODY), path: str = "/v1/messages", **response: Any) -> http.HTTPFlow:
    request = tutils.treq(method=b"POST", path=path.encode(), content=body)
    flow = tflow.tflow(req=request, resp=tutils.tresp(**response) if response else False)
    if flow.response:
        flow.response.timestamp_start, flow.response.timestamp_end = 946681202, 946681203
    return flow


def failed_over() -> list[Attempt]:
    fault = Fault(FaultKind.RATE_LIMIT, "Too many.")
    first = attempt(BUSY, number=1, status=429, outcome="rate_limit", fault=fault, choice=TRANSLATED)
    first.losses.drop("cache_control", "busy has no marks")
    return [first, attempt(GOOD, number=2, status=200, outcome="answered", choice=TRANSLATED)]


def hedged() -> list[Attempt]:
    first = attempt(BUSY, number=1, outcome="hedged", choice=TRANSLATED)
    return [first, attempt(GOOD, number=2, status=200, outcome="answered")]


def visit(*attempts: Attempt, **fields: Any) -> Visit:
    inbound = Inbound("base_url", "POST", "/v1/messages", HeaderMap([]), dumps(BODY))
    call = Call("anthropic", "chat")
    admitted = Admitted(inbound, call, inbound.body, BODY, "route", False, ("1 secret redacted",))
    made = Visit(inbound, 946681200.0, call=call, admitted=admitted)
    made.session = Session("my-session", "owner", 0, 0)
    if attempts:
        made.exchange = exchange(admitted, *attempts)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def eventful() -> Visit:
    """One to which all happened that can happen at once."""
    return visit(
        *failed_over(),
        agent="codex",
        route="route",
        redactions={"github-token": 2},
        prefix=PrefixChange("tools[3]", 9000),
    )


def attempt_flow(client: http.HTTPFlow, made: Attempt) -> http.HTTPFlow:
    return attempt_flow_of(client, made)
