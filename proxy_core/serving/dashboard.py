"""`/dashboard` and what its page asks for. A browser shows that it may by a cookie, a program by the client key."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from proxy_core.config.settings import Settings
from proxy_core.dashboard.access import cookie, cookie_header, is_key, is_proof, proof
from proxy_core.dashboard.backends import backends
from proxy_core.dashboard.feed import DashboardFeed
from proxy_core.dashboard.history import days_of, history
from proxy_core.dashboard.live import LiveBoard
from proxy_core.dashboard.page import dashboard_page, login_page
from proxy_core.errors import ParleyError
from proxy_core.exchange.answers import Answer, json_answer
from proxy_core.exchange.inbound import Inbound
from proxy_core.exchange.intake import check_client_key
from proxy_core.routing.catalogue import Catalogue
from proxy_core.routing.rests import Rests
from proxy_core.serving.pages import Page
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.store import UsageStore

PATH = "/dashboard"
LOGIN_PATH = f"{PATH}/login"
_WRONG = "That is not the client key."
_MAX_FORM = 4096


def pages(
    settings: Callable[[], Settings],
    board: LiveBoard,
    catalogue: Catalogue,
    rests: Rests,
    store: UsageStore,
    reader: UsageReader,
    clock: Callable[[], float] = time.time,
) -> tuple[Page, ...]:
    """`settings` are asked for at each request. `clock` counts seconds since 1970."""
    door = _Door(settings, clock)

    def sections() -> dict[str, Any]:
        return {
            "running": board.running(),
            "finished": board.finished(),
            "notable": board.notable(),
            "counts": {"live": board.live, "ended": board.ended},
            "backends": backends(settings(), catalogue, rests, clock()),
        }

    def events(inbound: Inbound) -> Answer:
        door.check(inbound)
        headers = [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store")]
        return Answer(200, headers, b"", DashboardFeed(sections, clock))

    def data(inbound: Inbound) -> Answer:
        door.check(inbound)
        days = days_of(inbound.query)
        if store.trouble is None:
            store.flush()
        answer = json_answer({"object": "dashboard", "data": history(reader, days)})
        answer.headers.append(("cache-control", "no-store"))
        return answer

    return (
        Page(PATH, door.page, needs_key=False),
        Page(f"{PATH}/events", events, needs_key=False),
        Page(f"{PATH}/data", data, needs_key=False, slow=True),
        Page(LOGIN_PATH, door.login, needs_key=False, methods=("POST",)),
        Page(f"{PATH}/logout", door.logout, needs_key=False, methods=("POST",)),
    )


class _Door:
    def __init__(self, settings: Callable[[], Settings], clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock

    def page(self, inbound: Inbound) -> Answer:
        key = self._key
        if key is None:
            return dashboard_page(has_logout=False)
        if self._has_cookie(inbound, key):
            return dashboard_page(has_logout=True)
        try:
            check_client_key(inbound, key)
        except ParleyError:
            return login_page()
        if "key" in inbound.query:
            return self._let_in(key)  # so that it does not stay in the address bar
        return dashboard_page(has_logout=False)

    def check(self, inbound: Inbound) -> None:
        """Raises ParleyError."""
        key = self._key
        if key is not None and not self._has_cookie(inbound, key):
            check_client_key(inbound, key)

    def login(self, inbound: Inbound) -> Answer:
        key = self._key
        form = parse_qs(inbound.body[:_MAX_FORM].decode("utf-8", "replace"))
        given = form.get("key", [""])[0].strip()
        if key is not None and not is_key(given, key):
            return login_page(_WRONG)
        return self._let_in(key)

    def logout(self, inbound: Inbound) -> Answer:
        return self._back(cookie_header(self._cookie_name, ""))

    def _let_in(self, key: str | None) -> Answer:
        return self._back(cookie_header(self._cookie_name, proof(key, self._clock()))) if key else self._back()

    def _back(self, *headers: tuple[str, str]) -> Answer:
        return Answer(303, [("location", PATH), ("cache-control", "no-store"), *headers], b"")

    def _has_cookie(self, inbound: Inbound, key: str) -> bool:
        return is_proof(cookie(inbound.headers, self._cookie_name), key, self._clock())

    @property
    def _key(self) -> str | None:
        settings = self._settings()
        return None if settings.auth_disabled else settings.client_key

    @property
    def _cookie_name(self) -> str:
        """Cookies are not told apart by port, but several proxies may run on one machine."""
        return f"parley_{self._settings().port}"
