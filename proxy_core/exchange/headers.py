"""Headers on both wires: which of the client's go up, which of the upstream's come down, and our own."""

from __future__ import annotations

import re

from proxy_core.errors import Fault
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.inbound import Admitted, HeaderMap, Inbound
from proxy_core.exchange.step import HeaderList
from proxy_core.pipeline.lanes import Lane
from proxy_core.protocols.contract import BackendCodec
from proxy_core.turn.content import ProtocolName

_JSON = ("content-type", "application/json")
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110, section 7.6.1."""

_KEY_HEADERS = ("x-api-key", "x-goog-api-key", "api-key")
CREDENTIALS = frozenset({"authorization", *_KEY_HEADERS})
_COOKIES = frozenset({"cookie", "set-cookie"})
_SCHEME = re.compile(r"[A-Za-z]{2,10} ")
_COOKIE_VALUE = re.compile(r"=[^;]*")
SECRET_HEADERS = CREDENTIALS | _COOKIES | {"proxy-authorization"}


def masked(name: str, value: str) -> str:
    """A header's value as it may be kept and shown: of a credential only its scheme and its last four characters,
    also where several stand in one header. In ASCII: mitmproxy's console shows other bytes of a header escaped."""
    if name.lower() not in SECRET_HEADERS:
        return value
    if name.lower() in _COOKIES:
        return _COOKIE_VALUE.sub("=...", value) if "=" in value else "..."
    scheme = _SCHEME.match(value) if name.lower().endswith("authorization") else None
    return f"{scheme[0]}{masked_key(value[scheme.end() :])}" if scheme else masked_key(value)


def masked_key(key: str) -> str:
    return f"...{key[-4:]}" if len(key) >= 12 else "..."


_NEVER_UP = HOP_BY_HOP | {"host", "content-length", "content-encoding", "accept-encoding", "expect"}
_NEVER_DOWN = HOP_BY_HOP | {"content-length", "content-encoding", "content-type", "alt-svc", "set-cookie"}
_CARRIED_ACROSS = ("retry-after", "x-should-retry")
_CARRIED_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-", "ratelimit-")
_REQUEST_IDS = ("request-id", "x-request-id", "x-goog-request-id", "cf-ray")
_REQUEST_ID_OF: dict[ProtocolName, str] = {
    "openai_chat": "x-request-id",
    "openai_responses": "x-request-id",
    "anthropic": "request-id",
    "gemini": "x-request-id",
}
LISTS = frozenset({"anthropic-beta"})
"""Headers whose values from the client, the writer and the configuration are put together."""
REQUIRED: dict[ProtocolName, dict[str, str]] = {"anthropic": {"anthropic-version": "2023-06-01"}}
"""Headers that an upstream refuses to do without, where the client sent none."""


def passed_up(headers: HeaderMap, *, credentials: bool) -> HeaderList:
    """The client's headers that go to an upstream of the same protocol. The client's key and cookies, which are for
    this proxy, go only where the backend is the client's own. A body that was read as JSON is called so, whatever the
    client called it."""
    left_out = _NEVER_UP if credentials else _NEVER_UP | SECRET_HEADERS
    kept = [(name, value) for name, value in headers.pairs if name.lower() not in left_out and not _is_ours(name)]
    if "json" in headers.get("content-type", ""):
        return kept
    return [*((name, value) for name, value in kept if name.lower() != "content-type"), _JSON]


def shows_credentials(inbound: Inbound) -> bool:
    return any(name in inbound.headers for name in CREDENTIALS) or bool(inbound.query.get("key"))


def own_credentials(inbound: Inbound, codec: BackendCodec) -> dict[str, str]:
    """What a client shows to a backend that takes the client's own key: its `Authorization` as it is, else its key as
    the backend's protocol has it."""
    if "authorization" in inbound.headers:
        return {"authorization": inbound.headers["authorization"]}
    given = (*(inbound.headers.get(name) for name in _KEY_HEADERS), inbound.query.get("key"))
    key = next(filter(None, given), None)
    return codec.auth_headers(key) if key else {}


