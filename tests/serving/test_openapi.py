from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from proxy_core.exchange.answers import text_answer
from proxy_core.protocols import recognise
from proxy_core.routing.catalogue import Catalogue
from proxy_core.serving import greeting, health, models, openapi
from proxy_core.serving.endpoints import ENDPOINTS, Endpoint
from proxy_core.serving.pages import Page
from tests.serving.asking import ask, header, json_of, settings

GIVEN = settings()
SERVED = (
    *greeting.pages(GIVEN),
    *health.pages(GIVEN, Catalogue()),
    *models.pages(GIVEN, Catalogue()),
)
OWN = openapi.pages(SERVED)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json_of(ask(OWN, "/openapi.json"))


def page(path: str, **fields: Any) -> Page:
    return Page(path, lambda inbound: text_answer(path), **fields)


def paths(*pages: Page) -> set[str]:
    return set(openapi.document(openapi.build(pages))["paths"])


def test_every_page_is_described(document: dict[str, Any]) -> None:
    for served in (*SERVED, *OWN):
        path = served.path.replace("/*", "/{model}")
        assert path in document["paths"] or path == "/favicon.ico"
    summaries = [operation["summary"] for item in document["paths"].values() for operation in item.values()]
    assert not [summary for summary in summaries if summary.startswith("/")]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_a_call_is_described_just_when_it_is_recognised(endpoint: Endpoint, document: dict[str, Any]) -> None:
    for path in (endpoint.path, *endpoint.also):
        call = recognise(endpoint.method, path.replace("{model}", "m"), {})
        described = endpoint.method.lower() in document["paths"].get(path, {})
        assert described or call is None
        if endpoint.method == "POST":
            assert described == (call is not None)


def test_what_is_not_there_yet_is_not_described() -> None:
    later = {"/metrics", "/dashboard", "/usage/stats", "/v1/sessions"}
    assert not later & paths(page("/health"))
    assert later <= paths(*map(page, later))


def test_a_page_without_a_row_is_named_all_the_same() -> None:
    assert "/surprise" in paths(page("/surprise"))
    assert "/favicon.ico" not in paths(page("/favicon.ico"))


def test_another_path_of_an_endpoint_takes_its_place_where_the_first_is_not_there() -> None:
    assert {"/models"} == {path for path in paths(page("/models")) if path.endswith("models")}


def test_the_document_is_whole(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert {operation["tags"][0] for operation in operations} <= {tag["name"] for tag in document["tags"]}
    schemes = document["components"]["securitySchemes"]
    assert [list(entry) for entry in document["security"]] == [[name] for name in schemes]
    for path, item in document["paths"].items():
        for operation in item.values():
            placed = {entry["name"] for entry in operation["parameters"] if entry["in"] == "path"}
            assert placed == set(re.findall(r"\{(\w+)\}", path))
            assert "200" in operation["responses"]


def test_keys_are_demanded_where_the_pages_say_so(document: dict[str, Any]) -> None:
    assert document["paths"]["/health"]["get"]["security"] == []
    assert "security" not in document["paths"]["/v1/models"]["get"]
    assert "security" not in document["paths"]["/v1/chat/completions"]["post"]


def test_calls_say_what_must_be_in_the_body_and_that_they_stream(document: dict[str, Any]) -> None:
    call = document["paths"]["/v1/messages"]["post"]
    assert call["requestBody"]["content"]["application/json"]["schema"]["required"] == [
        "model",
        "max_tokens",
        "messages",
    ]
    assert set(call["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.example], ids=lambda endpoint: endpoint.path)
def test_examples_have_the_required_fields(endpoint: Endpoint) -> None:
    assert endpoint.example
    assert set(endpoint.required) <= set(endpoint.example)


class Looking(HTMLParser):
    """What a page has, and whether every element that was opened is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def look(body: bytes) -> Looking:
    looking = Looking()
    looking.feed(body.decode())
    looking.close()
    assert looking.open == []
    return looking


def test_the_page_shows_every_endpoint_and_asks_for_nothing_from_elsewhere(document: dict[str, Any]) -> None:
    answer = ask(OWN, "/docs")
    page = look(answer.body)
    shown = {word for word in page.words if word.startswith("/")}
    assert set(document["paths"]) <= shown
    assert {tag for tag, _ in page.seen}.isdisjoint({"script", "link", "img", "iframe", "object"})
    assert not [name for tag, attrs in page.seen for name in attrs if name in ("src", "style") or name.startswith("on")]
    assert b"@import" not in answer.body
    assert b"url(" not in answer.body
    assert header(answer, "content-security-policy").startswith("default-src 'none'")


def test_the_page_suits_phones_and_the_dark(document: dict[str, Any]) -> None:
    answer = ask(OWN, "/docs")
    metas = [attrs for tag, attrs in look(answer.body).seen if tag == "meta"]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in metas
    assert b"prefers-color-scheme: dark" in answer.body


def test_text_of_the_table_cannot_become_markup() -> None:
    body = ask(openapi.pages([page("/<b>bold</b>")]), "/docs").body
    assert b"<b>" not in body
    assert b"/&lt;b&gt;bold" in body
    look(ask(greeting.pages(GIVEN), "/", accept="text/html").body)
