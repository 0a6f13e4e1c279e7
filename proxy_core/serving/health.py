"""`GET /health`: whether the proxy runs and what it knows of its backends. Needs no key, so it names no address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil
from typing import Any

from proxy_core import __version__
from proxy_core.config.settings import Settings
from proxy_core.exchange.answers import Answer, json_answer
from proxy_core.exchange.inbound import Inbound
from proxy_core.routing.catalogue import BackendState, Catalogue
from proxy_core.routing.rests import Rests
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.serving.pages import Page

_UNKNOWN = BackendState("waiting")


def pages(
    settings: Settings,
    catalogue: Catalogue,
    rests: Rests | None = None,
    sharing: Callable[[], dict[str, Any]] | None = None,
) -> tuple[Page, ...]:
    """`sharing` tells of the connection to what several proxies share, where there is one."""

    def health(inbound: Inbound) -> Answer:
        told = report(settings, catalogue, rests)
        if sharing:
            told["redis"] = sharing()
        answer = json_answer(told)
        answer.headers.append(("cache-control", "no-store"))
        return answer

    return (Page("/health", health, needs_key=False),)


def report(settings: Settings, catalogue: Catalogue, rests: Rests | None = None) -> dict[str, Any]:
    """`status` is "degraded" where the default backend cannot be used or did not answer when last asked."""
    default = catalogue.state.get(settings.default_backend, _UNKNOWN)
    return {
        "status": "degraded" if default.status in ("failing", "unusable") else "ok",
        "version": __version__,
        "default_backend": settings.default_backend,
        "backends": {
            name: {
                **_backend(backend, catalogue.state.get(name, _UNKNOWN), settings.secrets),
                **(_attempts(backend, rests) if rests else {}),
            }
            for name, backend in settings.backends.items()
        },
    }


def _backend(backend: Backend, state: BackendState, secrets: frozenset[str]) -> dict[str, Any]:
    """`models.count` is null where nobody knows."""
    known = bool(state.models) or state.status == "ok"
    models = {
        "status": state.status,
        "count": len(state.models) if known else None,
        "fetched_at": _moment(state.fetched_at),
        "error": _without(secrets, state.error),
    }
    return {
        "configured": backend.usable,
        "protocol": backend.protocol,
        "keys": len(backend.keys),
        "credentials": backend.credentials,
        "models": models,
    }


def _attempts(backend: Backend, rests: Rests) -> dict[str, Any]:
    """`reachable` is false while the backend is passed over but for probes."""
    return {
        "reachable": not rests.is_open(backend.name),
        "key_states": [key_state(backend, number, rests) for number in range(len(backend.keys))],
    }


def key_state(backend: Backend, number: int, rests: Rests) -> dict[str, Any]:
    """For people: a key by its last four characters, or its place where it is too short to show any. `model` null
    means all models; seconds are rounded up."""
    key = backend.keys[number]
    resting = [
        {"model": model, "seconds": ceil(seconds), "reason": str(why)}
        for model, seconds, why in rests.states(backend.name, key)
    ]
    name = Upstream(backend, "", key).key_tail or f"#{number + 1}"
    return {"key": name, "state": "resting" if resting else "ready", "rests": resting}


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _without(secrets: frozenset[str], text: str | None) -> str | None:
    """An error may quote what it was given."""
    if text is None:
        return None
    for secret in secrets:
        text = text.replace(secret, "***")
    return text[:300]
