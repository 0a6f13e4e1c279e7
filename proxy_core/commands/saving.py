"""Changed settings and routes, written through what keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_core.config.saved import SavedSettings
from proxy_core.config.settings import SavedRoute


def store(saved: SavedSettings, settings: Mapping[Any, Any], routes: Mapping[str, SavedRoute | None]) -> list[str]:
    """What commands changed; None takes away. Returns what to tell: only where something else wins over the file."""
    results = [saved.unset(name) if value is None else saved.set(name, value) for name, value in settings.items()]
    for name, route in routes.items():
        _store_route(saved, name, route)
    return [result.note for result in results if result.shadowed]


def _store_route(saved: SavedSettings, name: str, route: SavedRoute | None) -> None:
    before = saved.routes().get(name)
    if before and (route is None or route.policy != before.policy):
        saved.delete_route(name)
        before = None
    if route is None:
        return
    if before is None:
        saved.create_route(name, route.policy)
    elif before.elements:
        saved.clear(name)
    if route.elements:
        saved.append(name, route.elements)
