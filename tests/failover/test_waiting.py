"""What a client hears while it waits, and how an answer ends that breaks."""

from __future__ import annotations

import json

import httpx
import pytest

from proxy_core.config.settings import Failover
from proxy_core.exchange.keep_alive import KEEP_ALIVE
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call, View
from proxy_core.turn.content import Text
from proxy_core.turn.events import BlockStarted, Ping, Started, TextDelta
from tests.failover.speaking import PROTOCOLS, SSE, address, good, partly, request, seen_stream
from tests.failover.upstream import Asked, Deed
from tests.failover.world import World

SOON = Failover(keep_alive_after=0.05, keep_alive_every=0.05)
EARLY = Failover(keep_alive_after=0.05, keep_alive_every=0.05, early_head=True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_keep_alive_is_what_the_protocol_writes_for_a_ping(protocol: str) -> None:
    asked = CODECS[protocol].read_request(request(protocol, "m", True), Call(protocol, "chat", "m", True))  # type: ignore[index,arg-type]
    writer = CODECS[protocol].stream_writer(View("m", asked))  # type: ignore[index]
    for event in (Started("r", "m"), BlockStarted(0, Text("A")), TextDelta(0, "part")):
        writer.write(event)
    assert writer.write(Ping()) == KEEP_ALIVE[protocol]  # type: ignore[index]


def waits(vendor: str, split: int | None = None) -> Deed | None:
    """Content, then a pause; with `split` in the middle of a frame."""
    asked = Asked("one", "", {}, {"model": "m", "stream": True})
    chunks = good(vendor, asked, "A part and the rest.").chunks
    first, some = partly(vendor, asked)
    said = len(first) + len(some)
    head, tail = list(chunks[:said]), list(chunks[said:])
    if split:
        head, tail = [*head, tail[0][:split]], [tail[0][split:], *tail[1:]]
    return Deed(head, content_type=SSE, then="wait", rest=tail)


async def until_pinged(world: World, client: str, pings: int, http2: bool = False) -> httpx.Response:
    """Reads until so many pings have come, and only then lets the backend go on."""
    world.watcher.answering = lambda: None
    async with (
        world.client(http2) as http,
        http.stream("POST", address(client, "r", True), json=request(client, "r", True)) as answer,
    ):
        body = b""
        async for chunk in answer.aiter_raw():
            body += chunk
            if body.count(KEEP_ALIVE[client]) - _ordinary(client, body) >= pings:  # type: ignore[index]
                world.upstream.go.set()
        answer._content = body
        return answer


def _ordinary(client: str, body: bytes) -> int:
    """Line ends that belong to Gemini's own events."""
    return 2 * body.count(b"data: ") if client == "gemini" else 0


@pytest.mark.parametrize("client", PROTOCOLS)
@pytest.mark.parametrize("split", [None, 9])
def test_a_client_that_waits_in_the_middle_hears_its_protocols_keep_alive(
    world: World, client: str, split: int | None
) -> None:
    """T67, T69: only between events, in a form that its SDK skips."""
    vendor = PROTOCOLS[PROTOCOLS.index(client) - 1] if split else client
    world.stage([world.backend("one", vendor)], lambda asked: waits(vendor, split) or Deed(), failover=SOON)  # type: ignore[arg-type]
    answer = world.run(until_pinged(world, client, 3))
    told = seen_stream(client, answer.content)
    assert (told.text, told.ended, told.error) == ("A part and the rest.", True, None)


def test_before_the_head_a_client_waits_in_silence(world: World) -> None:
    """T71: an early 200 would hide the error."""
    fast = Failover(keep_alive_after=0.01, keep_alive_every=0.01, first_byte=0.2)
    world.stage([world.backend("one", "anthropic")], lambda asked: Deed(then="silence"), failover=fast)
    answer = world.ask("anthropic", stream=True)
    assert (answer.status_code, answer.headers["content-type"]) == (504, "application/json")


@pytest.mark.parametrize("client", PROTOCOLS)
def test_with_early_head_the_wait_before_an_answer_is_bridged(world: World, client: str) -> None:
    vendor = PROTOCOLS[PROTOCOLS.index(client) - 2]

    def deed(asked: Asked) -> Deed:
        answer = good(vendor, asked, "At last.")
        return Deed(answer.chunks[:1], content_type=SSE, then="wait", rest=answer.chunks[1:])

    world.stage([world.backend("one", vendor)], deed, failover=EARLY)
    answer = world.run(until_pinged(world, client, 3))
    told = seen_stream(client, answer.content)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (told.text, told.ended, told.error) == ("At last.", True, None)


@pytest.mark.parametrize("client", PROTOCOLS)
def test_after_an_early_head_other_elements_are_still_tried_and_a_failure_ends_the_stream(
    world: World, client: str
) -> None:
    quick = Failover(keep_alive_after=0.02, keep_alive_every=0.05, early_head=True, first_byte=0.15)
    one, two = world.backend("one", "gemini"), world.backend("two", "openai_chat")

    def recovers(asked: Asked) -> Deed:
        return Deed(then="silence") if asked.backend == "one" else good("openai_chat", asked)

    world.stage([one, two], recovers, failover=quick)
    told = seen_stream(client, world.ask(client, stream=True).content)
    assert (told.text, told.ended, told.error) == ("A good answer.", True, None)
    world.stage([one, two], lambda asked: Deed(then="silence"), failover=quick)
    answer = world.ask(client, stream=True)
    told = seen_stream(client, answer.content)
    assert (answer.status_code, told.text, told.ended) == (200, "", False)
    assert told.error is not None
    assert "no answer within 0.15 seconds" in told.error[1]


def test_gemini_s_json_array_gets_no_early_head(world: World) -> None:
    quick = Failover(keep_alive_after=0.02, keep_alive_every=0.02, early_head=True, first_byte=0.2)
    world.stage([world.backend("one", "openai_chat")], lambda asked: Deed(then="silence"), failover=quick)

    async def asking() -> httpx.Response:
        async with world.client() as client:
            return await client.post("/v1beta/models/r:streamGenerateContent", json=request("gemini", "r", True))

    assert world.run(asking()).status_code == 504


@pytest.mark.parametrize("client", PROTOCOLS)
@pytest.mark.parametrize("http2", [False, True])
def test_a_break_in_the_middle_may_hang_up_instead(world: World, client: str, http2: bool) -> None:
    def breaks(asked: Asked) -> Deed:
        first, some = partly("anthropic", asked)
        broken = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}\n\n'
        return Deed([*first, *some], content_type=SSE, then="wait", rest=[broken])

    backends = [world.backend("one", "anthropic", tls=http2), world.backend("two", "gemini", tls=http2)]
    world.stage(backends, breaks, failover=Failover(after_content="abort"))
    with pytest.raises(httpx.RemoteProtocolError):
        world.ask(client, stream=True, http2=http2)
    (flow,) = world.watcher.client
    assert flow.error
    assert len(world.watcher.attempts) == 1
    assert len(world.program.table) == 0


def test_pings_are_not_put_into_what_passes_with_the_client_s_own_key(world: World) -> None:
    """Transparent backends promise every byte as it came."""
    from dataclasses import replace

    transparent = replace(world.backend("one", "openai_chat"), credentials="client", keys=())
    expected = good("openai_chat", Asked("one", "", {}, {"model": "m", "stream": True}), "A part and the rest.")
    deed = waits("openai_chat")
    assert deed
    world.stage([transparent], lambda asked: deed, failover=SOON)

    async def asking() -> bytes:
        world.watcher.answering = lambda: None
        async with world.client() as http:
            body = json.dumps(request("openai_chat", "one:m", True))
            headers = {"authorization": "Bearer sk-own", "content-type": "application/json"}
            async with http.stream("POST", "/v1/chat/completions", content=body, headers=headers) as answer:
                world.loop.call_later(0.2, world.upstream.go.set)
                return await answer.aread()

    assert world.run(asking()) == b"".join(expected.chunks)
