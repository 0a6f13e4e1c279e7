from __future__ import annotations

from proxy_core.exchange.answers import Answer, text_answer
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.serving.pages import Page, Pages


def asked(method: str, target: str, **headers: str) -> Inbound:
    return Inbound("base_url", method, target, HeaderMap(headers.items()))


def named(name: str) -> Answer:
    return text_answer(name)


PAGES = Pages(
    (
        Page("/special", lambda _: named("when"), when=lambda inbound: "x-special" in inbound.headers),
        Page("/special", lambda _: named("else")),
        Page("/models/*", lambda _: named("one")),
        Page("/write", lambda _: named("write"), methods=("POST",)),
    )
)


def found(method: str, target: str, **headers: str) -> bytes | None:
    inbound = asked(method, target, **headers)
    page = PAGES.find(inbound)
    return page.answer(inbound).body if page else None


def test_the_first_page_that_fits_answers() -> None:
    assert found("GET", "/special?query=1") == b"else"
    assert found("GET", "/special", **{"X-Special": "1"}) == b"when"


def test_a_star_stands_for_at_least_one_character() -> None:
    assert found("GET", "/models/a/b:c") == b"one"
    assert found("GET", "/models/") is None
    assert found("GET", "/models") is None


def test_only_the_pages_own_methods_fit() -> None:
    assert found("POST", "/special") is None
    assert found("GET", "/write") is None
    assert found("POST", "/write") == b"write"


def test_head_is_answered_like_get_but_without_a_body() -> None:
    inbound = asked("HEAD", "/special")
    page = PAGES.find(inbound)
    assert page
    answer = page.answer(inbound)
    assert (answer.status, answer.headers, answer.body) == (200, named("").headers, b"")


def test_a_slash_too_many_makes_no_difference() -> None:
    assert found("GET", "/special/?query=1") == b"else"
    assert found("HEAD", "/special/") == b""
    assert found("POST", "/write/") == b"write"
    assert found("GET", "/nothing/") is None


def test_the_methods_of_a_path() -> None:
    assert PAGES.methods_at("/write") == ("POST",)
    assert PAGES.methods_at("/models/x") == ("GET", "HEAD")
    assert PAGES.methods_at("/nothing") == ()
