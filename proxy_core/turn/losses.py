"""What could not be carried over into another protocol. Never silent: a response header and the flow say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

_HOLDERS = frozenset(
    {
        "generationConfig",
        "text",
        "image_url",
        "input_audio",
        "video_url",
        "file",
        "json_schema",
        "inlineData",
        "fileData",
    }
)
"""Objects whose other fields are modelled: it is what is left in them that is lost, not they."""


@dataclass(slots=True, frozen=True)
class Loss:
    """`path` names the field in the client's words (`tools[0].strict`); `why` is half a sentence."""

    path: str
    action: Literal["dropped", "changed"]
    why: str


@dataclass(slots=True)
class Losses:
    _items: dict[Loss, None] = field(default_factory=dict)

    @property
    def items(self) -> list[Loss]:
        return list(self._items)

    def drop(self, path: str, why: str) -> None:
        self._add(Loss(path, "dropped", why))

    def change(self, path: str, why: str) -> None:
        self._add(Loss(path, "changed", why))

    def _add(self, loss: Loss) -> None:
        self._items[loss] = None

    def drop_extra(self, path: str, extra: dict, target: str) -> None:
        """Report every origin-only field in `extra`, which `target` has no place for.

        A key with a leading underscore is a reader's note to its own writer (item ids, grouping), not content.
        """
        for key, value in extra.items():
            if key.startswith("_"):
                continue
            place = f"{path}.{key}" if path else key
            if key in _HOLDERS and isinstance(value, dict):
                self.drop_extra(place, value, target)
            else:
                self.drop(place, f"{target} has no such field")

    def reworded(self, name: Callable[[str], str]) -> Losses:
        """The same, each path put through `name`."""
        return Losses({replace(loss, path=name(loss.path)): None for loss in self._items})
