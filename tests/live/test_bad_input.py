"""What goes wrong is said in the client's protocol, in one sentence, and the proxy goes on serving."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import httpx
import pytest
import zstandard

from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors import responses
from tests.live.vendors.said import Said, data, named
from tests.live.vendors.upstream import VENDORS, Raw, Upstream

PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/anthropic/v1/messages",
    "gemini": "/v1beta/models/{model}:generateContent",
}
PROTOCOLS = tuple(PATHS)
KEY = {"authorization": f"Bearer {CLIENT_KEY}", "content-type": "application/json"}


def path(protocol: str, model: str = "gemini:gemini-2.5-flash", streamed: bool = False) -> str:
    found = PATHS[protocol].format(model=model)
    return found.replace(":generateContent", ":streamGenerateContent?alt=sse") if streamed else found


def body(protocol: str, model: str = "openai_chat:gpt-4.1", text: str = "Hi", **more: Any) -> dict[str, Any]:
    match protocol:
        case "openai_chat":
            return {"model": model, "messages": [{"role": "user", "content": text}], **more}
        case "openai_responses":
            return {"model": model, "input": text, **more}
        case "anthropic":
            return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}
        case _:
            return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def sentence(protocol: str, answer: httpx.Response) -> str:
    """The message of an error in the protocol's own shape: one sentence, or two with what to do."""
    assert answer.headers["content-type"].startswith("application/json")
    told = answer.json()
    error = told["error"]
    match protocol:
        case "anthropic":
            assert told["type"] == "error"
            assert error["type"]
        case "gemini":
            assert error["code"] == answer.status_code
            assert error["status"].isupper()
        case _:
            assert {"message", "type", "param", "code"} <= error.keys()
    assert error["message"].endswith((".", "?", "'"))
    assert "\n" not in error["message"]
    return error["message"]


def assert_serves(parley: Program, http: httpx.Client) -> None:
    answer = http.post(parley.base + path("openai_chat"), json=body("openai_chat", "demo:echo", "still"), headers=KEY)
    assert answer.json()["choices"][0]["message"]["content"] == "still"


WRONG_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{'model': 1}",
    "half of it": b'{"model": "openai_chat:gpt-4.1", "messages": [',
    "an array": b"[1, 2]",
    "a number": b"7",
    "invalid UTF-8": b'{"model": "openai_chat:gpt-4.1", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "10,000 nested arrays": b'{"model": "openai_chat:gpt-4.1", "input": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", WRONG_BODIES)
def test_a_body_that_is_no_json(
    name: str, protocol: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    answer = http.post(parley.base + path(protocol), content=WRONG_BODIES[name], headers=KEY)
    assert answer.status_code == 400
    sentence(protocol, answer)
    assert vendors.received == []
    assert_serves(parley, http)


WRONG_TYPES: dict[str, list[tuple[dict[str, Any], str]]] = {
    "openai_chat": [
        ({"model": 5}, "model"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [7]}, "messages[0]"),
        ({"messages": [{"role": "nobody", "content": "Hi"}]}, "messages[0].role"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"tools": 7}, "tools"),
    ],
    "openai_responses": [
        ({"model": []}, "model"),
        ({"input": 5}, "input"),
        ({"stream": 1}, "stream"),
        ({"max_output_tokens": "many"}, "max_output_tokens"),
        ({"tools": [[]]}, "tools[0]"),
    ],
    "anthropic": [
        ({"model": {}}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"thinking": "yes"}, "thinking"),
    ],
    "gemini": [
        ({"contents": 5}, "contents"),
        ({"contents": [{"role": "user", "parts": 5}]}, "contents[0].parts"),
        ({"generationConfig": []}, "generationConfig"),
        ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"tools": 5}, "tools"),
    ],
}


