"""Backends that take the client's own key: what it shows goes up unchanged, what comes back is returned as it came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.upstream import Raw, Upstream

THEIRS = {"authorization": "Bearer sk-the-users-own-0123456789"}
PATHS = {
    "openai_chat": "/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/mine:m:generateContent",
}


@pytest.fixture(scope="module")
def program(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("transparent")
    mine = {"name": "mine", "url": f"{vendors.url('openai_chat')}/v1", "model": ""}
    (folder / "config.json").write_text(json.dumps({"primary_backends": [mine], "settings": {"timeout": 30}}))
    started = Program(folder, "").wait()
    yield started
    started.stop()


@pytest.fixture
def ask(program: Program, vendors: Upstream, http: httpx.Client) -> Any:
    def send(protocol: str, headers: dict[str, str], query: str = "", **more: Any) -> httpx.Response:
        body: dict[str, Any] = {"model": "mine:m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}
        if protocol == "openai_responses":
            body = {"model": "mine:m", "input": "Hi"}
        if protocol == "gemini":
            body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
        return http.post(f"{program.base}{PATHS[protocol]}{query}", json=body | more, headers=headers)

    vendors.checks = False
    return send


@pytest.mark.parametrize("protocol", PATHS)
def test_what_the_client_shows_is_shown_to_the_backend(ask: Any, vendors: Upstream, protocol: str) -> None:
    assert ask(protocol, THEIRS).status_code == 200
    assert vendors.received[0].headers["authorization"] == THEIRS["authorization"]


@pytest.mark.parametrize(
    ("protocol", "headers", "query"),
    [
        ("anthropic", {"x-api-key": "sk-the-users-own-0123456789"}, ""),
        ("gemini", {"x-goog-api-key": "sk-the-users-own-0123456789"}, ""),
        ("gemini", {}, "?key=sk-the-users-own-0123456789"),
    ],
)
def test_a_key_of_another_protocol_comes_as_the_backend_has_it(
    ask: Any, vendors: Upstream, protocol: str, headers: dict[str, str], query: str
) -> None:
    assert ask(protocol, headers, query).status_code == 200
    assert vendors.received[0].headers["authorization"] == THEIRS["authorization"]


@pytest.mark.parametrize(
    ("headers", "query"),
    [({"authorization": f"Bearer {CLIENT_KEY}"}, ""), ({"x-goog-api-key": CLIENT_KEY}, ""), ({}, f"?key={CLIENT_KEY}")],
)
def test_the_key_for_this_proxy_stays_here(ask: Any, vendors: Upstream, headers: dict[str, str], query: str) -> None:
    """A backend that wants a key refuses in its own words; one on the same machine may want none."""
    assert ask("gemini", headers, query).status_code == 200
    assert CLIENT_KEY not in f"{vendors.received[0].headers}{vendors.received[0].target}"


def test_both_keys_beside_each_other(ask: Any, vendors: Upstream) -> None:
    assert ask("openai_chat", {**THEIRS, "x-api-key": CLIENT_KEY}).status_code == 200
    assert CLIENT_KEY not in str(vendors.received[0].headers)


ODD_STREAM = [b": odd\r\n\r\n", b'data:{"error":{"message":"x"}}\n\n', b"data: nonsense\r\r", b"\xff\xfe", b"no end"]


@pytest.mark.parametrize(
    ("answer", "stream"),
    [
        (Raw([b' {"ok" : true}  ']), False),
        (Raw([b"\xffplain"], content_type="text/plain"), False),
        (Raw([b"<p>down</p>"], status=503, content_type="text/html"), False),
        (Raw(ODD_STREAM, content_type="text/event-stream"), True),
        (Raw([b'{"not":"a stream"}']), True),
    ],
    ids=["json", "no JSON", "an error", "a stream", "no stream"],
)
def test_whatever_comes_back_is_returned_as_it_came(ask: Any, vendors: Upstream, answer: Raw, stream: bool) -> None:
    vendors.will_say(answer)
    vendors.checks = False
    heard = ask("openai_chat", THEIRS, model="m", stream=stream)
    assert (heard.status_code, heard.headers["content-type"]) == (answer.status, answer.content_type)
    assert heard.content == b"".join(answer.chunks)
    assert vendors.received[0].json["model"] == "m"


def test_a_model_has_to_be_named_where_none_is_configured(program: Program, http: httpx.Client) -> None:
    refused = http.post(f"{program.base}/chat/completions", json={"messages": []}, headers=THEIRS)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == ("Model must be specified in request when config.json model is blank")


def test_without_any_key(program: Program, http: httpx.Client) -> None:
    refused = http.post(f"{program.base}/chat/completions", json={"model": "m", "messages": []})
    assert (refused.status_code, refused.json()["error"]["message"]) == (401, "Authorization header is required")
