from __future__ import annotations

import pytest

from proxy_core.config.providers import DEMO_BACKEND
from proxy_core.config.settings import SavedRoute, Settings
from proxy_core.errors import FaultKind, ParleyError
from proxy_core.routing.naming import Resolved, resolve
from proxy_core.routing.upstreams import Backend

LISTED = {
    "openrouter": ("openai/gpt-5", "anthropic/claude-sonnet-4.5", "meta-llama/llama-3.3-70b-instruct:free"),
    "ollama": ("qwen3:8b", "llama3.2"),
    "anthropic": ("claude-opus-4-5",),
    "demo": DEMO_BACKEND.models,
}


def _settings(default: str = "openrouter", keyless: tuple[str, ...] = (), **more) -> Settings:
    backends = {
        "openai": Backend("openai", "openai_chat", "https://api.openai.com/v1", ("k",), "openai"),
        "openrouter": Backend("openrouter", "openai_chat", "https://openrouter.ai/api/v1", ("k",), "openrouter"),
        "anthropic": Backend("anthropic", "anthropic", "https://api.anthropic.com/v1", ("k",), "anthropic"),
        "ollama": Backend("ollama", "openai_chat", "http://localhost:11434/v1", (), "ollama", key_optional=True),
        "demo": DEMO_BACKEND,
    }
    for name in keyless:
        backends[name] = Backend(name, backends[name].protocol, backends[name].base_url, (), backends[name].dialect)
    backends |= more.pop("backends", {})
    return Settings("127.0.0.1", 8000, "127.0.0.1", 8080, default, backends, "key", **more)


@pytest.mark.parametrize(
    ("name", "backend", "model"),
    [
        ("openai:gpt-5", "openai", "gpt-5"),
        ("openai/gpt-5", "openai", "gpt-5"),
        ("OpenAI:gpt-5", "openai", "gpt-5"),
        ("openrouter:openai/gpt-5", "openrouter", "openai/gpt-5"),
        ("openrouter/openai/gpt-5", "openrouter", "openai/gpt-5"),
        ("openrouter/meta-llama/llama:free", "openrouter", "meta-llama/llama:free"),
        ("ollama:qwen3:8b", "ollama", "qwen3:8b"),
        ("ollama/qwen3:8b", "ollama", "qwen3:8b"),
        ("openai:", "openai", ""),
        (" demo:echo ", "demo", "echo"),
    ],
)
def test_a_backend_before_the_first_separator(name: str, backend: str, model: str) -> None:
    assert resolve(name, _settings(), LISTED) == Resolved(backend, model)


@pytest.mark.parametrize(
    ("name", "default", "backend"),
    [
        ("anthropic/claude-sonnet-4.5", "openai", "anthropic"),
        ("qwen3:8b", "openai", "ollama"),
        ("claude-opus-4-5", "openai", "anthropic"),
        ("never-heard-of", "openai", "openai"),
        ("mistralai/mistral-large:nitro", "openrouter", "openrouter"),
        ("qwen3:14b", "ollama", "ollama"),
        ("ft:gpt-4o:org::id", "openai", "openai"),
        ("", "anthropic", "anthropic"),
    ],
)
def test_a_bare_name_goes_to_the_default_or_to_whoever_lists_it(name: str, default: str, backend: str) -> None:
    assert resolve(name, _settings(default), LISTED).backend == backend


def test_the_default_backend_comes_first_among_those_that_list_a_model() -> None:
    listed = {"anthropic": ("same",), "ollama": ("same",)}
    assert resolve("same", _settings("ollama"), listed).backend == "ollama"
    assert resolve("same", _settings("openrouter"), listed).backend == "anthropic"


def test_a_backend_without_a_key_does_not_take_openrouters_ids_away() -> None:
    settings = _settings("openrouter", keyless=("openai", "anthropic"))
    assert resolve("openai/gpt-5", settings, LISTED) == Resolved("openrouter", "openai/gpt-5")
    assert resolve("openai/not-listed-yet", settings, {}) == Resolved("openrouter", "openai/not-listed-yet")
    assert resolve("openai:gpt-5", settings, LISTED) == Resolved("openai", "gpt-5")


def test_a_backend_without_a_key_is_not_asked_for_what_it_would_list() -> None:
    assert resolve("claude-opus-4-5", _settings("ollama", keyless=("anthropic",)), LISTED).backend == "ollama"


def test_geminis_resource_names_are_names() -> None:
    assert resolve("models/openai:gpt-5", _settings(), LISTED) == Resolved("openai", "gpt-5")
    assert resolve("openai:models/x", _settings(), LISTED) == Resolved("openai", "x")


def test_aliases_may_chain_and_contain_separators() -> None:
    settings = _settings(aliases={"fast": "mid", "mid": "ollama:qwen3:8b", "openai:old": "openai:new"})
    assert resolve("fast", settings, LISTED) == Resolved("ollama", "qwen3:8b")
    assert resolve("openai:old", settings, LISTED) == Resolved("openai", "new")


def test_aliases_that_go_in_a_circle_are_refused() -> None:
    with pytest.raises(ParleyError, match="a -> b -> a") as caught:
        resolve("a", _settings(aliases={"a": "b", "b": "a"}), LISTED)
    assert caught.value.fault.kind is FaultKind.INVALID_REQUEST


@pytest.mark.parametrize(
    ("name", "default", "meant"),
    [
        ("opnai:gpt-5", "openai", "openai:gpt-5"),
        ("anthropc/claude-opus-4-5", "anthropic", "anthropic/claude-opus-4-5"),
        ("openruter:x", "openrouter", "openrouter:x"),
        ("olama:qwen3:8b", "demo", "ollama:qwen3:8b"),
    ],
)
def test_an_unknown_backend_is_not_found_and_the_nearest_is_named(name: str, default: str, meant: str) -> None:
    with pytest.raises(ParleyError, match=meant) as caught:
        resolve(name, _settings(default), LISTED)
    fault = caught.value.fault
    assert (fault.kind, fault.field, fault.http_status) == (FaultKind.NOT_FOUND, "model", 404)


def test_routes_are_among_the_nearest_names() -> None:
    settings = _settings("openai", routes={"my:strong": SavedRoute("m")})
    with pytest.raises(ParleyError, match="my:strong"):
        resolve("my:strongg", settings, LISTED)


def test_a_gateway_in_the_vendors_place_may_have_names_with_slashes() -> None:
    gateway = Backend("openai", "openai_chat", "http://127.0.0.1:4000/v1", ("k",), "openai")
    settings = _settings("openai", backends={"openai": gateway})
    assert resolve("meta/llama-3", settings, {}) == Resolved("openai", "meta/llama-3")
