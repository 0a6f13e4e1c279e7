"""The front door: is the request one of ours, may it be made, can it be read."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.inbound import Admitted, HeaderMap, Inbound
from proxy_core.guards.limits import check_depth
from proxy_core.protocols import CODECS, recognise
from proxy_core.protocols.contract import Call, Codec
from proxy_core.turn.content import ProtocolName
from proxy_core.wire.encoding import decoded_body
from proxy_core.wire.fields import optional_boolean, string
from proxy_core.wire.json import parse_body


def asking_protocol(path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> ProtocolName:
    """In whose shape a request is to be answered that is no call of a protocol: model lists, errors."""
    if "/v1beta" in path or path.startswith("/models/"):
        return "gemini"
    if path.startswith(("/anthropic", "/v1/messages")) or "anthropic-version" in headers:
        return "anthropic"
    if "x-goog-api-key" in headers or "key" in query:
        return "gemini"
    return "openai_responses" if path.startswith("/v1/responses") else "openai_chat"


def asking_codec(inbound: Inbound) -> Codec:
    call = recognise("POST", inbound.path, inbound.query)
    if call:
        return CODECS[call.protocol]
    return CODECS[asking_protocol(inbound.path, inbound.headers, inbound.query)]


def check_client_key(inbound: Inbound, key: str | None) -> None:
    """Raises ParleyError unless the client showed `key` (None: none is demanded). Compared in constant time."""
    if key is None:
        return
    given = shown_keys(inbound.headers, inbound.query)
    if not given:
        raise ParleyError(
            Fault(
                FaultKind.AUTHENTICATION,
                "No key was sent; send Parley's client key as 'Authorization: Bearer', 'x-api-key', "
                "'x-goog-api-key' or '?key='.",
            )
        )
    if not any(hmac.compare_digest(candidate.encode("utf-8", "surrogatepass"), key.encode()) for candidate in given):
        raise ParleyError(
            Fault(
                FaultKind.AUTHENTICATION,
                "The key is not Parley's client key (LLM_INTERACTIVE_PROXY_API_KEY, or the one printed at its start).",
            )
        )


def shown_keys(headers: HeaderMap, query: Mapping[str, str]) -> list[str]:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    given = (bearer, headers.get("x-api-key", ""), headers.get("x-goog-api-key", ""), query.get("key", ""))
    return [key for key in given if key]


def find_call(inbound: Inbound) -> Call:
    """Raises ParleyError: 404 for a path of no protocol, 405 for the wrong method, 426 for a WebSocket."""
    call = recognise(inbound.method, inbound.path, inbound.query)
    if call:
        return call
    if inbound.headers.get("upgrade", "").lower() == "websocket":
        raise ParleyError(
            Fault(FaultKind.UPGRADE_REQUIRED, "WebSocket is not served here; send the same request as POST.")
        )
    if recognise("POST", inbound.path, inbound.query):
        raise ParleyError(
            Fault(FaultKind.METHOD_NOT_ALLOWED, f"{inbound.method} is not allowed for {inbound.path}; use POST.")
        )
    raise ParleyError(
        Fault(FaultKind.NOT_FOUND, f"There is no {inbound.method} {inbound.path} here; GET /docs lists what there is.")
    )


def admit(inbound: Inbound, call: Call, max_decoded: int, max_depth: int) -> Admitted:
    """The request decoded and read as far as routing needs it. Raises ParleyError that names what is wrong."""
    encoding = inbound.headers.get("content-encoding", "")
    body = decoded_body(inbound.body, encoding, max_decoded) if encoding else inbound.body
    check_depth(body, max_depth)
    json = parse_body(body)
    return Admitted(
        inbound=inbound,
        call=call,
        body=body,
        json=json,
        model=_model(call, json),
        stream=_stream(call, json),
    )


def _model(call: Call, json: dict) -> str:
    """The model asked for; "" when none is named, which a backend with a model of its own allows."""
    if call.model is not None:
        return call.model
    return string(json["model"], "model").strip() if json.get("model") is not None else ""


def _stream(call: Call, json: dict) -> bool:
    if call.stream is not None:
        return call.stream
    if call.operation not in ("chat", "completions"):
        return False
    return bool(optional_boolean(json.get("stream"), "stream"))