def without_own_key(headers: HeaderMap, key: str) -> HeaderMap:
    """What a client says to a backend that takes its own `Authorization`: less what it says to this proxy, `key` and
    the dashboard's cookie."""
    return HeaderMap((name, value) for name, value in headers.pairs if not is_for_us(name.lower(), value, key))


def is_for_us(name: str, value: str, key: str) -> bool:
    """Whether a header, by its name in small letters, is what a client says to this proxy alone."""
    if name in _COOKIES:
        return "parley_" in value
    return name in CREDENTIALS and key in value


def answer_headers(
    admitted: Admitted, attempt: Attempt, upstream: HeaderMap, content_type: str, size: int
) -> HeaderList:
    return [
        ("content-type", content_type),
        *_passed_down(admitted, attempt, upstream),
        ("content-length", str(size)),
    ]


def fault_headers(
    admitted: Admitted, attempt: Attempt | None, upstream: HeaderMap, fault: Fault, size: int
) -> HeaderList:
    """Of an error in the client's own words; `attempt` is the one whose failure it tells of."""
    headers = [_JSON, ("content-length", str(size))]
    if attempt:
        headers = answer_headers(admitted, attempt, upstream, "application/json", size)
    if fault.retry_after is not None and "retry-after" not in HeaderMap(headers):
        headers.append(("retry-after", f"{fault.retry_after:g}"))
    return headers


def stream_headers(admitted: Admitted, attempt: Attempt, upstream: HeaderMap) -> HeaderList:
    if attempt.choice.lane is not Lane.TRANSLATE:
        content_type = upstream.get("content-type", "text/event-stream")
    elif admitted.call.framing == "json_array":
        content_type = "application/json; charset=UTF-8"
    else:
        content_type = "text/event-stream; charset=utf-8"
    headers = [("content-type", content_type), *_passed_down(admitted, attempt, upstream)]
    if "cache-control" not in HeaderMap(headers):
        headers.append(("cache-control", "no-cache"))
    return headers


def is_event_stream(headers: HeaderMap) -> bool:
    return headers.get("content-type", "").lower().startswith("text/event-stream")


def _passed_down(admitted: Admitted, attempt: Attempt, upstream: HeaderMap) -> HeaderList:
    if attempt.choice.lane is Lane.TRANSLATE:
        headers = _carried_across(admitted.call.protocol, upstream)
    else:
        headers = [(name, value) for name, value in upstream.pairs if name.lower() not in _NEVER_DOWN]
    if attempt.upstream.backend.credentials == "client":
        return headers
    # A proxy behind this one tells the same of itself; and where a backend moved is not for the client to follow.
    kept = [(name, value) for name, value in headers if not _is_ours(name) and name.lower() != "location"]
    return kept + _own_headers(attempt)


def _carried_across(client: ProtocolName, upstream: HeaderMap) -> HeaderList:
    carried = [
        (name, value)
        for name, value in upstream.pairs
        if name.lower() in _CARRIED_ACROSS or name.lower().startswith(_CARRIED_PREFIXES)
    ]
    request_id = next((upstream[name] for name in _REQUEST_IDS if name in upstream), None)
    if request_id:
        carried.append((_REQUEST_ID_OF[client], request_id))
    return carried


def _own_headers(attempt: Attempt) -> HeaderList:
    headers = [
        ("x-parley-backend", attempt.upstream.backend.name),
        ("x-parley-model", header_text(attempt.upstream.model)),
        ("x-parley-lane", attempt.choice.lane),
    ]
    if attempt.number > 1:
        headers.append(("x-parley-attempt", str(attempt.number)))
    losses = attempt.losses.items + (attempt.view.losses.items if attempt.view else [])
    for action in ("dropped", "changed"):
        paths = sorted({loss.path for loss in losses if loss.action == action})
        if paths:
            headers.append((f"x-parley-{action}", _listed(paths)))
    return headers


def _listed(paths: list[str], limit: int = 1000) -> str:
    text = ""
    for number, path in enumerate(paths):
        if len(text) + len(path) > limit:
            return f"{text}, and {len(paths) - number} more"
        text += f", {path}" if text else path
    return header_text(text)


def header_text(text: str) -> str:
    """Safe in a header: visible ASCII only (RFC 9110, section 5.5)."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def _is_ours(name: str) -> bool:
    return name.lower().startswith("x-parley-")
