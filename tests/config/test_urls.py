from __future__ import annotations

import pytest

from proxy_core.config.urls import host_and_port, is_local, normalise
from tests.config.loading import Folder


@pytest.mark.parametrize(
    ("given", "protocol", "expected"),
    [
        ("https://api.openai.com", "openai_chat", "https://api.openai.com/v1"),
        ("https://api.openai.com/", "openai_chat", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1", "openai_chat", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/", "openai_chat", "https://api.openai.com/v1"),
        ("HTTPS://API.example.com/v1/chat/completions", "openai_chat", "https://api.example.com/v1"),
        ("https://openrouter.ai/api/v1", "openai_chat", "https://openrouter.ai/api/v1"),
        ("https://open.bigmodel.cn/api/paas/v4", "openai_chat", "https://open.bigmodel.cn/api/paas/v4"),
        ("http://127.0.0.1:9/v1beta", "gemini", "http://127.0.0.1:9/v1beta"),
        ("http://127.0.0.1:9", "gemini", "http://127.0.0.1:9/v1beta"),
        ("https://api.anthropic.com", "anthropic", "https://api.anthropic.com/v1"),
        ("https://api.deepseek.com/anthropic", "anthropic", "https://api.deepseek.com/anthropic/v1"),
        ("https://api.cohere.com", "cohere", "https://api.cohere.com/v2"),
        ("https://api.cohere.com/v2/", "cohere", "https://api.cohere.com/v2"),
        ("https://api.cohere.com/v2/chat", "cohere", "https://api.cohere.com/v2"),
        ("https://gate.example.com/v1/cohere/v2", "cohere", "https://gate.example.com/v1/cohere/v2"),
    ],
)
def test_with_and_without_the_version(given: str, protocol, expected: str) -> None:
    assert normalise(given, protocol) == expected


def test_an_empty_version_appends_nothing() -> None:
    assert normalise("https://api.perplexity.ai", "openai_chat", "") == "https://api.perplexity.ai"


@pytest.mark.parametrize(
    "wrong", ["ftp://x", "api.openai.com/v1", "http://", "http://u:p@x", "http://x/?key=1", "http://x:99999"]
)
def test_wrong_addresses_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"must|is not"):
        normalise(wrong, "openai_chat")


@pytest.mark.parametrize("name", ["OPENAI", "OPENROUTER", "ANTHROPIC"])
@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_base_urls_of_the_built_in_backends(folder: Folder, name: str, end: str) -> None:
    settings = folder.load({f"{name}_API_BASE_URL": f"http://127.0.0.1:9000{end}"})
    assert settings.backends[name.lower()].base_url == "http://127.0.0.1:9000/v1"


def test_a_wrong_base_url_is_named_by_its_variable(folder: Folder) -> None:
    assert any("GEMINI_API_BASE_URL" in problem for problem in folder.problems({"GEMINI_API_BASE_URL": "nowhere"}))


@pytest.mark.parametrize("end", ["/v1", "/v1/chat", "/v3/"])
def test_coheres_other_versions_are_refused(end: str) -> None:
    with pytest.raises(ValueError, match="another version than v2"):
        normalise(f"https://api.cohere.com{end}", "cohere")


def test_a_backend_that_speaks_coheres_protocol(folder: Folder) -> None:
    folder.write("addons.yaml", "backends:\n  cohere: {protocol: cohere, base_url: https://api.cohere.com}\n")
    backend = folder.load({"COHERE_API_KEY_1": "first-key-of-two", "COHERE_API_KEY_2": "second-key-of-two"}).backends[
        "cohere"
    ]
    assert (backend.protocol, backend.dialect, backend.base_url) == ("cohere", "cohere", "https://api.cohere.com/v2")
    assert backend.keys == ("first-key-of-two", "second-key-of-two")


def test_a_wrong_cohere_backend_is_explained(folder: Folder) -> None:
    folder.write("addons.yaml", "backends:\n  c: {protocol: cohere, base_url: https://api.cohere.com/v1}\n")
    assert any("backends.c.base_url" in one and "v2" in one for one in folder.problems())
    folder.write("addons.yaml", "backends:\n  c: {protocol: coher, base_url: https://api.cohere.com}\n")
    assert any("protocol" in one and "cohere" in one for one in folder.problems())


def test_hosts() -> None:
    assert host_and_port("https://api.openai.com/v1") == "api.openai.com:443"
    assert is_local("http://10.0.0.5:8000/v1")
    assert not is_local("https://api.groq.com/openai/v1")
