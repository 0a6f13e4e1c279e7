"""Whose turn it is: the keys of a backend, the elements of a route."""

from __future__ import annotations

import itertools
from collections import defaultdict

from proxy_core.routing.plan import rotated
from proxy_core.routing.rests import Rests
from proxy_core.routing.upstreams import Backend


class KeyRing:
    """Hands out each backend's keys in rotation."""

    def __init__(self, rests: Rests) -> None:
        self._rests = rests
        self._turns: defaultdict[str, itertools.count[int]] = defaultdict(itertools.count)

    def turn(self, name: str) -> int:
        """How often `name` has been asked for before."""
        return next(self._turns[name])

    def in_turn(self, backend: Backend) -> tuple[str | None, ...]:
        """All keys of a backend, the one whose turn it is first; (None,) where none is needed."""
        if not backend.keys:
            return (None,)
        return rotated(backend.keys, self.turn(backend.name), lambda key: self._rests.headroom(backend.name, key))
