"""The paths of the Responses API, as clients call them and as they go upstream.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from proxy_core.protocols.contract import Call, Operation
from proxy_core.protocols.openai_responses.names import ORIGIN


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` matches whole paths, without the query."""

    method: str
    path: re.Pattern[str]
    operation: Operation


ENDPOINTS: tuple[Endpoint, ...] = (
    # Vendors and interceptors put their own path in front: `/openai/v1` (Groq), `/backend-api/codex` (ChatGPT).
    Endpoint("POST", re.compile(r"(?:/.*)?/responses/?"), "chat"),
)

_UPSTREAM_PATHS: dict[Operation, str] = {"chat": "/responses"}


def recognise(method: str, path: str, query: Mapping[str, str]) -> Call | None:
    """`path` comes without its query."""
    for endpoint in ENDPOINTS:
        if method == endpoint.method and endpoint.path.fullmatch(path):
            return Call(ORIGIN, endpoint.operation)
    return None


def upstream_path(call: Call, model: str) -> str:
    """Relative to a base URL that ends in the version (`…/v1`). Raises KeyError for what the API does not offer."""
    return _UPSTREAM_PATHS[call.operation]
