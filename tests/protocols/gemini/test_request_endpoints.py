from __future__ import annotations

import pytest

from proxy_core.protocols.contract import Call
from proxy_core.protocols.gemini import GEMINI
from proxy_core.protocols.gemini.endpoints import recognise, upstream_path

MODELS = {
    "gemini-2.5-pro": "gemini-2.5-pro",
    "openrouter:openai/gpt-5": "openrouter:openai/gpt-5",
    "openrouter%3Aopenai%2Fgpt-5": "openrouter:openai/gpt-5",
    "models/gemini-2.5-pro": "gemini-2.5-pro",
    "ollama:qwen3:8b": "ollama:qwen3:8b",
}


@pytest.mark.parametrize("prefix", ["/v1beta", "/v1", "", "/some/gateway/v1beta"])
@pytest.mark.parametrize("given", MODELS)
def test_the_path_names_the_model(prefix: str, given: str) -> None:
    model = MODELS[given]
    at = f"{prefix}/models/{given}"
    assert recognise("POST", f"{at}:generateContent", {}) == Call("gemini", "chat", model, False)
    assert recognise("POST", f"{at}:countTokens", {}) == Call("gemini", "count_tokens", model, False)
    assert recognise("POST", f"{at}:streamGenerateContent", {"alt": "sse"}) == Call("gemini", "chat", model, True)
    assert recognise("POST", f"{at}%3AstreamGenerateContent", {"key": "k"}) == Call(
        "gemini", "chat", model, True, "json_array"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1beta/models/m:generateContent"),
        ("GET", "/v1beta/models"),
        ("POST", "/v1beta/models/m:embedContent"),
        ("POST", "/v1/chat/completions"),
    ],
)
def test_other_paths_are_not_gemini(method: str, path: str) -> None:
    assert recognise(method, path, {}) is None


def test_upstream_paths() -> None:
    chat = Call("gemini", "chat", "m", stream=False)
    assert upstream_path(chat, "gemini-2.5-pro") == "/models/gemini-2.5-pro:generateContent"
    chat.stream = True
    assert upstream_path(chat, "models/a b?c") == "/models/a%20b%3Fc:streamGenerateContent?alt=sse"
    assert upstream_path(Call("gemini", "count_tokens", "m"), "m") == "/models/m:countTokens"


def test_the_key_goes_into_googles_header() -> None:
    assert GEMINI.auth_headers("k") == {"x-goog-api-key": "k"}
