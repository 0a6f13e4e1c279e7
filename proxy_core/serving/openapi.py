"""The description of what there is to call, made of the endpoints that are really there: /openapi.json and /docs.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from proxy_core import __version__
from proxy_core.exchange.answers import Answer, json_answer
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.protocols import recognise
from proxy_core.serving.docs import docs_page
from proxy_core.serving.endpoints import ENDPOINTS, UNLISTED, Endpoint, Query
from proxy_core.serving.pages import Page, Pages

_KEYS: dict[str, dict[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "x-goog-api-key": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
    "key": {"type": "apiKey", "in": "query", "name": "key"},
}
_SESSION = {
    "name": "X-Session-ID",
    "in": "header",
    "description": "keeps one conversation's settings together",
    "schema": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class Described:
    """An endpoint that is there."""

    endpoint: Endpoint
    needs_key: bool


def pages(others: Iterable[Page]) -> tuple[Page, ...]:
    """/docs and /openapi.json for `others` and themselves. They need no key: they say nothing about this proxy."""
    answers: dict[str, Answer] = {}
    own = tuple(
        Page(path, lambda inbound: answers[inbound.path], needs_key=False) for path in ("/openapi.json", "/docs")
    )
    described = list(build((*others, *own)))
    answers["/openapi.json"] = json_answer(document(described))
    answers["/docs"] = docs_page([(row.endpoint, row.needs_key) for row in described])
    return own


def build(pages: Iterable[Page]) -> Iterator[Described]:
    """The endpoints of the table that exist, be it as pages or as calls of a protocol; then pages that have no row."""
    pages = tuple(pages)
    present = Pages(pages)
    described: set[str] = set()
    for endpoint in ENDPOINTS:
        paths = [path for path in (endpoint.path, *endpoint.also) if _is_there(endpoint.method, path, present)]
        described.update((endpoint.path, *endpoint.also))
        if paths:
            needs_key = _needs_key(endpoint.method, paths[0], present)
            yield Described(replace(endpoint, path=paths[0], also=tuple(paths[1:])), needs_key)
    known = {re.sub(r"/\{\w+\}$", "/*", path) for path in described} | UNLISTED
    for page in pages:
        if page.path not in known:
            path = page.path.replace("/*", "/{name}")
            yield Described(Endpoint("About", "GET", path, path), page.needs_key)


def document(described: Iterable[Described]) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for row in described:
        for path in (row.endpoint.path, *row.endpoint.also):
            paths.setdefault(path, {})[row.endpoint.method.lower()] = _operation(row, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parley", "version": __version__, "description": "An LLM proxy. See /docs."},
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in _KEYS],
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.section for endpoint in ENDPOINTS)],
        "paths": paths,
        "components": {"securitySchemes": _KEYS},
    }


def _operation(row: Described, path: str) -> dict[str, Any]:
    endpoint = row.endpoint
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{endpoint.method.lower()}{path}").strip("_"),
        "tags": [endpoint.section],
        "summary": endpoint.summary,
        "parameters": [*_parameters(endpoint, path)],
        "responses": _responses(row),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if endpoint.vendor:
        operation["externalDocs"] = {"url": endpoint.vendor}
    if endpoint.method == "POST":
        operation["requestBody"] = _body(endpoint)
    if not row.needs_key:
        operation["security"] = []
    return operation


def _parameters(endpoint: Endpoint, path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    yield from (_parameter(query) for query in endpoint.query)
    if endpoint.method == "POST":
        yield _SESSION


def _parameter(query: Query) -> dict[str, Any]:
    return {"name": query.name, "in": "query", "description": query.what, "schema": {"type": query.kind}}


def _body(endpoint: Endpoint) -> dict[str, Any]:
    """Only what must be there: the rest is the vendor's to describe, and unknown fields pass."""
    schema: dict[str, Any] = {"type": "object", "required": list(endpoint.required), "additionalProperties": True}
    if "model" in endpoint.required:
        schema["properties"] = {"model": {"type": "string", "description": "backend:model, a route or an alias"}}
    content = {"schema": schema, **({"example": endpoint.example} if endpoint.example else {})}
    return {"required": True, "content": {"application/json": content}}


def _responses(row: Described) -> dict[str, Any]:
    types = [*row.endpoint.answers, *([row.endpoint.stream] if row.endpoint.stream else [])]
    responses: dict[str, Any] = {"200": {"description": "The answer", "content": {kind: {} for kind in types}}}
    if row.needs_key:
        responses["401"] = {"description": "No key, or a wrong one"}
    if row.endpoint.method == "POST":
        responses["default"] = {"description": "An error in the protocol's own shape"}
    return responses


def _is_there(method: str, path: str, pages: Pages) -> bool:
    sample = _sample(method, path)
    return pages.find(sample) is not None or recognise(method, sample.path, {}) is not None


def _needs_key(method: str, path: str, pages: Pages) -> bool:
    page = pages.find(_sample(method, path))
    return page is None or page.needs_key


def _sample(method: str, path: str) -> Inbound:
    return Inbound("base_url", method, re.sub(r"\{\w+\}", "x", path), HeaderMap([]))
