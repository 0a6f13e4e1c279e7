from __future__ import annotations

from typing import Any

import pytest

from proxy_core import __version__
from proxy_core.config.settings import Settings
from proxy_core.errors import Fault, FaultKind
from proxy_core.routing.catalogue import BackendState, Catalogue
from proxy_core.routing.rests import Rests
from proxy_core.serving import health
from tests.serving.asking import GEMINI, OPENAI, SECRET, ask, header, json_of, settings


def told(given: Settings, **states: BackendState) -> dict[str, Any]:
    catalogue = Catalogue()
    catalogue.configure(given)
    catalogue.state.update(states)
    return json_of(ask(health.pages(given, catalogue), "/health"))


def test_each_backend_is_told_with_its_keys_counted_and_its_models() -> None:
    body = told(settings(OPENAI, GEMINI), openai=BackendState("ok", ("a", "b"), 1_700_000_000.0))
    assert body["status"] == "ok"
    assert body["version"] == __version__
    assert body["default_backend"] == "openai"
    assert body["backends"]["openai"] == {
        "configured": True,
        "protocol": "openai_chat",
        "keys": 2,
        "credentials": "own",
        "models": {"status": "ok", "count": 2, "fetched_at": "2023-11-14T22:13:20+00:00", "error": None},
    }
    assert body["backends"]["gemini"]["configured"] is False
    assert body["backends"]["gemini"]["models"]["status"] == "unusable"
    assert body["backends"]["demo"]["models"]["count"] == 5


@pytest.mark.parametrize(
    ("state", "status", "count"),
    [
        (BackendState("ok"), "ok", 0),
        (BackendState("waiting"), "ok", None),
        (BackendState("failing", ("a",), error="HTTP 500"), "degraded", 1),
        (BackendState("unusable"), "degraded", None),
    ],
)
def test_the_default_backends_state_decides_about_the_whole(state: BackendState, status: str, count: Any) -> None:
    body = told(settings(OPENAI, GEMINI), openai=state)
    assert (body["status"], body["backends"]["openai"]["models"]["count"]) == (status, count)
    assert told(settings(GEMINI, OPENAI, default_backend="demo"), openai=state)["status"] == "ok"


def test_no_key_and_no_address_is_told() -> None:
    given = settings(OPENAI, model_list_token="oauth-token")
    catalogue = Catalogue()
    catalogue.configure(given)
    catalogue.state["openai"] = BackendState("failing", error=f"bad key {SECRET} at oauth-token " + "x" * 1000)
    answer = ask(health.pages(given, catalogue), "/health")
    text = answer.body.decode()
    for secret in (*given.secrets, "api.example.com", "user:"):
        assert secret not in text
    assert "bad key ***" in text
    assert len(text) < 2000


def test_health_needs_no_key_and_is_never_stored() -> None:
    given = settings(OPENAI)
    (page,) = health.pages(given, Catalogue())
    assert page.needs_key is False
    assert header(ask((page,), "/health"), "cache-control") == "no-store"


def test_a_backend_that_the_catalogue_does_not_know_yet_is_waiting() -> None:
    given = settings(OPENAI)
    body = json_of(ask(health.pages(given, Catalogue()), "/health"))
    assert body["backends"]["openai"]["models"]["status"] == "waiting"


def test_each_key_is_known_by_its_last_four_characters_and_says_how_long_it_rests() -> None:
    given = settings(OPENAI, GEMINI)
    rests = Rests(lambda: 100.0)
    limited = Fault(FaultKind.RATE_LIMIT, "slow down")
    rests.failed("openai", SECRET, "gpt-5", limited, 19.2)
    rests.failed("openai", SECRET, "gpt-5-mini", limited, 0.0)
    rests.failed("openai", "sk-other", "gpt-5", Fault(FaultKind.AUTHENTICATION, "no"), None)
    answer = ask(health.pages(given, Catalogue(), rests), "/health")
    told = json_of(answer)["backends"]["openai"]
    assert told["reachable"] is True
    assert told["key_states"] == [
        {"key": "…6789", "state": "resting", "rests": [{"model": "gpt-5", "seconds": 20, "reason": "rate_limit"}]},
        {"key": "#2", "state": "resting", "rests": [{"model": None, "seconds": 60, "reason": "authentication"}]},
    ]
    assert not any(secret in answer.body.decode() for secret in given.secrets)


def test_a_backend_that_is_down_is_told() -> None:
    rests = Rests(lambda: 100.0)
    for _ in range(5):
        rests.failed("openai", SECRET, "gpt-5", Fault(FaultKind.UPSTREAM, "refused"), None)
    told = json_of(ask(health.pages(settings(OPENAI), Catalogue(), rests), "/health"))["backends"]["openai"]
    assert told["reachable"] is False
    assert [key["state"] for key in told["key_states"]] == ["ready", "ready"]
