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
        return inbound.method in self.methods and self.is_at(inbound.path) and self.when(inbound)

    def is_at(self, path: str) -> bool:
        if self.path.endswith("/*"):
            return path.startswith(self.path[:-1]) and len(path) > len(self.path) - 1
        return path == self.path


class Pages:
    def __init__(self, pages: tuple[Page, ...]) -> None:
        self._pages = pages

    def find(self, inbound: Inbound) -> Page | None:
        """The first page that fits, also with a slash too many. To HEAD it gives no body: one would be taken for the
        next answer's beginning."""
        page = next((page for page in self._pages if page.fits(inbound)), None) or self._behind_slash(inbound)
        if page and inbound.method == "HEAD":
            return replace(page, answer=_bodiless(page.answer))
        return page

    def _behind_slash(self, inbound: Inbound) -> Page | None:
        if not inbound.path.endswith("/") or inbound.path == "/":
            return None
        path, mark, query = inbound.target.partition("?")
        meant = replace(inbound, target=f"{path.rstrip('/')}{mark}{query}")
        page = next((page for page in self._pages if page.fits(meant)), None)
        return replace(page, answer=lambda _: page.answer(meant)) if page else None

    def methods_at(self, path: str) -> tuple[str, ...]:
        """What can be asked of a path; empty where there is no page."""
        return tuple(dict.fromkeys(method for page in self._pages if page.is_at(path) for method in page.methods))


def _bodiless(answer: Callable[[Inbound], Answer]) -> Callable[[Inbound], Answer]:
    return lambda inbound: replace(answer(inbound), body=b"", feed=None)
