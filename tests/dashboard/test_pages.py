"""The dashboard's pages: who gets them, and what they say of themselves."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from proxy_core.config.settings import Settings
from proxy_core.dashboard.live import LiveBoard
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.answers import Answer
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.routing.catalogue import Catalogue
from proxy_core.routing.rests import Rests
from proxy_core.serving import dashboard
from proxy_core.serving.pages import Page, Pages
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.store import UsageStore
from proxy_core.wire.json import loads
from tests.serving.asking import OPENAI, SECRET, settings
from tests.usage.making import file_in

KEY = "parley-client-key"
NOW = 1_790_000_000.0


class Site:
    """The pages over an empty database; `cookie` is what the browser was given."""

    def __init__(self, folder: Path, **fields: Any) -> None:
        self.settings: Settings = settings(OPENAI, **fields)
        self.rests = Rests(lambda: 100.0)
        self.now = NOW
        self.catalogue = Catalogue()
        self.catalogue.configure(self.settings)
        self.board = LiveBoard()
        place = file_in(folder)
        self.pages: tuple[Page, ...] = dashboard.pages(
            lambda: self.settings,
            self.board,
            self.catalogue,
            self.rests,
            UsageStore(place),
            UsageReader(place),
            lambda: self.now,
        )

    def ask(self, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        inbound = Inbound("base_url", method, target, HeaderMap(headers.items()), body)
        page = Pages(self.pages).find(inbound)
        assert page
        return page.answer(inbound)

    def log_in(self, key: str = KEY) -> Answer:
        return self.ask("/dashboard/login", "POST", f"key={quote(key)}".encode())

    def cookie(self) -> str:
        return dict(self.log_in().headers)["set-cookie"].split(";")[0]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def is_dashboard(answer: Answer) -> bool:
    return answer.status == 200 and b'id="requests"' in answer.body


def is_login(answer: Answer) -> bool:
    return answer.status == 401 and b'action="/dashboard/login"' in answer.body


def test_without_a_key_there_is_only_the_form(site: Site) -> None:
    assert is_login(site.ask("/dashboard"))
    for path in ("/dashboard/data", "/dashboard/events"):
        with pytest.raises(ParleyError) as caught:
            site.ask(path)
        assert caught.value.fault.kind is FaultKind.AUTHENTICATION


def test_the_key_lets_in_by_a_cookie_that_is_not_the_key(site: Site) -> None:
    answer = site.log_in()
    assert answer.status == 303
    assert dict(answer.headers)["location"] == "/dashboard"
    assert KEY not in str(answer.headers)
    cookie = site.cookie()
    assert is_dashboard(site.ask("/dashboard", cookie=cookie))
    assert site.ask("/dashboard/data", cookie=cookie).status == 200
    assert site.ask("/dashboard/events", cookie=cookie).feed


@pytest.mark.parametrize("given", ["", "wrong", "parley", "schlüssel", "<script>alert(1)</script>"])
def test_a_wrong_key_is_told_so_and_nothing_else(site: Site, given: str) -> None:
    answer = site.log_in(given)
    assert is_login(answer)
    assert "set-cookie" not in dict(answer.headers)
    assert answer.body == site.log_in("something else").body
    assert b"That is not the client key." in answer.body


def test_rubbish_instead_of_a_form(site: Site) -> None:
    for body in (b"", b"\xff\xfe", b"key", b"&" * 10_000, b"key=" + b"x" * 100_000):
        assert is_login(site.ask("/dashboard/login", "POST", body))


def test_the_cookie_ends_with_time_with_another_key_and_by_logging_out(site: Site) -> None:
    cookie = site.cookie()
    assert "Max-Age=0" in dict(site.ask("/dashboard/logout", "POST", cookie=cookie).headers)["set-cookie"]
    site.now += 13 * 3600
    assert is_login(site.ask("/dashboard", cookie=cookie))
    site.now = NOW
    site.settings = settings(OPENAI, client_key="a-new-client-key")
    assert is_login(site.ask("/dashboard", cookie=cookie))


def test_programs_use_the_key_itself(site: Site) -> None:
    assert is_dashboard(site.ask("/dashboard", authorization=f"Bearer {KEY}"))
    assert site.ask("/dashboard/data?days=1", authorization=f"Bearer {KEY}").status == 200


def test_a_key_in_the_address_does_not_stay_there(site: Site) -> None:
    answer = site.ask(f"/dashboard?key={KEY}")
    assert answer.status == 303
    assert dict(answer.headers)["location"] == "/dashboard"
    assert is_login(site.ask("/dashboard?key=wrong"))


def test_no_login_where_no_key_is_demanded(tmp_path: Path) -> None:
    site = Site(tmp_path, auth_disabled=True)
    answer = site.ask("/dashboard")
    assert is_dashboard(answer)
    assert re.search(rb'action="/dashboard/logout" hidden', answer.body)
    assert site.ask("/dashboard/events").feed
    assert site.log_in("whatever").status == 303


def test_the_policy_allows_the_page_its_own_script_and_nothing_else(site: Site) -> None:
    for answer in (site.ask("/dashboard"), site.ask("/dashboard", cookie=site.cookie())):
        headers = dict(answer.headers)
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert headers["cache-control"] == "no-store"
        for tag, rule in (("style", "style-src"), ("script", "script-src")):
            inline = re.findall(rf"<{tag}>(.*?)</{tag}>".encode(), answer.body, re.DOTALL)
            hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in inline]
            assert policy[rule] == (" ".join(hashes) or "'none'")
        assert not re.search(rb"""(src|href)=["'](https?:)?//""", answer.body)
        assert b"innerHTML" not in answer.body
        assert b"{{" not in answer.body


def test_head_gives_no_body_and_no_feed(site: Site) -> None:
    answer = site.ask("/dashboard/events", "HEAD", cookie=site.cookie())
    assert answer.body == b""
    assert answer.feed is None


def test_backends_show_their_keys_by_four_characters_and_until_when_they_rest(site: Site) -> None:
    site.rests.failed("openai", SECRET, "gpt", Fault(FaultKind.RATE_LIMIT, "slow down"), 30)
    feed = site.ask("/dashboard/events", cookie=site.cookie()).feed
    assert feed
    told = feed()
    assert told
    assert SECRET.encode() not in told
    [line] = [line for line in told.split(b"\n") if b'"reachable"' in line]
    openai = loads(line.removeprefix(b"data: "))[0]
    assert (openai["name"], openai["default"], openai["usable"]) == ("openai", True, True)
    assert [key["key"] for key in openai["keys"]] == [f"…{SECRET[-4:]}", "#2"]
    assert openai["keys"][0]["rests"] == [{"model": "gpt", "until": NOW + 30, "why": "rate_limit"}]
    assert openai["keys"][1]["rests"] == []
