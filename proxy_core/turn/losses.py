"""What could not be carried over into another protocol. Never silent: a response header and the flow say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


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
        for key in extra:
            if key.startswith("_"):
                continue
            self.drop(f"{path}.{key}" if path else key, f"{target} has no such field")
