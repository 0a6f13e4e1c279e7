"""Lists of models and single ones, in the shape of whoever asks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_core.config.providers import DEMO_BACKEND
from proxy_core.config.settings import SavedRoute, Settings
from proxy_core.exchange.answers import Answer
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.routing.catalogue import BackendState, Catalogue
from proxy_core.routing.upstreams import Backend
from proxy_core.serving.models import pages
from proxy_core.serving.pages import Pages

OPENROUTER = Backend("openrouter", "openai_chat", "http://o.test/v1", ("k",), "openrouter")
ANTHROPIC = Backend("anthropic", "anthropic", "http://a.test/v1", ("k",), "anthropic")

NAMES = [
    "strong",
    "fast",
    "anthropic:claude-x",
    "openrouter:openai/gpt-5",
    "openrouter:meta/llama:free",
    *(f"demo:{name}" for name in DEMO_BACKEND.models),
]


@pytest.fixture
def served() -> Pages:
    settings = Settings(
        *("127.0.0.1", 8000, "127.0.0.1", 8080, "anthropic"),
        {"openrouter": OPENROUTER, "anthropic": ANTHROPIC, "demo": DEMO_BACKEND},
        "key",
        aliases={"fast": "anthropic:claude-x"},
        routes={"strong": SavedRoute("m", ("anthropic:claude-x", "openrouter:openai/gpt-5"))},
    )
    catalogue = Catalogue()
    catalogue.configure(settings)
    catalogue.state["openrouter"] = BackendState("ok", ("openai/gpt-5", "meta/llama:free"), 1.0)
    catalogue.state["anthropic"] = BackendState("ok", ("claude-x",), 1.0)
    return Pages(pages(settings, catalogue))


def _ask(served: Pages, target: str, **headers: str) -> Answer:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    inbound = Inbound("base_url", "GET", target, HeaderMap(pairs))
    page = served.find(inbound)
    assert page is not None
    assert page.needs_key
    return page.answer(inbound)


def _json(served: Pages, target: str, **headers: str) -> Any:
    answer = _ask(served, target, **headers)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models?client_version=0.1"])
def test_openais_list(served: Pages, path: str) -> None:
    page = _json(served, path, authorization="Bearer k")
    assert page["object"] == "list"
    assert [entry["id"] for entry in page["data"]] == NAMES
    assert {"id": "openrouter:openai/gpt-5", "object": "model", "created": 0, "owned_by": "openrouter"} in page["data"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/anthropic/v1/models", {}), ("/v1/models", {"anthropic_version": "2023-06-01", "x_api_key": "k"})],
)
def test_t57_anthropics_list(served: Pages, path: str, headers: dict[str, str]) -> None:
    page = _json(served, path, **headers)
    assert [entry["id"] for entry in page["data"]] == NAMES
    assert (page["has_more"], page["first_id"], page["last_id"]) == (False, NAMES[0], NAMES[-1])
    assert {entry["type"] for entry in page["data"]} == {"model"}


def test_anthropics_pages_forwards_and_backwards(served: Pages) -> None:
    first = _json(served, "/anthropic/v1/models?limit=3")
    second = _json(served, f"/anthropic/v1/models?limit=100&after_id={first['last_id']}")
    assert [entry["id"] for entry in (*first["data"], *second["data"])] == NAMES
    assert (first["has_more"], second["has_more"]) == (True, False)
    before = _json(served, f"/anthropic/v1/models?limit=2&before_id={NAMES[3]}")
    assert [entry["id"] for entry in before["data"]] == NAMES[1:3]
    assert before["has_more"]


@pytest.mark.parametrize(
    ("path", "headers"), [("/v1beta/models", {}), ("/v1/models", {"x_goog_api_key": "k"}), ("/models?key=k", {})]
)
def test_geminis_list(served: Pages, path: str, headers: dict[str, str]) -> None:
    page = _json(served, path, **headers)
    assert [entry["name"] for entry in page["models"]] == [f"models/{name}" for name in NAMES]
    assert "nextPageToken" not in page


def test_geminis_pages(served: Pages) -> None:
    names, token = [], ""
    for _ in range(len(NAMES)):
        page = _json(served, f"/v1beta/models?pageSize=4&pageToken={token}")
        names += [entry["name"].removeprefix("models/") for entry in page["models"]]
        token = page.get("nextPageToken")
        if token is None:
            break
    assert names == NAMES


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ("/anthropic/v1/models?limit=0", "limit"),
        ("/anthropic/v1/models?after_id=nope", "after_id"),
        ("/v1beta/models?pageSize=x", "pageSize"),
        ("/v1beta/models?pageToken=9999", "pageToken"),
    ],
)
def test_a_query_that_cannot_be_met_is_refused_by_name(served: Pages, target: str, field: str) -> None:
    answer = _ask(served, target)
    assert answer.status == 400
    assert field in json.loads(answer.body)["error"]["message"]


@pytest.mark.parametrize("name", ["openrouter:openai/gpt-5", "openrouter%3Aopenai%2Fgpt-5", "openai/gpt-5", "fast"])
def test_a_single_model_by_any_name_it_may_be_asked_for(served: Pages, name: str) -> None:
    decoded = name.replace("%3A", ":").replace("%2F", "/")
    assert _json(served, f"/v1/models/{name}")["id"] == decoded
    assert _json(served, f"/models/{name}", authorization="Bearer k")["id"] == decoded
    assert _json(served, f"/anthropic/v1/models/{name}")["id"] == decoded
    assert _json(served, f"/v1beta/models/{name}")["name"] == f"models/{decoded}"


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("/v1/models/anthropic:claude-y", ("error", "code")),
        ("/anthropic/v1/models/claude-y", ("error", "type")),
        ("/v1beta/models/claude-y", ("error", "status")),
    ],
)
def test_a_model_that_is_not_there_is_404_in_the_asking_protocol(served: Pages, target: str, place) -> None:
    answer = _ask(served, target)
    assert answer.status == 404
    error = json.loads(answer.body)[place[0]]
    assert place[1] in error
    assert "claude-y" in error["message"]


def test_names_that_are_no_backends_say_what_they_stand_for(served: Pages) -> None:
    page = _json(served, "/anthropic/v1/models")
    titles = {entry["id"]: entry["display_name"] for entry in page["data"]}
    assert titles["fast"] == "fast (anthropic:claude-x)"
    assert titles["strong"] == "strong (m: anthropic:claude-x, openrouter:openai/gpt-5)"
