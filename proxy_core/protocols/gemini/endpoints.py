"""The paths of generateContent and its neighbours. The path names the model and whether to stream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from proxy_core.errors import invalid
from proxy_core.protocols.contract import Call, Operation


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` matches whole paths; its group `model` may hold slashes and colons, percent-encoded or not."""

    method: str
    path: re.Pattern[str]
    operation: Operation
    stream: bool | None = None


def _path(verb: str) -> re.Pattern[str]:
    # Atomic: a path that names /models/ thousands of times would else be read as often from the start.
    return re.compile(rf"(?>(?:/.*?)?/models/)(?P<model>.+)(?::|%3[Aa]){verb}/?")


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", _path("generateContent"), "chat", stream=False),
    Endpoint("POST", _path("streamGenerateContent"), "chat", stream=True),
    Endpoint("POST", _path("countTokens"), "count_tokens", stream=False),
)


def recognise(method: str, path: str, query: Mapping[str, str]) -> Call | None:
    """`path` comes without its query. Without `alt=sse` a stream is one JSON array."""
    for endpoint in ENDPOINTS:
        if method == endpoint.method and (match := endpoint.path.fullmatch(path)):
            framed = endpoint.stream and query.get("alt") != "sse"
            model = unquote(match["model"]).removeprefix("models/")
            return Call("gemini", endpoint.operation, model, endpoint.stream, "json_array" if framed else "sse")
    return None


def upstream_path(call: Call, model: str) -> str:
    """Relative to a base URL that ends in the version (`…/v1beta`)."""
    return model_path(model, call.operation, stream=bool(call.stream))


def model_path(model: str, operation: Operation, *, stream: bool) -> str:
    """Raises ParleyError where the model's name is a way through folders."""
    name = model.removeprefix("models/")
    if {".", ".."} & set(name.split("/")):
        raise invalid(f"Model '{name}' would lead to another address of the backend.", "model")
    at = f"/models/{quote(name, safe='/:@')}"
    if operation == "count_tokens":
        return f"{at}:countTokens"
    return f"{at}:streamGenerateContent?alt=sse" if stream else f"{at}:generateContent"
