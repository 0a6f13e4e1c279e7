from __future__ import annotations

import pytest

from proxy_core.protocols.contract import Call, Operation
from proxy_core.protocols.openai_chat import OPENAI_CHAT, endpoints


@pytest.mark.parametrize(
    ("path", "operation", "upstream"),
    [
        ("/v1/chat/completions", "chat", "/chat/completions"),
        ("/chat/completions", "chat", "/chat/completions"),
        ("/api/v1/chat/completions", "chat", "/chat/completions"),
        ("/v1/embeddings", "embeddings", "/embeddings"),
        ("/v1/images/generations", "images", "/images/generations"),
        ("/v1/completions", "completions", "/completions"),
    ],
)
def test_paths(path: str, operation: Operation, upstream: str) -> None:
    call = endpoints.recognise("POST", path, {})
    assert call == Call("openai_chat", operation)
    assert endpoints.upstream_path(call, "m") == upstream


def test_a_deployments_path_names_the_model() -> None:
    call = endpoints.recognise("POST", "/openai/deployments/gpt-4o/chat/completions", {"api-version": "x"})
    assert call == Call("openai_chat", "chat", "gpt-4o")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/chat/completions"), ("POST", "/v1/messages"), ("POST", "/v1/chat/completionsx")]
)
def test_other_paths_are_not_ours(method: str, path: str) -> None:
    assert endpoints.recognise(method, path, {}) is None


def test_the_key_is_a_bearer() -> None:
    assert OPENAI_CHAT.auth_headers("k") == {"authorization": "Bearer k"}
