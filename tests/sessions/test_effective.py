from __future__ import annotations

import pytest

from proxy_core.pipeline.wishes import Wishes
from proxy_core.sessions.effective import effective
from proxy_core.sessions.session import Session, SessionSettings
from tests.serving.asking import settings


def session(one_off: str | None = None, **fields) -> Session:
    return Session("s", "o", 0, 0, SessionSettings(**fields), one_off)


def test_what_is_configured_holds_where_nothing_is_set() -> None:
    found = effective(settings(interactive=False, redact=False, command_prefix="$/"), session())
    assert (found.interactive, found.redact, found.command_prefix) == (False, False, "$/")
    assert (found.model, found.backend, found.wishes) == (None, None, Wishes())
    assert found.loop_detection


def test_the_session_comes_before_it() -> None:
    own = session(
        interactive=True, redact=True, loop_detection=False, temperature=0.0, project="p", openai_url="http://x"
    )
    found = effective(settings(interactive=False, redact=False), own)
    assert (found.interactive, found.redact, found.loop_detection, found.tool_loop_detection) == (
        True,
        True,
        False,
        True,
    )
    assert (found.wishes, found.project, found.openai_url) == (Wishes(temperature=0.0), "p", "http://x")


def test_one_off_before_the_session_and_the_request_before_both() -> None:
    own = session("demo:busy", model="demo:echo", backend="gemini", reasoning_effort="high")
    found = effective(settings(), own)
    assert (found.model, found.backend, found.one_off) == ("demo:busy", None, True)
    found = effective(settings(), own, SessionSettings(model="demo:slow", thinking_budget=5))
    assert (found.model, found.one_off) == ("demo:slow", False)
    assert found.wishes == Wishes(thinking_budget=5), "effort and budget are two words for one thing"


def test_a_one_off_is_for_one_request() -> None:
    own = session("demo:busy", model="demo:echo")
    assert own.take_one_off() == "demo:busy"
    assert (own.take_one_off(), effective(settings(), own).model) == (None, "demo:echo")
    own.give_back("demo:busy")
    assert own.one_off == "demo:busy"
    own.give_back("demo:slow")
    assert own.one_off == "demo:busy"


@pytest.mark.parametrize(
    ("own", "asked", "name"),
    [
        ({}, "gpt-5", "gpt-5"),
        ({"model": "demo:echo"}, "openai:gpt-5", "demo:echo"),
        ({"backend": "gemini"}, "gpt-5", "gemini:gpt-5"),
        ({"backend": "gemini"}, "openai:gpt-5", "gemini:gpt-5"),
        ({"backend": "gemini"}, "qwen:8b", "gemini:qwen:8b"),
        ({"backend": "gemini", "model": "flash"}, "openai:gpt-5", "gemini:flash"),
        ({"backend": "gemini", "model": "demo:echo"}, "openai:gpt-5", "demo:echo"),
        ({"backend": "gemini"}, "route", "route"),
    ],
)
def test_the_name_to_be_routed(own: dict[str, str], asked: str, name: str) -> None:
    assert effective(settings(), session(**own)).model_for(asked, {"openai", "gemini", "demo"}, {"route"}) == name
