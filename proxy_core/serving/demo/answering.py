"""From a request to the demo's answer: key, path, model."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from proxy_core.errors import Fault, FaultKind, ParleyError, not_found
from proxy_core.serving.demo.chunks import completed, streamed, whole
from proxy_core.serving.demo.models import demo_models
from proxy_core.serving.demo.requests import read_demo_request
from proxy_core.wire.json import dumps, parse_body

_JSON = "application/json"
_TYPES = {FaultKind.RATE_LIMIT: "rate_limit_error", FaultKind.INTERNAL: "server_error"}
_CODES = {FaultKind.AUTHENTICATION: "invalid_api_key", FaultKind.NOT_FOUND: "not_found"}


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    """`body` comes as one piece, or piece by piece with `pause` seconds between."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterable[bytes]
    pause: float = 0.0
    stream: bool = False


class DemoApi:
    def __init__(self, key: str, clock: Callable[[], float]) -> None:
        self._key = key
        self._clock = clock
        self._models = demo_models()

    def check_key(self, authorization: str) -> None:
        """Raises ParleyError(AUTHENTICATION)."""
        given = authorization.partition(" ")[2].strip()
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            raise ParleyError(Fault(FaultKind.AUTHENTICATION, "The demo takes only the key it was started with."))

    def answer(self, method: str, path: str, body: bytes) -> DemoAnswer:
        """Raises ParleyError."""
        match method, path.partition("?")[0].removeprefix("/v1"):
            case "POST", "/chat/completions":
                return self._chat(body)
            case "GET" | "HEAD", "/models":
                return _json({"object": "list", "data": [_listed(name) for name in self._models]})
            case _:
                raise not_found(f"The demo has no {method} {path}; it has POST /chat/completions and GET /models.")

    def _chat(self, body: bytes) -> DemoAnswer:
        request = read_demo_request(parse_body(body))
        model = self._models.get(request.model)
        if model is None:
            message = f"There is no demo model '{request.model}'; there are {', '.join(self._models)}."
            raise ParleyError(Fault(FaultKind.NOT_FOUND, message, field="model", code="model_not_found"))
        completion = completed(request, model(request), int(self._clock()))
        if not request.stream:
            return DemoAnswer(200, _head(_JSON), [whole(completion)], completion.said.pause * len(completion.deltas))
        headers = [*_head("text/event-stream; charset=utf-8"), ("cache-control", "no-cache")]
        return DemoAnswer(200, headers, streamed(completion), completion.said.pause, stream=True)


def refusal(fault: Fault) -> DemoAnswer:
    """A fault in OpenAI's shape."""
    error = {
        "message": fault.message,
        "type": _TYPES.get(fault.kind, "invalid_request_error"),
        "param": fault.field,
        "code": fault.code or _CODES.get(fault.kind),
    }
    answer = _json({"error": error}, fault.http_status)
    if fault.retry_after is not None:
        answer.headers.append(("retry-after", f"{fault.retry_after:g}"))
    return answer


def _json(value: object, status: int = 200) -> DemoAnswer:
    return DemoAnswer(status, _head(_JSON), [dumps(value)])


def _head(content_type: str) -> list[tuple[str, str]]:
    return [("content-type", content_type)]


def _listed(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "demo"}
