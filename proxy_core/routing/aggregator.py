"""An aggregator's list of models (MODEL_LIST_URL): each has an address, a protocol and a price of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from proxy_core.errors import not_found
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import ProtocolName

AGGREGATOR = "aggregator"
"""The name of the backend that stands for the list."""

_NOWHERE = ("", "unavailable")
"""Handles of models that are known, but not served."""
_HANDLES: tuple[tuple[re.Pattern[str], ProtocolName], ...] = (
    (re.compile(r"(?P<base>.*)/chat/completions/?"), "openai_chat"),
    (re.compile(r"(?P<base>.*)/responses/?"), "openai_responses"),
    (re.compile(r"(?P<base>.*)/messages/?"), "anthropic"),
    (re.compile(r"(?P<base>.*)/models/(?P<model>[^/]+):(generate|streamGenerate)Content/?"), "gemini"),
    (re.compile(r"(?P<base>.*/v2)/chat/?"), "cohere"),
    (re.compile(r"(?P<base>.*)/(images/generations|embeddings|completions)/?"), "openai_chat"),
)
"""An endpoint at the end says which protocol is spoken, and what stands before it is the base URL."""
_VERSIONED = re.compile(r".*/v\d+(alpha|beta)?\d*/?")

_COHERES_WAY = re.compile(r".*/cohere(/.*)?")
"""A handle that speaks of Cohere without naming an endpoint that we know."""
_COHERES_PAST = re.compile(r".*/v1(/chat)?/?")
"""The older Chat API (`message`, `chat_history`, `preamble`): https://docs.cohere.com/docs/migrating-v1-to-v2"""

_FAMILIES: tuple[tuple[re.Pattern[str], ProtocolName, str], ...] = (
    (re.compile("claude|anthropic"), "anthropic", "anthropic"),
    (re.compile("gemini|google"), "gemini", "gemini"),
    (re.compile("cohere|command"), "cohere", "cohere"),
    (re.compile(r"gpt|openai|chatgpt|dall-e|\bo\d\b"), "openai_chat", "openai"),
    (re.compile("deepseek"), "openai_chat", "deepseek"),
    (re.compile("mistral|codestral"), "openai_chat", "mistral"),
    (re.compile("qwen"), "openai_chat", "qwen"),
    (re.compile("grok|xai"), "openai_chat", "xai"),
    (re.compile(""), "openai_chat", "default"),
)
"""What a family's or model's name says, where the handle does not: protocol and dialect."""
_DIALECTS: dict[ProtocolName, str] = {"anthropic": "anthropic", "gemini": "gemini", "cohere": "cohere"}


@dataclass(frozen=True, slots=True)
class Price:
    """Per thousand tokens, in the aggregator's currency."""

    prompt: float | None
    completion: float | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model is served. `protocol` is None where it speaks one that we do not. `url` replaces base URL and
    path where the handle is no endpoint that we know."""

    model: str
    protocol: ProtocolName | None
    dialect: str
    base_url: str
    url: str | None
    price: Price


def backend(list_url: str, token: str | None) -> Backend:
    headers = {"Authorization": f"OAuth {token}"} if token else {}
    origin = _origin(list_url)
    return Backend(
        AGGREGATOR, "openai_chat", origin, dialect="default", headers=headers, key_optional=True, envelope="response"
    )


def read_places(answer: Any, list_url: str) -> dict[str, Place]:
    """By `model_version`; entries that cannot be read are left out. Raises ValueError when it is no list at all."""
    entries = answer.get("models") if isinstance(answer, dict) else answer
    if not isinstance(entries, list):
        raise ValueError("is no list of models.")
    return dict(_places(entries, _origin(list_url)))


def upstream_at(place: Place, backend: Backend) -> Upstream:
    """Raises ParleyError where the model speaks a protocol that we do not."""
    if place.protocol is None:
        raise not_found(
            f"Model '{place.model}' is served by Cohere's Chat API v1, which Parley does not speak. Have the model "
            "list name '…/v2/chat', or configure a backend with 'protocol: cohere' in addons.yaml.",
            "model",
        )
    at = replace(backend, protocol=place.protocol, dialect=place.dialect, base_url=place.base_url)
    return Upstream(at, place.model, url=place.url)


def _places(entries: list[Any], origin: str) -> Iterator[tuple[str, Place]]:
    for entry in entries:
        match entry:
            case {"model_version": str() as model, "handle": str() as handle} if model and handle not in _NOWHERE:
                address = urljoin(f"{origin}/", handle)
                if _origin(address) == origin:  # the token is for that host alone
                    yield model, _place(model, address, entry)


def _place(model: str, address: str, entry: Mapping[str, Any]) -> Place:
    named = f"{entry.get('model_family') or ''} {model}".lower()
    _, protocol, dialect = next(row for row in _FAMILIES if row[0].search(named))
    price = Price(_number(entry.get("prompt_price_1k")), _number(entry.get("completion_price_1k")))
    for pattern, spoken in _HANDLES:
        if found := pattern.fullmatch(address):
            dialect = dialect if spoken == protocol else _DIALECTS.get(spoken, "default")
            return Place(found.groupdict().get("model") or model, spoken, dialect, found["base"], None, price)
    if _COHERES_WAY.fullmatch(urlsplit(address).path):
        protocol, dialect = "cohere", "cohere"
    if protocol == "cohere" and _COHERES_PAST.fullmatch(address):
        return Place(model, None, dialect, address, None, price)
    url = None if _VERSIONED.fullmatch(address) else address
    return Place(model, protocol, dialect, address.rstrip("/"), url, price)


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
