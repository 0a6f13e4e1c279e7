"""The paths of the Messages API, as clients call them and as they go upstream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from proxy_core.protocols.contract import Call, Operation


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    path: re.Pattern[str]
    operation: Operation


_BEFORE = r"(?:/.*)?/v1|/anthropic|"
"""Vendors and gateways put their own path in front: `/anthropic/v1`, `/api/v1`."""

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", re.compile(rf"(?:{_BEFORE})/messages/count_tokens/?"), "count_tokens"),
    Endpoint("POST", re.compile(rf"(?:{_BEFORE})/messages/?"), "chat"),
)

_UPSTREAM_PATHS: dict[Operation, str] = {"chat": "/messages", "count_tokens": "/messages/count_tokens"}


def recognise(method: str, path: str, query: Mapping[str, str]) -> Call | None:
    """`path` comes without its query."""
    for endpoint in ENDPOINTS:
        if method == endpoint.method and endpoint.path.fullmatch(path):
            return Call("anthropic", endpoint.operation)
    return None


def upstream_path(call: Call, model: str) -> str:
    """Relative to a base URL that ends in the version (`…/v1`). Raises KeyError for what Anthropic does not offer."""
    return _UPSTREAM_PATHS[call.operation]
