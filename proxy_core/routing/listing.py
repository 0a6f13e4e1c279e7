"""Asking a backend which models it has, page by page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from proxy_core.protocols import BACKENDS
from proxy_core.routing.upstreams import Backend
from proxy_core.turn.content import ProtocolName

_MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class Listing:
    """How a protocol lists: the first query, what one page holds, and the query of the next page."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    models: Callable[[dict[str, Any]], list[str]]
    following: Callable[[dict[str, Any]], dict[str, str] | None]
    address: Callable[[str], str] = lambda base_url: f"{base_url}/models"


def _ids(page: dict[str, Any]) -> list[str]:
    """Of `{"data": [{"id": …}]}`; some vendors answer the bare array."""
    entries = page.get("data")
    return [entry["id"] for entry in entries if isinstance(entry.get("id"), str)] if isinstance(entries, list) else []


def _after(page: dict[str, Any]) -> dict[str, str] | None:
    return {"after_id": page["last_id"]} if page.get("has_more") and page.get("last_id") else None


def _generating(page: dict[str, Any]) -> list[str]:
    """https://ai.google.dev/api/models: `supportedGenerationMethods` tells chat models from the others."""
    return [
        entry["name"].removeprefix("models/")
        for entry in page.get("models") or []
        if "generateContent" in entry.get("supportedGenerationMethods", ["generateContent"])
    ]


def _token(page: dict[str, Any]) -> dict[str, str] | None:
    return {"pageToken": page["nextPageToken"]} if page.get("nextPageToken") else None


def _chatting(page: dict[str, Any]) -> list[str]:
    """https://docs.cohere.com/reference/list-models: rerankers and embedders are listed too."""
    return [entry["name"] for entry in page["models"] if "chat" in (entry.get("endpoints") or ["chat"])]


def _page_token(page: dict[str, Any]) -> dict[str, str] | None:
    return {"page_token": page["next_page_token"]} if page.get("next_page_token") else None


def _beside_v2(base_url: str) -> str:
    """Cohere lists its models under v1 alone."""
    return re.sub(r"/v2$", "/v1", base_url) + "/models"


_OPENAI = Listing({}, {}, _ids, lambda page: None)
LISTINGS: dict[ProtocolName, Listing] = {
    "openai_chat": _OPENAI,
    "openai_responses": _OPENAI,
    "anthropic": Listing({"limit": "1000"}, {"anthropic-version": "2023-06-01"}, _ids, _after),
    "gemini": Listing({"pageSize": "1000"}, {}, _generating, _token),
    "cohere": Listing({"endpoint": "chat", "page_size": "1000"}, {}, _chatting, _page_token, _beside_v2),
}


async def fetch_models(client: httpx.AsyncClient, backend: Backend) -> tuple[str, ...]:
    """In the backend's order, each once. Raises httpx.HTTPError, or ValueError for an answer that is no list."""
    listing = LISTINGS[backend.protocol]
    key = BACKENDS[backend.protocol].auth_headers(backend.keys[0]) if backend.keys else {}
    headers = {**listing.headers, **backend.headers, **key}
    models: dict[str, None] = {}
    query: dict[str, str] | None = {}
    for _ in range(_MOST_PAGES):
        page = await fetch_json(client, listing.address(backend.base_url), headers, {**listing.query, **query})
        page = {"data": page} if isinstance(page, list) else page
        try:
            models.update(dict.fromkeys(listing.models(page)))
            query = listing.following(page)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("answered something that is no list of models") from error
        if query is None:
            break
    return tuple(models)


async def fetch_json(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], query: Mapping[str, str] | None = None
) -> Any:
    response = await client.get(url, headers=dict(headers), params=dict(query) if query else None)
    response.raise_for_status()
    return response.json()