@pytest.mark.parametrize(
    ("protocol", "change", "field"),
    [pytest.param(name, *row, id=f"{name}-{row[1]}") for name, rows in WRONG_TYPES.items() for row in rows],
)
def test_a_wrong_type_is_named(
    protocol: str, change: dict[str, Any], field: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    """To a backend of another protocol, so that the proxy has to read it."""
    backend = "anthropic:claude-sonnet-4-5" if protocol != "anthropic" else "openai_chat:gpt-4.1"
    sent = {**body(protocol, backend), **change}
    answer = http.post(parley.base + path(protocol, backend), json=sent, headers=KEY)
    assert answer.status_code == 400
    assert field in sentence(protocol, answer)
    assert vendors.received == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("model", "status"), [("nowhere:gpt-4.1", 404), ("openrouter:some/model", 400), ("anthropic:", 400)]
)
def test_a_model_that_cannot_be_served(
    model: str, status: int, protocol: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    answer = http.post(parley.base + path(protocol, model), json=body(protocol, model), headers=KEY)
    assert answer.status_code == status
    sentence(protocol, answer)
    assert vendors.received == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_model_at_all(protocol: str, parley: Program, http: httpx.Client) -> None:
    if protocol == "gemini":
        pytest.skip("its path names one")
    answer = http.post(parley.base + path(protocol), json={**body(protocol), "model": None}, headers=KEY)
    assert answer.status_code == 400
    assert "model" in sentence(protocol, answer)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"x-api-key": "wrong"}])
