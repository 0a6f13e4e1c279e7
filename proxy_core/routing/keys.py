"""Which of a backend's keys an attempt uses."""

from __future__ import annotations

import itertools
from collections import defaultdict

from proxy_core.routing.upstreams import Backend


class KeyRing:
    """Hands out each backend's keys in rotation."""

    def __init__(self) -> None:
        self._turns: defaultdict[str, itertools.count[int]] = defaultdict(itertools.count)

    def next_key(self, backend: Backend) -> str | None:
        """None for a backend that needs no key of ours."""
        if not backend.keys:
            return None
        return backend.keys[next(self._turns[backend.name]) % len(backend.keys)]
