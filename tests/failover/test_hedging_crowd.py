"""Attempts side by side, many at once and at the worst moments."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import httpx
import pytest
from mitmproxy import http
from mitmproxy.proxy.layers.http._events import RequestProtocolError

from addons.host.exchanges import is_attempt
from addons.host.hedging import HedgingStream
from proxy_core.config.settings import Failover
from proxy_core.routing.rests import Patience
from proxy_core.usage.record import Record
from tests.failover.racing import NAMES, Stage, nothing_left, seen, streams_of
from tests.failover.speaking import PROTOCOLS, SSE, good, overload_event, partly, seen_stream, user_text
from tests.failover.test_crowd import VENDORS, Counting
from tests.failover.upstream import Asked, Deed
from tests.failover.world import World, post

CROWD = 120


@pytest.mark.parametrize("http2", [False, True])
def test_a_crowd_sees_its_own_answers_whoever_is_slow(world: World, records: list[Record], http2: bool) -> None:
    dice = random.Random(3)

    def deed(asked: Asked) -> Deed:
        vendor = VENDORS[asked.backend]
        answer = good(vendor, asked, f"Answer to {user_text(vendor, asked.body)}")
        if asked.backend == "three":
            return answer
        first = partly(vendor, asked)[0] if asked.streams else [b" "]
        kind = SSE if asked.streams else "application/json"
        broken = Deed([*first, overload_event(vendor)], content_type=kind)
        return dice.choice((answer, answer, Deed(then="silence"), Deed(first, content_type=kind, then="hold"), broken))

    backends = [world.backend(name, vendor, tls=http2) for name, vendor in VENDORS.items()]  # type: ignore[arg-type]
    hedged = Failover(hedge_after=0.02, first_byte=3, patience=Patience(failures=10**6))
    world.stage(backends, deed, failover=hedged, timeout=3, rests=Counting(time.monotonic))
    answers = world.run(_all_at_once(world, http2), patience=60)
    for number, answer in enumerate(answers):
        assert answer.status_code == 200, answer.text
        told = seen(PROTOCOLS[number % 4], number % 8 < 4, answer)
        assert (told.text, told.ended, told.error) == (f"Answer to question {number}", True, None)
    assert len(records) == CROWD
    for record in records:
        outcomes = [attempt["outcome"] for attempt in record.tries]
        assert outcomes.count("answered") == 1, outcomes
        assert "" not in outcomes
    assert any(attempt["outcome"] == "hedged" for record in records for attempt in record.tries)
    asked = [*world.upstream.asked, *world.upstream_tls.asked]
    # One that was sent on a connection just closed is sent again; one that lost while it connected is never sent.
    assert len(asked) <= sum(len(record.tries) for record in records) + len(world.watcher.attempts)
    tried = [(flow.metadata["parley_client"], flow.metadata["parley_attempt"]) for flow in world.watcher.attempts]
    assert len(set(tried)) == sum(len(record.tries) for record in records)


async def _all_at_once(world: World, http2: bool) -> list[httpx.Response]:
    async with world.client(http2) as client:
        asking = (
            post(client, PROTOCOLS[number % 4], number % 8 < 4, text=f"question {number}") for number in range(CROWD)
        )
        answers = await asyncio.gather(*asking)
        await nothing_left(world, cancelled=0)
    return answers


@pytest.mark.parametrize("order", [("answer",), ("answer", "kill"), ("kill", "answer"), ("leave",)], ids=", ".join)
def test_while_the_stream_waits_for_the_head_to_be_looked_at(
    world: World, records: list[Record], order: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head goes out early, for a sign of life; an addon takes its time with it, and meanwhile one attempt wins."""
    stage = Stage(world, ("openai_chat", "anthropic", "gemini"), stream=True)
    stage.is_silent("one")
    go, looking, looked = stage.waits_and_answers("two"), asyncio.Event(), asyncio.Event()
    early = Failover(hedge_after=0.01, keep_alive_after=0.1, keep_alive_every=60, early_head=True)
    vendors = ("openai_chat", "anthropic")
    world.stage([world.backend(*named) for named in zip(NAMES, vendors, strict=False)], stage.deed, failover=early)  # type: ignore[arg-type]

    async def look(flow: http.HTTPFlow) -> None:
        if not is_attempt(flow):
            looking.set()
            await looked.wait()

    monkeypatch.setattr(world.watcher, "responseheaders", look)

    async def asking() -> httpx.Response | None:
        async with world.client() as client:
            task = asyncio.create_task(post(client, "gemini", stream=True))
            await looking.wait()
            (stream,) = [stream for stream in streams_of(world) if type(stream) is HedgingStream]
            for what in order:
                if what == "answer":
                    go.set()
                    await _until(lambda: stream._winner is not None)
                elif what == "kill":
                    stream.flow.kill()
                else:
                    task.cancel()
                    await _until(lambda: any(isinstance(e, RequestProtocolError) for e in stream._paused_event_queue))
            looked.set()
            await asyncio.wait([task])
        await nothing_left(world, cancelled=0)
        return None if task.cancelled() or task.exception() else task.result()

    answer = world.run(asking(), 10)
    (record,) = records
    assert {flow.metadata["parley_attempt"] for flow in world.watcher.attempts} == {1, 2}, "all are over"
    assert (answer is None) == (order != ("answer",))
    if answer is None:
        assert record.outcome == "cancelled"
        lost = "hedged" if "answer" in order else "cancelled"
        assert [attempt["outcome"] for attempt in record.tries] == [lost, "cancelled"]
    else:
        told = seen_stream("gemini", answer.content)
        assert (told.text, told.ended, told.error) == ("From two.", True, None)
        assert [attempt["outcome"] for attempt in record.tries] == ["hedged", "answered"]


async def _until(happened: Callable[[], bool]) -> None:
    """The test's own patience ends a wait in vain."""
    while not happened():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)
