"""Between mitmproxy's flows and the core's plain values."""

from __future__ import annotations

import re

from mitmproxy import http
from mitmproxy.proxy import mode_specs

from proxy_core.errors import Fault, FaultKind
from proxy_core.exchange.answers import Answer, fault_answer
from proxy_core.exchange.headers import SECRET_HEADERS, is_for_us, masked, masked_key
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.exchange.intake import asking_codec
from proxy_core.exchange.visit import Visit
from proxy_core.serving.dashboard import LOGIN_PATH

KEY_IN_QUERY = re.compile(r"([?&](?:k|%6b)(?:e|%65)(?:y|%79)=)([^&]*)", re.IGNORECASE)
UNCLAIMED_HOST = "parley.invalid"
"""The reverse target when the user named none: nothing is ever sent there."""


def inbound_of(flow: http.HTTPFlow) -> Inbound:
    request = flow.request
    base_url = isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode)
    peer = flow.client_conn.peername
    headers = request.headers.items(multi=True)
    if request.authority and "host" not in request.headers:
        headers = (("host", request.authority), *headers)  # as HTTP/2 says it
    return Inbound(
        listener="base_url" if base_url else "proxy",
        method=request.method,
        target=request.path,
        headers=HeaderMap(headers),
        body=request.raw_content or b"",
        origin=None if base_url else f"{request.scheme}://{request.host}:{request.port}",
        client=peer[0] if peer else "",
    )


def visit_of(flow: http.HTTPFlow) -> Visit:
    return Visit(
        inbound_of(flow),
        flow.request.timestamp_start,
        oversized=flow.metadata.get("parley_oversized", 0),
        has_target=has_target(flow),
    )


def hide_credentials(request: http.Request) -> None:
    """Takes the client's key off its flow, which is kept, shown and dumped."""
    for name, _ in request.headers.fields:
        if (lower := name.lower().decode("latin-1")) in SECRET_HEADERS:
            request.headers[lower] = masked(lower, request.headers[lower])
    if request.path.partition("?")[0] == LOGIN_PATH:
        request.content = b"key=..."
    if "?" in request.path:
        request.path = KEY_IN_QUERY.sub(lambda found: found[1] + masked_key(found[2]), request.path)


def keep_own_key(request: http.Request, key: str) -> None:
    """Takes the key for this proxy out of a request that is let through to somebody else."""
    pairs = zip(request.headers.fields, request.headers.items(multi=True), strict=True)
    others = [field for field, (name, value) in pairs if not is_for_us(name.lower(), value, key)]
    if len(others) < len(request.headers.fields):
        request.headers = http.Headers(others)
    if "?" in request.path and request.query.get("key") == key:
        del request.query["key"]


def response_of(answer: Answer) -> http.Response:
    headers = http.Headers([(name.encode(), value.encode()) for name, value in answer.headers])
    response = http.Response.make(answer.status, answer.body, headers)
    if answer.status == 204:
        del response.headers["content-length"]  # RFC 9110, section 8.6
    return response


def refusal(flow: http.HTTPFlow) -> http.Response:
    """The answer to a flow that our own code failed on, or that nobody decided about."""
    fault = Fault(
        FaultKind.INTERNAL, "Parley failed while it handled this request and has sent nothing on; its log says why."
    )
    return response_of(fault_answer(fault, asking_codec(inbound_of(flow))))


def has_target(flow: http.HTTPFlow) -> bool:
    """Whether the user named a reverse target, where traffic goes that no rule claims."""
    mode = flow.client_conn.proxy_mode
    return isinstance(mode, mode_specs.ReverseMode) and mode.address[0] != UNCLAIMED_HOST
