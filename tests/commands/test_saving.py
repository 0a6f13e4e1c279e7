from __future__ import annotations

from typing import Any, cast

from proxy_core.commands.saving import store
from proxy_core.config.saved import Saved, SavedSettings
from proxy_core.config.settings import SavedRoute


class Notebook:
    """Stands in for SavedSettings and keeps what it is told."""

    def __init__(self, **routes: SavedRoute) -> None:
        self.kept = routes
        self.values: dict[str, Any] = {"command_prefix": "$/"}

    def routes(self) -> dict[str, SavedRoute]:
        return self.kept

    def set(self, name: str, value: Any) -> Saved:
        self.values[name] = value
        return Saved("addons.yaml", "LLM_BACKEND", shadowed=name == "default_backend")

    def unset(self, name: str) -> Saved:
        self.values.pop(name, None)
        return Saved("addons.yaml")

    def create_route(self, name: str, policy: str) -> None:
        assert name not in self.kept
        self.kept[name] = SavedRoute(cast(Any, policy))

    def delete_route(self, name: str) -> None:
        del self.kept[name]

    def clear(self, name: str) -> None:
        self.kept[name] = SavedRoute(self.kept[name].policy)

    def append(self, name: str, elements: tuple[str, ...]) -> None:
        self.kept[name] = SavedRoute(self.kept[name].policy, (*self.kept[name].elements, *elements))


def test_everything_is_stored_as_it_is_to_be():
    book = Notebook(gone=SavedRoute("k"), grown=SavedRoute("m", ("a:b",)), turned=SavedRoute("k", ("a:b",)))
    wanted = {
        "grown": SavedRoute("m", ("c:d", "a:b")),
        "turned": SavedRoute("mk", ("a:b",)),
        "fresh": SavedRoute("km"),
    }
    notes = store(
        cast(SavedSettings, book), {"default_backend": "gemini", "command_prefix": None}, {"gone": None, **wanted}
    )
    assert book.kept == wanted
    assert book.values == {"default_backend": "gemini"}
    assert notes == ["saved in addons.yaml, but LLM_BACKEND wins over it until it is removed"]