def test_without_the_clients_key(
    headers: dict[str, str], protocol: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    answer = http.post(parley.base + path(protocol), json=body(protocol), headers=headers)
    assert answer.status_code == 401
    assert "key" in sentence(protocol, answer)
    assert vendors.received == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_wrong_method(protocol: str, parley: Program, http: httpx.Client) -> None:
    answer = http.request("PUT", parley.base + path(protocol), json=body(protocol), headers=KEY)
    assert answer.status_code == 405
    assert "POST" in sentence(protocol, answer)


@pytest.mark.parametrize(
    ("protocol", "method", "path", "allowed"),
    [
        ("openai_chat", "PUT", "/v1/models", "GET, HEAD"),
        ("anthropic", "POST", "/anthropic/v1/models", "GET, HEAD"),
        ("openai_chat", "POST", "/health", "GET, HEAD"),
        ("openai_chat", "PATCH", "/v1/sessions/one", "GET, HEAD, DELETE"),
        ("gemini", "GET", "/v1beta/models/gemini-2.5-pro:generateContent", "POST"),
    ],
)
def test_a_page_asked_in_the_wrong_way(
    protocol: str, method: str, path: str, allowed: str, parley: Program, http: httpx.Client
) -> None:
    answer = http.request(method, parley.base + path, headers=KEY)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert f"use {allowed.replace(', ', ' or ')}." in sentence(protocol, answer)


def test_a_path_that_is_not_there(parley: Program, http: httpx.Client) -> None:
    answer = http.post(parley.base + "/v1/nothing", json={}, headers=KEY)
    assert answer.status_code == 404
    sentence("openai_chat", answer)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_fifty_megabytes(protocol: str, parley: Program, vendors: Upstream, http: httpx.Client) -> None:
    answer = http.post(parley.base + path(protocol), content=b'{"a": "' + b"x" * 50_000_000 + b'"}', headers=KEY)
    assert answer.status_code == 413
    sentence(protocol, answer)
    assert vendors.received == []
    assert_serves(parley, http)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda content: brotli.compress(content, quality=1),
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("encoding", PACKERS)
def test_a_compressed_body_is_understood(
    encoding: str, protocol: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    vendors.will_say(Said("§"))
    packed = PACKERS[encoding](json.dumps(body(protocol, text="Grüße")).encode())
    headers = {**KEY, "content-encoding": encoding}
    model = "openai_chat:gpt-4.1"
    answer = http.post(parley.base + path(protocol, model), content=packed, headers=headers)
    assert vendors.problems == []
    assert answer.status_code == 200
    assert '"§"' in answer.text
    received = vendors.next_request()
    assert "content-encoding" not in received.headers
    assert "Grüße" in json.dumps(received.json, ensure_ascii=False)


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_decompression_bomb(encoding: str, parley: Program, vendors: Upstream, http: httpx.Client) -> None:
    headers = {**KEY, "content-encoding": encoding}
    bomb = PACKERS[encoding](b" " * 300_000_000)
    answer = http.post(parley.base + path("anthropic"), content=bomb, headers=headers)
    assert answer.status_code == 413
    sentence("anthropic", answer)
    assert vendors.received == []
    assert_serves(parley, http)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("encoding", [*PACKERS, "rot13"])
def test_a_body_that_is_not_what_its_encoding_says(
    encoding: str, protocol: str, parley: Program, http: httpx.Client
) -> None:
    headers = {**KEY, "content-encoding": encoding}
    answer = http.post(parley.base + path(protocol), content=b'{"model": "x"}', headers=headers)
    assert answer.status_code in (400, 415)
    sentence(protocol, answer)


BEGUN = {
    "openai_chat": [
        data({"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})
        for choice in [{"index": 0, "delta": {"role": "assistant", "content": "Once"}, "finish_reason": None}]
    ],
    "anthropic": [
        named(event)
        for event in (
            {
                "type": "message_start",
                "message": {
                    "id": "msg_1",
                    "type": "message",
                    "role": "assistant",
                    "model": "m",
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": {"input_tokens": 1, "output_tokens": 1},
                },
            },
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Once"}},
        )
    ],
    "gemini": [data({"candidates": [{"content": {"parts": [{"text": "Once"}], "role": "model"}, "index": 0}]})],
    "openai_responses": list(responses.stream(Said("OnceOnceOnce"), {"model": "m"}))[:5],
}
ERROR_EVENTS = {
    "openai_chat": '"error":',
    "openai_responses": '"type":"response.failed"',
    "anthropic": "event: error",
    "gemini": '"error":',
}
ENDINGS = {
    "openai_chat": "[DONE]",
    "openai_responses": "response.completed",
    "anthropic": "message_stop",
    "gemini": "finishReason",
}


@pytest.mark.parametrize("then", ["end", "cut"])
@pytest.mark.parametrize("backend", BEGUN)
@pytest.mark.parametrize("client", PROTOCOLS)
def test_an_answer_without_its_end_is_an_error(
    client: str, backend: str, then: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    """T66: never a success, whether the connection broke or was closed properly."""
    vendors.will_say(Raw(BEGUN[backend], content_type="text/event-stream", then=then))
    model = f"{backend}:some-model"
    sent = body(client, model) | ({} if client == "gemini" else {"stream": True})
    answer = http.post(parley.base + path(client, model, streamed=True), json=sent, headers=KEY)
    assert vendors.problems == []
    assert answer.status_code == 200
    assert "Once" in answer.text
    assert ERROR_EVENTS[client] in answer.text.replace(": {", ":{").replace('": "', '":"')
    assert ENDINGS[client] not in answer.text
    assert_serves(parley, http)


@pytest.mark.parametrize("then", ["end", "cut"])
@pytest.mark.parametrize("client", PROTOCOLS)
def test_an_answer_that_breaks_before_it_begins_has_a_status(
    client: str, then: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    vendors.will_say(Raw([], content_type="text/event-stream", then=then))
    sent = body(client) | ({} if client == "gemini" else {"stream": True})
    answer = http.post(parley.base + path(client, "openai_chat:gpt-4.1", streamed=True), json=sent, headers=KEY)
    assert answer.status_code == 502
    sentence(client, answer)


@pytest.mark.parametrize("client", PROTOCOLS)
@pytest.mark.parametrize("content", [b"<html>Bad gateway</html>", b'{"half": ', b"{}", b"null"])
def test_a_whole_answer_that_is_none(
    content: bytes, client: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    backend = "anthropic" if client != "anthropic" else "openai_chat"
    vendors.will_say(Raw([content]))
    model = f"{backend}:some-model"
    answer = http.post(parley.base + path(client, model), json=body(client, model), headers=KEY)
    assert vendors.problems == []
    assert answer.status_code == 502
    sentence(client, answer)


@pytest.mark.parametrize("backend", BEGUN)
@pytest.mark.parametrize("client", ["openai_chat", "anthropic"])
def test_the_upstream_is_cancelled_when_the_client_hangs_up(
    client: str, backend: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    vendors.will_say(Raw(BEGUN[backend], content_type="text/event-stream", then="hold"))
    sent = body(client, f"{backend}:some-model", stream=True)
    with http.stream("POST", parley.base + path(client), json=sent, headers=KEY) as answer:
        texts = answer.iter_text()  # httpx hangs up as soon as nobody holds this
        assert any("Once" in text for text in texts)
        received = vendors.next_request()
        assert not received.hung_up.is_set()
    assert received.hung_up.wait(5)
    assert_serves(parley, http)


def test_the_upstream_is_cancelled_when_the_client_hangs_up_before_the_answer(
    parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    vendors.will_say(Raw([], content_type="text/event-stream", then="hold"))
    content = json.dumps(body("openai_chat", stream=True)).encode()
    url = httpx.URL(parley.base)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {url.host}\r\nauthorization: {KEY['authorization']}\r\n"
    with socket.create_connection((url.host, url.port or 0), 5) as client:
        client.sendall(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
        received = vendors.next_request()
    assert received.hung_up.wait(5)
    assert_serves(parley, http)


def test_every_vendor_has_a_begun_answer() -> None:
    assert BEGUN.keys() == VENDORS.keys()
