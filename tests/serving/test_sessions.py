from __future__ import annotations

import pytest

from proxy_core.errors import ParleyError
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.serving import sessions as serving
from proxy_core.serving.openapi import build, document
from proxy_core.serving.pages import Page, Pages
from proxy_core.sessions.store import Sessions
from tests.serving.asking import ask, json_of
from tests.sessions.asking import Client, Clock, chat, inbound

NOW = 1_790_000_000.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(clock)


@pytest.fixture
def pages(sessions: Sessions) -> tuple[Page, ...]:
    return serving.pages(sessions, lambda: NOW)


def test_what_is_told_of_a_session(sessions: Sessions, clock: Clock, pages: tuple[Page, ...]) -> None:
    session = sessions.of(inbound(x_session_id="mine"), chat("secret words"), "openai_chat")
    session.agent, session.settings.model, session.one_off = "codex", "demo:echo", "demo:slow"
    clock.now += 90
    Client(sessions).says("another")
    listed = json_of(ask(pages, "/v1/sessions"))
    assert listed["object"] == "list"
    assert listed["data"][1] == {
        "id": "mine",
        "object": "session",
        "agent": "codex",
        "settings": {"model": "demo:echo"},
        "one_off": "demo:slow",
        "requests": 1,
        "last_used": "2026-09-21T14:11:50+00:00",
        "idle": 90.0,
    }
    assert json_of(ask(pages, "/v1/sessions/mine")) == {**listed["data"][1], "context": None}
    assert b"words" not in ask(pages, "/v1/sessions").body


def test_a_session_is_ended(sessions: Sessions, pages: tuple[Page, ...]) -> None:
    sessions.of(inbound(x_session_id="a b/c"), chat("x"), "openai_chat")
    answer = ask(pages, "/v1/sessions/a%20b%2Fc", "DELETE")
    assert json_of(answer) == {"id": "a b/c", "object": "session", "deleted": True}
    assert json_of(ask(pages, "/v1/sessions"))["data"] == []
    with pytest.raises(ParleyError, match="no session 'a b/c'") as caught:
        ask(pages, "/v1/sessions/a%20b%2Fc", "DELETE")
    assert caught.value.fault.http_status == 404


def test_of_two_by_one_name_the_askers_own(sessions: Sessions, pages: tuple[Page, ...]) -> None:
    own = sessions.of(inbound("key-1", x_session_id="mine"), chat("x"), "openai_chat")
    other = sessions.of(inbound("key-2", x_session_id="mine"), chat("x"), "openai_chat")
    asked = Inbound("base_url", "DELETE", "/v1/sessions/mine", HeaderMap([("x-api-key", "key-1")]))
    page = Pages(pages).find(asked)
    assert page
    page.answer(asked)
    assert own not in sessions.all()
    assert other in sessions.all()


def test_they_need_the_key_and_are_described(pages: tuple[Page, ...]) -> None:
    assert all(page.needs_key for page in pages)
    paths = document(build(pages))["paths"]
    assert {path: set(methods) for path, methods in paths.items() if "session" in path} == {
        "/v1/sessions": {"get"},
        "/v1/sessions/{id}": {"get", "delete"},
    }
