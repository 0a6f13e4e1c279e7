"""What the proxy answers by itself on the base-URL listener, in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from proxy_core.exchange.answers import Answer
from proxy_core.exchange.inbound import Inbound


@dataclass(frozen=True, slots=True)
class Page:
    """`path` is matched whole, or as a prefix where it ends in "/*". HEAD is answered wherever GET is.

    `slow`: the answer takes more than a moment and is to be made in a thread.
    """

    path: str
    answer: Callable[[Inbound], Answer]
    needs_key: bool = True
    methods: tuple[str, ...] = ("GET", "HEAD")
    when: Callable[[Inbound], bool] = lambda inbound: True
    slow: bool = False

    def fits(self, inbound: Inbound) -> bool:
        if inbound.method not in self.methods or not self.when(inbound):
            return False
        if self.path.endswith("/*"):
            return inbound.path.startswith(self.path[:-1]) and len(inbound.path) > len(self.path) - 1
        return inbound.path == self.path


class Pages:
    def __init__(self, pages: tuple[Page, ...]) -> None:
        self._pages = pages

    def find(self, inbound: Inbound) -> Page | None:
        """The first page that fits. To HEAD it gives no body: one would be taken for the next answer's beginning."""
        page = next((page for page in self._pages if page.fits(inbound)), None)
        if page and inbound.method == "HEAD":
            return replace(page, answer=_bodiless(page.answer))
        return page


def _bodiless(answer: Callable[[Inbound], Answer]) -> Callable[[Inbound], Answer]:
    return lambda inbound: replace(answer(inbound), body=b"", feed=None)
