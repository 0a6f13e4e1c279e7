"""The recording over HTTP: bytes, pace, errors. Time is the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from proxy_core.protocols.contract import Call
from proxy_core.routing.replayed import call_at, replay_upstream
from proxy_core.routing.upstreams import Backend
from proxy_core.serving.replay import RawExchange, ReplayServer, Tape, recorded

BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
PARTS = (b"data: 1\n\n", b"data: 2\n\n", b"data: [DONE]\n\n")
SSE = [("content-type", "text/event-stream")]


def streamed(**more: Any) -> RawExchange:
    chunks = [[due, len(part)] for due, part in zip((0, 250, 1000), PARTS, strict=True)]
    given = {"status": 200, "headers": SSE, "answer": b"".join(PARTS), "delay": 2.0, "chunks": chunks, **more}
    return RawExchange("POST", "/v1/chat/completions", json.dumps(BODY).encode(), **given)


class Playing:
    """A started server, and the pauses it made, which take no time here but move its clock."""

    def __init__(self, *exchanges: RawExchange, fast: bool = False, secrets: tuple[str, ...] = ()) -> None:
        self.pauses: list[float] = []
        self.now = 0.0
        tape = Tape(recorded(exchanges))
        self.server = ReplayServer(tape, fast, lambda: secrets, self._sleep, lambda: self.now)
        self.client = httpx.AsyncClient(trust_env=False)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def __aenter__(self) -> Playing:
        url = await self.server.start()
        self.backend = Backend("replay", "openai_chat", url, (self.server.key,))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()
        await self.server.stop()

    async def ask(self, body: Any = BODY, call: Call | None = None, key: str = "") -> httpx.Response:
        upstream = replay_upstream(self.backend, call or Call("openai_chat", "chat"), "m")
        headers = {"authorization": f"Bearer {key or self.server.key}"}
        return await self.client.post(upstream.url or "", json=body, headers=headers)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(bounded())


def test_bytes_and_pace_are_those_of_the_recording() -> None:
    async def test() -> None:
        async with Playing(streamed()) as playing:
            answer = await playing.ask()
            assert answer.content == b"".join(PARTS)
            assert answer.headers["content-type"] == "text/event-stream"
            assert playing.pauses == [2.0, 0.0, 0.25, 0.75]

    run(test)


def test_a_slow_reader_does_not_delay_what_follows() -> None:
    """Pieces are due at a time, not after a pause: what was late is made up for."""

    async def test() -> None:
        async with Playing(streamed()) as playing:
            sleep, playing.server._server._sleep = playing._sleep, lambda seconds: late(seconds)

            async def late(seconds: float) -> None:
                await sleep(seconds)
                playing.now += 0.5

            await playing.ask()
            assert playing.pauses == [2.0, 0.0, 0.0, 0.0]

    run(test)


def test_fast_has_no_pauses() -> None:
    async def test() -> None:
        async with Playing(streamed(), fast=True) as playing:
            assert (await playing.ask()).content == b"".join(PARTS)
            assert set(playing.pauses) == {0.0}

    run(test)


def test_errors_are_replayed_with_status_and_headers() -> None:
    async def test() -> None:
        headers = [("content-type", "application/json"), ("retry-after", "7")]
        busy = streamed(status=429, headers=headers, answer=b'{"error":{}}', chunks=())
        async with Playing(busy, streamed()) as playing:
            first, second = await playing.ask(), await playing.ask()
            assert (first.status_code, first.headers["retry-after"], first.content) == (429, "7", b'{"error":{}}')
            assert second.status_code == 200

    run(test)


def test_an_answer_that_broke_breaks_again() -> None:
    async def test() -> None:
        async with Playing(streamed(broke=True)) as playing:
            with pytest.raises(httpx.RemoteProtocolError):
                await playing.ask()

    run(test)


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ("openai_chat", lambda body: body["error"]["message"]),
        ("openai_responses", lambda body: body["error"]["message"]),
        ("anthropic", lambda body: body["error"]["message"] if body["type"] == "error" else ""),
        ("gemini", lambda body: body["error"]["message"] if body["error"]["status"] == "NOT_FOUND" else ""),
    ],
)
def test_nothing_fits_in_the_clients_protocol(protocol: Any, message: Callable[[Any], str]) -> None:
    async def test() -> None:
        async with Playing(streamed()) as playing:
            answer = await playing.ask({"contents": []}, Call(protocol, "chat"))
            assert answer.status_code == 404
            assert "The recording has no exchange" in message(answer.json())

    run(test)


def test_the_key_is_asked_for() -> None:
    async def test() -> None:
        async with Playing(streamed()) as playing:
            assert (await playing.ask(key="wrong")).status_code == 401

    run(test)


def test_the_models_of_the_recording() -> None:
    async def test() -> None:
        async with Playing(streamed()) as playing:
            headers = {"authorization": f"Bearer {playing.server.key}"}
            answer = await playing.client.get(f"{playing.backend.base_url}/models", headers=headers)
            assert [model["id"] for model in answer.json()["data"]] == ["m"]

    run(test)


def test_a_prompt_with_the_proxys_own_key_is_found_again() -> None:
    key = "parley-key-123"

    def body(text: str) -> dict[str, Any]:
        return {**BODY, "messages": [{"role": "user", "content": f"is {text} mine?"}]}

    exchange = RawExchange("POST", "/v1/chat/completions", json.dumps(body("*" * len(key))).encode(), 200, SSE, b"x")

    async def test() -> None:
        async with Playing(exchange, secrets=(key,)) as playing:
            assert (await playing.ask(body(key))).content == b"x"

    run(test)


@pytest.mark.parametrize(
    "call",
    [
        Call("openai_chat", "chat"),
        Call("anthropic", "count_tokens"),
        Call("gemini", "chat", "tuned/a:b", True, "json_array"),
        Call("gemini", "chat", "m", False),
    ],
)
def test_a_call_is_read_back_from_its_address(call: Call) -> None:
    upstream = replay_upstream(Backend("replay", "openai_chat", "http://x", ("k",)), call, "m")
    url = httpx.URL(upstream.url or "")
    assert call_at(url.path, dict(url.params)) == call
    assert upstream.backend.protocol == call.protocol
