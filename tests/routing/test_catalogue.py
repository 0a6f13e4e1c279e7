from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from proxy_core.config.providers import DEMO_BACKEND
from proxy_core.config.settings import Settings
from proxy_core.errors import FaultKind, ParleyError
from proxy_core.routing import aggregator
from proxy_core.routing.catalogue import Catalogue
from proxy_core.routing.upstreams import Backend, Upstream

OPENAI = Backend("openai", "openai_chat", "http://openai.test/v1", ("sk-1", "sk-2"), "openai")
ANTHROPIC = Backend("anthropic", "anthropic", "http://anthropic.test/v1", ("ak",), "anthropic")
GEMINI = Backend("gemini", "gemini", "http://gemini.test/v1beta", ("gk",), "gemini")
LIST_URL = "https://list.test/api/v2/models"
AGGREGATOR = aggregator.backend(LIST_URL, "tok")

type Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


class Vendors:
    """Answers by host; keeps every request."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers[request.url.host.partition(".")[0]]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return cast(httpx.Response, answer(request))
        return httpx.Response(200, json=answer)


def _settings(*backends: Backend, **more: Any) -> Settings:
    table = {backend.name: backend for backend in (*backends, DEMO_BACKEND)}
    return Settings("127.0.0.1", 8000, "127.0.0.1", 8080, backends[0].name if backends else "demo", table, "k", **more)


async def _no_sleep(seconds: float) -> None:
    return None


def _catalogue(vendors: Vendors, settings: Settings) -> Catalogue:
    catalogue = Catalogue(httpx.MockTransport(vendors), clock=lambda: 1000.0, sleep=_no_sleep)
    catalogue.configure(settings)
    return catalogue


def _ids(*names: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}


def test_coheres_models_are_listed_beside_its_chat() -> None:
    pages = {
        None: {"models": [{"name": "command-a", "endpoints": ["chat"]}, {"name": "rr", "endpoints": ["rerank"]}]},
        "2": {"models": [{"name": "command-r"}], "next_page_token": ""},
    }
    pages[None]["next_page_token"] = "2"
    vendors = Vendors(cohere=lambda asked: httpx.Response(200, json=pages[asked.url.params.get("page_token")]))
    backend = Backend("cohere", "cohere", "http://cohere.test/v2", ("ck",), "cohere")
    catalogue = _catalogue(vendors, _settings(backend))
    asyncio.run(catalogue.refresh())
    assert catalogue.listed()["cohere"] == ("command-a", "command-r")
    [first, _] = vendors.requests
    assert (first.url.path, first.url.params["endpoint"]) == ("/v1/models", "chat")
    assert first.headers["authorization"] == "Bearer ck"


def test_every_backend_is_asked_in_its_own_protocol() -> None:
    gemini = {"models": [{"name": "models/g-1"}, {"name": "models/e-1", "supportedGenerationMethods": ["embedText"]}]}
    vendors = Vendors(openai=_ids("o-1", "o-2", "o-1"), anthropic=_ids("a-1"), gemini=gemini)
    catalogue = _catalogue(vendors, _settings(OPENAI, ANTHROPIC, GEMINI))
    asyncio.run(catalogue.refresh())
    assert catalogue.listed() == {
        "openai": ("o-1", "o-2"),
        "anthropic": ("a-1",),
        "gemini": ("g-1",),
        "demo": DEMO_BACKEND.models,
    }
    sent = {request.url.host: request for request in vendors.requests}
    assert sent["openai.test"].headers["authorization"] == "Bearer sk-1"
    assert sent["anthropic.test"].headers["x-api-key"] == "ak"
    assert sent["anthropic.test"].headers["anthropic-version"] == "2023-06-01"
    assert sent["gemini.test"].headers["x-goog-api-key"] == "gk"
    assert "gk" not in str(sent["gemini.test"].url)
    assert catalogue.state["openai"].fetched_at == 1000.0


def test_all_pages_are_read() -> None:
    def anthropic(request: httpx.Request) -> httpx.Response:
        first = "after_id" not in request.url.params
        page = _ids("a-1" if first else "a-2") | {"has_more": first, "last_id": "a-1" if first else "a-2"}
        return httpx.Response(200, json=page)

    def gemini(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("pageToken") == "t":
            return httpx.Response(200, json={"models": [{"name": "models/g-2"}]})
        return httpx.Response(200, json={"models": [{"name": "models/g-1"}], "nextPageToken": "t"})

    catalogue = _catalogue(Vendors(anthropic=anthropic, gemini=gemini), _settings(ANTHROPIC, GEMINI))
    asyncio.run(catalogue.refresh())
    assert catalogue.listed()["anthropic"] == ("a-1", "a-2")
    assert catalogue.listed()["gemini"] == ("g-1", "g-2")


def test_a_bare_array_is_a_list_too() -> None:
    catalogue = _catalogue(Vendors(openai=[{"id": "t-1"}]), _settings(OPENAI))
    asyncio.run(catalogue.refresh())
    assert catalogue.listed()["openai"] == ("t-1",)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.ConnectError("refused sk-1"), "ConnectError"),
        (lambda request: httpx.Response(500, text="sk-1"), "HTTP 500"),
        (lambda request: httpx.Response(401, text="sk-1"), "HTTP 401"),
        (lambda request: httpx.Response(200, text="<html>"), "Expecting value"),
        (lambda request: httpx.Response(200, json={"data": ["x"]}), "no list"),
    ],
)
def test_the_last_good_list_is_kept_while_a_backend_is_down(answer: Answer, reason: str) -> None:
    vendors = Vendors(openai=_ids("o-1"))
    catalogue = _catalogue(vendors, _settings(OPENAI))
    asyncio.run(catalogue.refresh())
    vendors.answers["openai"] = answer
    asyncio.run(catalogue.refresh())
    state = catalogue.state["openai"]
    assert (state.status, state.models, state.fetched_at) == ("failing", ("o-1",), 1000.0)
    assert reason in str(state.error)
    assert "sk-1" not in str(state.error)


def test_one_backend_that_is_down_does_not_keep_the_others_from_being_listed() -> None:
    vendors = Vendors(openai=httpx.ReadTimeout("slow"), anthropic=_ids("a-1"))
    catalogue = _catalogue(vendors, _settings(OPENAI, ANTHROPIC))
    asyncio.run(catalogue.refresh())
    assert "openai" not in catalogue.listed()
    assert catalogue.listed()["anthropic"] == ("a-1",)


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (429, 3), (401, 1), (404, 1)])
def test_only_what_may_pass_is_tried_again(status: int, tries: int) -> None:
    vendors = Vendors(openai=lambda request: httpx.Response(status))
    asyncio.run(_catalogue(vendors, _settings(OPENAI)).refresh())
    assert len(vendors.requests) == tries


def test_a_passing_failure_is_not_seen() -> None:
    answers = iter([httpx.Response(502), httpx.Response(200, json=_ids("o-1"))])
    catalogue = _catalogue(Vendors(openai=lambda request: next(answers)), _settings(OPENAI))
    asyncio.run(catalogue.refresh())
    assert catalogue.state["openai"].status == "ok"


def test_backends_that_cannot_be_asked_are_not() -> None:
    clients = Backend("mine", "openai_chat", "http://mine.test/v1", credentials="client", model="forced")
    keyless = Backend("groq", "openai_chat", "http://groq.test/v1", models=("never",))
    vendors = Vendors()
    catalogue = _catalogue(vendors, _settings(clients, keyless))
    asyncio.run(catalogue.refresh())
    assert vendors.requests == []
    assert catalogue.listed() == {"mine": ("forced",), "demo": DEMO_BACKEND.models}
    assert {name: state.status for name, state in catalogue.state.items()} == {
        "mine": "static",
        "groq": "unusable",
        "demo": "static",
    }


def test_configured_models_count_where_the_backend_does_not_say() -> None:
    backend = Backend("x", "openai_chat", "http://x.test/v1", ("k",), models=("m-1",))
    vendors = Vendors(x=lambda request: httpx.Response(404))
    catalogue = _catalogue(vendors, _settings(backend))
    assert catalogue.listed()["x"] == ("m-1",)
    asyncio.run(catalogue.refresh())
    assert catalogue.listed()["x"] == ("m-1",)


def test_configured_models_count_where_the_backends_list_is_empty() -> None:
    backend = Backend("x", "openai_chat", "http://x.test/v1", ("k",), models=("m-1",))
    catalogue = _catalogue(Vendors(x=_ids()), _settings(backend))
    asyncio.run(catalogue.refresh())
    assert catalogue.state["x"].status == "ok"
    assert catalogue.listed()["x"] == ("m-1",)


def test_a_change_of_settings_keeps_the_lists_of_what_stays_the_same() -> None:
    vendors = Vendors(openai=_ids("o-1"), anthropic=_ids("a-1"))
    catalogue = _catalogue(vendors, _settings(OPENAI, ANTHROPIC))
    asyncio.run(catalogue.refresh())
    moved = Backend("anthropic", "anthropic", "http://other.test/v1", ("ak",), "anthropic")
    catalogue.configure(_settings(OPENAI, moved))
    assert catalogue.listed()["openai"] == ("o-1",)
    assert "anthropic" not in catalogue.listed()


def test_run_asks_at_once_and_again_when_wanted() -> None:
    async def scenario() -> None:
        asked = [asyncio.Event(), asyncio.Event()]

        def openai(request: httpx.Request) -> httpx.Response:
            asked[len(vendors.requests) - 1].set()
            return httpx.Response(200, json=_ids("o-1"))

        vendors = Vendors(openai=openai)
        catalogue = _catalogue(vendors, _settings(OPENAI))
        task = asyncio.create_task(catalogue.run())
        async with asyncio.timeout(5):
            await asked[0].wait()
            catalogue.want_refresh()
            await asked[1].wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


ENTRIES = [
    {"model_version": "gpt-4o", "model_family": "GPT", "handle": "/openai/v1/chat/completions", "prompt_price_1k": 0.5},
    {"model_version": "claude-x", "model_family": "Claude", "handle": "/anthropic/v1/messages"},
    {"model_version": "gem", "model_family": "Gemini", "handle": "/google/v1beta/models/gemini-pro:generateContent"},
    {"model_version": "dall-e-3", "model_family": "DALL-E", "handle": "/openai/v1/images/generations"},
    {"model_version": "odd", "model_family": "Claude", "handle": "/raw/claude"},
    {"model_version": "plain", "model_family": "YandexGPT", "handle": "internal/v1", "completion_price_1k": "1.5"},
    {"model_version": "cmd", "model_family": "Cohere", "handle": "/cohere/v2/chat"},
    {"model_version": "cmd-raw", "model_family": "Cohere", "handle": "/raw/command-a"},
    {"model_version": "cmd-base", "model_family": "Cohere", "handle": "/raw/v2"},
    {"model_version": "cmd-handle", "handle": "/cohere/chat"},
    {"model_version": "cmd-past", "model_family": "Cohere", "handle": "/cohere/v1/chat"},
    {"model_version": "compat", "model_family": "Cohere", "handle": "/cohere/compatibility/v1/chat/completions"},
    {"model_version": "elsewhere", "model_family": "GPT", "handle": "https://evil.test/v1/chat/completions"},
    {"model_version": "no handle"},
    {"model_version": "gone", "model_family": "GPT", "handle": "unavailable"},
    "nonsense",
]


@pytest.fixture(params=["wrapped", "bare"])
def aggregated(request: pytest.FixtureRequest) -> tuple[Catalogue, Vendors]:
    vendors = Vendors(list={"models": ENTRIES} if request.param == "wrapped" else ENTRIES)
    catalogue = _catalogue(vendors, _settings(AGGREGATOR, model_list_url=LIST_URL))
    asyncio.run(catalogue.refresh())
    return catalogue, vendors


def test_the_model_list_is_asked_with_its_token(aggregated: tuple[Catalogue, Vendors]) -> None:
    catalogue, vendors = aggregated
    (request,) = vendors.requests
    assert str(request.url) == LIST_URL
    assert request.headers["authorization"] == "OAuth tok"
    cohere = ("cmd", "cmd-raw", "cmd-base", "cmd-handle", "cmd-past", "compat")
    names = ("gpt-4o", "claude-x", "gem", "dall-e-3", "odd", "plain", *cohere)
    assert catalogue.listed()["aggregator"] == names


@pytest.mark.parametrize(
    ("model", "protocol", "base_url", "name", "url"),
    [
        ("gpt-4o", "openai_chat", "https://list.test/openai/v1", "gpt-4o", None),
        ("claude-x", "anthropic", "https://list.test/anthropic/v1", "claude-x", None),
        ("gem", "gemini", "https://list.test/google/v1beta", "gemini-pro", None),
        ("dall-e-3", "openai_chat", "https://list.test/openai/v1", "dall-e-3", None),
        ("odd", "anthropic", "https://list.test/raw/claude", "odd", "https://list.test/raw/claude"),
        ("plain", "openai_chat", "https://list.test/internal/v1", "plain", None),
        ("cmd", "cohere", "https://list.test/cohere/v2", "cmd", None),
        ("cmd-raw", "cohere", "https://list.test/raw/command-a", "cmd-raw", "https://list.test/raw/command-a"),
        ("cmd-base", "cohere", "https://list.test/raw/v2", "cmd-base", None),
        ("cmd-handle", "cohere", "https://list.test/cohere/chat", "cmd-handle", "https://list.test/cohere/chat"),
        ("compat", "openai_chat", "https://list.test/cohere/compatibility/v1", "compat", None),
    ],
)
def test_each_model_has_its_place(aggregated, model: str, protocol: str, base_url: str, name: str, url) -> None:
    placed = aggregated[0].place(Upstream(AGGREGATOR, model))
    assert (placed.backend.protocol, placed.backend.base_url, placed.model, placed.url) == (
        protocol,
        base_url,
        name,
        url,
    )
    assert placed.backend.headers == {"Authorization": "OAuth tok"}
    assert (placed.backend.name, placed.key) == ("aggregator", None)
    assert protocol != "cohere" or placed.backend.dialect == "cohere"


@pytest.mark.parametrize("model", ["cmd-past", "unknown", "elsewhere"])
def test_what_cannot_be_served_is_not_found(aggregated, model: str) -> None:
    with pytest.raises(ParleyError, match=model) as caught:
        aggregated[0].place(Upstream(AGGREGATOR, model))
    assert caught.value.fault.kind is FaultKind.NOT_FOUND


def test_coheres_older_protocol_is_named(aggregated) -> None:
    with pytest.raises(ParleyError, match=r"Chat API v1.*/v2/chat.*protocol: cohere"):
        aggregated[0].place(Upstream(AGGREGATOR, "cmd-past"))


def test_prices_are_kept(aggregated) -> None:
    catalogue = aggregated[0]
    assert catalogue.price("gpt-4o") == aggregator.Price(0.5, None)
    assert catalogue.price("plain") == aggregator.Price(None, 1.5)
    assert catalogue.price("unknown") is None


def test_other_upstreams_stay_where_they_are(aggregated) -> None:
    upstream = Upstream(OPENAI, "gpt-4o", "sk-1")
    assert aggregated[0].place(upstream) is upstream


def test_the_last_good_model_list_stays_in_use(aggregated) -> None:
    catalogue, vendors = aggregated
    vendors.answers["list"] = lambda request: httpx.Response(200, json={"error": "no"})
    asyncio.run(catalogue.refresh())
    assert catalogue.state["aggregator"].status == "failing"
    assert catalogue.place(Upstream(AGGREGATOR, "gpt-4o")).model == "gpt-4o"


def test_no_token_no_header() -> None:
    assert aggregator.backend(LIST_URL, None).headers == {}
