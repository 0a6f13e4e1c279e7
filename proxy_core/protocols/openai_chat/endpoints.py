"""The paths of chat completions and its neighbours, as clients call them and as they go upstream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from proxy_core.protocols.contract import Call, Operation


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` matches whole paths; its group `model`, where there is one, is Azure's name of a deployment."""

    method: str
    path: re.Pattern[str]
    operation: Operation


_BEFORE = r"(?:/.*?/deployments/(?P<model>[^/]+)|/.*)?"
"""Vendors put their own path in front: `/api/v1` (OpenRouter), `/openai/v1` (Groq), a deployment (Azure)."""

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", re.compile(_BEFORE + r"/chat/completions/?"), "chat"),
    Endpoint("POST", re.compile(_BEFORE + r"/embeddings/?"), "embeddings"),
    Endpoint("POST", re.compile(_BEFORE + r"/images/generations/?"), "images"),
    Endpoint("POST", re.compile(_BEFORE + r"/completions/?"), "completions"),
)

_UPSTREAM_PATHS: dict[Operation, str] = {
    "chat": "/chat/completions",
    "embeddings": "/embeddings",
    "images": "/images/generations",
    "completions": "/completions",
}


def recognise(method: str, path: str, query: Mapping[str, str]) -> Call | None:
    """`path` comes without its query."""
    for endpoint in ENDPOINTS:
        if method == endpoint.method and (match := endpoint.path.fullmatch(path)):
            return Call("openai_chat", endpoint.operation, match["model"])
    return None


def upstream_path(call: Call, model: str) -> str:
    """Relative to a base URL that ends in the version (`…/v1`). Raises KeyError for what chat does not offer."""
    return _UPSTREAM_PATHS[call.operation]
