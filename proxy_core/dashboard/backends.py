"""How the backends are: models known, down or not, and which keys rest for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_core.config.settings import Settings
from proxy_core.routing.catalogue import Catalogue
from proxy_core.routing.rests import Rests
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.serving.health import report


def backends(settings: Settings, catalogue: Catalogue, rests: Rests, now: float) -> list[dict[str, Any]]:
    """The default one first, then those that can be used. `now` is in seconds since 1970."""
    told = report(settings, catalogue)["backends"]
    rows = [
        {
            "name": name,
            "default": name == settings.default_backend,
            "usable": backend.usable,
            "protocol": backend.protocol,
            "reachable": not rests.is_open(name),
            "models": told[name]["models"]["count"],
            "status": told[name]["models"]["status"],
            "error": told[name]["models"]["error"],
            "keys": [
                {"key": _shown(backend, number), "rests": list(_rests(backend, number, rests, now))}
                for number in range(len(backend.keys))
            ],
        }
        for name, backend in settings.backends.items()
    ]
    return sorted(rows, key=lambda row: (not row["default"], not row["usable"]))


def _shown(backend: Backend, number: int) -> str:
    """The last four characters, or the key's place where it is too short to show any."""
    return Upstream(backend, "", backend.keys[number]).key_tail or f"#{number + 1}"


def _rests(backend: Backend, number: int, rests: Rests, now: float) -> Iterator[dict[str, Any]]:
    """`model` null means all. The moment is said in even seconds, so that two looks mostly agree on it."""
    for model, seconds, why in rests.states(backend.name, backend.keys[number]):
        yield {"model": model, "until": 2 * round((now + seconds) / 2), "why": str(why)}
