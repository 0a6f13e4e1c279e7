"""The lists of models, in the shape of whoever asks: routes, aliases, and every backend's as `backend:model`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from proxy_core.config.settings import Settings
from proxy_core.errors import ParleyError, invalid, not_found
from proxy_core.exchange.answers import Answer, fault_answer, json_answer
from proxy_core.exchange.inbound import Inbound
from proxy_core.exchange.intake import asking_protocol
from proxy_core.protocols import CODECS, recognise
from proxy_core.routing.catalogue import Catalogue
from proxy_core.routing.naming import nearest, resolve
from proxy_core.serving.pages import Page
from proxy_core.turn.content import ProtocolName

PATHS = ("/v1/models", "/models", "/anthropic/v1/models", "/v1beta/models")

_EPOCH = "1970-01-01T00:00:00Z"
"""Anthropic's word for an unknown date."""


@dataclass(frozen=True, slots=True)
class Model:
    """`owner` is the backend, or "parley" for names that are its own; `stands_for` says what these lead to."""

    id: str
    owner: str
    stands_for: str = ""


def pages(settings: Settings, catalogue: Catalogue) -> tuple[Page, ...]:
    answers = ModelPages(settings, catalogue)
    return tuple(
        page
        for path in PATHS
        for page in (Page(path, answers.list_models), Page(f"{path}/*", answers.single_model, when=_is_no_call))
    )


def _is_no_call(inbound: Inbound) -> bool:
    """Else GET of Gemini's generateContent would ask for a model of that name."""
    return not recognise("POST", inbound.path, inbound.query)


class ModelPages:
    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue

    def list_models(self, inbound: Inbound) -> Answer:
        shape = SHAPES[_asked_in(inbound)]
        return _or_fault(inbound, lambda: shape.page(list(self.models()), inbound.query))

    def single_model(self, inbound: Inbound) -> Answer:
        shape = SHAPES[_asked_in(inbound)]
        name = unquote(inbound.path.partition("/models/")[2]).removeprefix("models/")
        return _or_fault(inbound, lambda: shape.entry(self.find(name)))

    def models(self) -> Iterator[Model]:
        """Our own names first, then the default backend's, then the others'."""
        settings = self._settings
        for name, route in settings.routes.items():
            yield Model(name, "parley", f"{route.policy}: {', '.join(route.elements)}")
        for alias, target in settings.aliases.items():
            yield Model(alias, "parley", target)
        listed = self._catalogue.listed()
        for backend in sorted(listed, key=lambda backend: backend != settings.default_backend):
            yield from (Model(f"{backend}:{model}", backend) for model in listed[backend])

    def find(self, name: str) -> Model:
        """By any name it may be asked for, under which it is shown. Raises ParleyError (not found)."""
        known = {model.id: model for model in self.models()}
        if name in known:
            return known[name]
        listed = self._catalogue.listed()
        resolved = resolve(name, self._settings, listed)
        full = f"{resolved.backend}:{resolved.model}"
        if full not in known:
            near = nearest(name, self._settings, listed)
            meant = f" Did you mean {' or '.join(near)}?" if near else ""
            raise not_found(f"There is no model '{name}' here.{meant} GET /v1/models lists them.", "model")
        return Model(name, resolved.backend, full)


def _asked_in(inbound: Inbound) -> ProtocolName:
    """A model read at /models/ID is anyone's; only calls at that path are Gemini's alone."""
    path = f"/v1{inbound.path}" if inbound.path.startswith("/models") else inbound.path
    return asking_protocol(path, inbound.headers, inbound.query)


def _or_fault(inbound: Inbound, value: Callable[[], dict[str, Any]]) -> Answer:
    try:
        return json_answer(value())
    except ParleyError as error:
        return fault_answer(error.fault, CODECS[_asked_in(inbound)])


@dataclass(frozen=True, slots=True)
class Shape:
    """`page` takes all models and the query; it raises ParleyError for a query that cannot be met."""

    entry: Callable[[Model], dict[str, Any]]
    page: Callable[[Sequence[Model], Mapping[str, str]], dict[str, Any]]


def _openai_entry(model: Model) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/models"""
    return {"id": model.id, "object": "model", "created": 0, "owned_by": model.owner}


def _openai_page(models: Sequence[Model], query: Mapping[str, str]) -> dict[str, Any]:
    return {"object": "list", "data": [_openai_entry(model) for model in models]}


def _anthropic_entry(model: Model) -> dict[str, Any]:
    """https://docs.anthropic.com/en/api/models-list"""
    return {
        "type": "model",
        "id": model.id,
        "display_name": _title(model),
        "created_at": _EPOCH,
        "lifecycle": "active",
    }


def _anthropic_page(models: Sequence[Model], query: Mapping[str, str]) -> dict[str, Any]:
    limit = _size(query, "limit", 20)
    if "before_id" in query:
        end = _index(models, query, "before_id")
        start = max(0, end - limit)
        more = start > 0
    else:
        start = _index(models, query, "after_id") + 1 if "after_id" in query else 0
        end = start + limit
        more = end < len(models)
    chosen = models[start:end]
    return {
        "data": [_anthropic_entry(model) for model in chosen],
        "has_more": more,
        "first_id": chosen[0].id if chosen else None,
        "last_id": chosen[-1].id if chosen else None,
    }


def _gemini_entry(model: Model) -> dict[str, Any]:
    """https://ai.google.dev/api/models"""
    return {
        "name": f"models/{model.id}",
        "baseModelId": model.id,
        "version": "",
        "displayName": _title(model),
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def _gemini_page(models: Sequence[Model], query: Mapping[str, str]) -> dict[str, Any]:
    """The token of a page is the number of its first model."""
    size = _size(query, "pageSize", 50)
    token = query.get("pageToken") or "0"
    if not token.isdecimal() or int(token) > len(models):
        raise invalid("'pageToken' is not one that this list gave out; ask again without it.", "pageToken")
    end = int(token) + size
    page: dict[str, Any] = {"models": [_gemini_entry(model) for model in models[int(token) : end]]}
    return {**page, "nextPageToken": str(end)} if end < len(models) else page


def _title(model: Model) -> str:
    return f"{model.id} ({model.stands_for})" if model.stands_for else model.id


def _size(query: Mapping[str, str], name: str, default: int) -> int:
    """From 1 to 1000; more is cut back where the vendors do."""
    text = query.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise invalid(f"'{name}' must be a whole number from 1 to 1000.", name)
    return min(int(text), 1000)


def _index(models: Sequence[Model], query: Mapping[str, str], name: str) -> int:
    for index, model in enumerate(models):
        if model.id == query[name]:
            return index
    raise invalid(f"'{name}' names no model of this list.", name)


SHAPES: dict[ProtocolName, Shape] = {
    "openai_chat": Shape(_openai_entry, _openai_page),
    "openai_responses": Shape(_openai_entry, _openai_page),
    "anthropic": Shape(_anthropic_entry, _anthropic_page),
    "gemini": Shape(_gemini_entry, _gemini_page),
}
