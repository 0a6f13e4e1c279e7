from __future__ import annotations

import pytest

from proxy_core import __version__
from proxy_core.serving import greeting
from tests.serving.asking import ask, header, json_of, settings

PAGES = greeting.pages(settings())


@pytest.mark.parametrize("path", ["/", "/api/hello"])
def test_t57_claude_codes_greeting_is_answered_without_a_key_and_without_a_body(path: str) -> None:
    answer = ask(PAGES, path, "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert all(page.needs_key is False for page in PAGES)


def test_a_browser_gets_a_page_that_names_the_base_urls() -> None:
    answer = ask(PAGES, "/", accept="text/html,*/*;q=0.8", host="proxy.lan:8000")
    assert header(answer, "content-type").startswith("text/html")
    assert b"http://proxy.lan:8000/v1<" in answer.body
    assert __version__.encode() in answer.body


def test_a_program_gets_json_and_anyone_else_text() -> None:
    assert json_of(ask(PAGES, "/", accept="application/json"))["name"] == "parley"
    for headers in ({}, {"accept": "*/*"}):
        answer = ask(PAGES, "/", **headers)
        assert header(answer, "content-type").startswith("text/plain")
        assert answer.body.decode().startswith(f"Parley {__version__}.")


def test_a_host_header_cannot_put_anything_into_the_page() -> None:
    answer = ask(PAGES, "/", accept="text/html", host="<script>alert(1)</script>")
    assert b"<script" not in answer.body
    assert b"http://127.0.0.1:8000/v1<" in answer.body


def test_the_favicon_is_none() -> None:
    assert ask(PAGES, "/favicon.ico").status == 204
