"""Many at once, and many in a row: nothing is mixed up, counted twice or left over."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import pytest

from addons.host.stream import ExchangeStream
from proxy_core.config.settings import Failover
from proxy_core.errors import Fault
from proxy_core.exchange.exchange import Exchange
from proxy_core.routing.rests import Rests
from tests.failover.faults import ROWS, Row
from tests.failover.speaking import PROTOCOLS, good, overload_event, partly, seen_stream, seen_whole, user_text
from tests.failover.upstream import Asked, Deed
from tests.failover.world import World, post

CROWD = 200
MANY = int(os.environ.get("PARLEY_FAILURES", "600"))
"""PARLEY_FAILURES=10000 makes the proof: a good minute."""
VENDORS = {"one": "anthropic", "two": "gemini", "three": "openai_chat"}
PATIENCE = 3
"""Seconds that a silent backend is waited for: long enough for one that is merely busy."""


@dataclass
class Counting(Rests):
    """Counts what it learns and forgets it at once, so that every request tries every element."""

    learnt: Counter[str] = field(default_factory=Counter)

    def failed(self, backend: str, key: str | None, model: str, fault: Fault, asked: float | None) -> None:
        self.learnt[backend, "failed"] += 1  # type: ignore[index]

    def succeeded(self, backend: str, key: str | None, model: str) -> None:
        self.learnt[backend, "succeeded"] += 1  # type: ignore[index]


def failing_rows(vendor: str, streams: bool) -> list[Row]:
    """All that moves on by itself and needs no address of its own."""
    moving = [row for row in ROWS if row.moves and not row.base and row.failover.total is None]
    return [row for row in moving if streams in row.streams and vendor in row.vendors]


@pytest.mark.parametrize("http2", [False, True])
def test_two_hundred_at_once_see_their_own_answers_whatever_fails(world: World, http2: bool) -> None:
    dice = random.Random(7)

    def deed(asked: Asked) -> Deed:
        vendor = VENDORS[asked.backend]
        if asked.backend == "three":
            return good(vendor, asked, f"Answer to {user_text(vendor, asked.body)}")
        row = dice.choice(failing_rows(vendor, asked.streams))
        return row.make(vendor, asked)

    backends = [world.backend(name, vendor, tls=http2) for name, vendor in VENDORS.items()]  # type: ignore[arg-type]
    rests = Counting(time.monotonic)
    world.stage(backends, deed, failover=Failover(first_byte=PATIENCE), timeout=PATIENCE, rests=rests)
    answers = world.run(_all_at_once(world, http2), patience=60)
    for number, answer in enumerate(answers):
        client, stream = PROTOCOLS[number % 4], number % 8 < 4
        assert answer.status_code == 200, answer.text
        told = seen_stream(client, answer.content) if stream else seen_whole(client, answer.json())
        assert (told.text, told.ended, told.error) == (f"Answer to question {number}", True, None)
    assert rests.learnt == {("one", "failed"): CROWD, ("two", "failed"): CROWD, ("three", "succeeded"): CROWD}
    assert len({flow.id for flow in world.watcher.client}) == len(world.watcher.client) == CROWD
    attempts = world.watcher.attempts
    asked = [*world.upstream.asked, *world.upstream_tls.asked]
    assert len({flow.id for flow in attempts}) == len(attempts) == len(asked)
    # One that was sent on a connection just closed is sent again: two flows, one attempt.
    assert len({(flow.metadata["parley_client"], flow.metadata["parley_attempt"]) for flow in attempts}) == 3 * CROWD
    assert len(world.program.table) == 0


async def _all_at_once(world: World, http2: bool) -> list[httpx.Response]:
    """HTTP/2: over a few connections with many streams each."""
    connections = 4 if http2 else 1
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_some(world, http2, range(start, CROWD, connections))) for start in range(connections)
        ]
    answers = {number: answer for task in tasks for number, answer in task.result()}
    return [answers[number] for number in range(CROWD)]


async def _some(world: World, http2: bool, numbers: range) -> list[tuple[int, httpx.Response]]:
    async with world.client(http2) as client, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(post(client, PROTOCOLS[number % 4], number % 8 < 4, text=f"question {number}"))
            for number in numbers
        ]
    return [(number, task.result()) for number, task in zip(numbers, tasks, strict=True)]


@pytest.mark.parametrize("http2", [False, True])
def test_late_events_of_a_cancelled_attempt_are_ignored(world: World, http2: bool) -> None:
    """The first backend goes on talking after its error: in the same read, and after its stream was cancelled."""

    def deed(asked: Asked) -> Deed:
        if asked.backend == "two":
            return good("openai_chat", asked)
        first, some = partly("openai_chat", asked)
        late = [chunk.replace(b"A part", b"Too late") for chunk in some] * 3
        error = overload_event("openai_chat")
        if http2:
            return Deed([*first, error, *late], content_type="text/event-stream", late=late)
        return Deed([*first, error, *late], content_type="text/event-stream")

    backends = [world.backend(name, "openai_chat", tls=http2) for name in ("one", "two")]
    world.stage(backends, deed)
    for _ in range(5):
        answer = world.ask("openai_chat", stream=True, http2=http2)
        expected = good("openai_chat", Asked("two", "", {}, {"model": "m", "stream": True})).chunks
        assert b"Too late" not in answer.content
        assert answer.content == b"".join(expected).replace(b'"model": "m"', b'"model":"r"')


def _left(world: World) -> dict[str, int]:
    timers = [timer for timer in world.loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    return {
        "tasks": len(asyncio.all_tasks(world.loop)),
        "timers": len(timers),
        "sockets": world.upstream.open,
        "exchanges": len(world.program.table) + sum(isinstance(one, Exchange) for one in gc.get_objects()),
    }


async def _settled(world: World, wanted: dict[str, int]) -> dict[str, int]:
    """What is left over once everybody has hung up; waited for, since closing takes a few turns of the loop."""
    end = time.monotonic() + 10
    while True:
        gc.collect()
        left = _left(world)
        if all(left[name] <= wanted[name] for name in wanted) or time.monotonic() > end:
            return left
        await asyncio.sleep(0)


async def _fail(world: World, count: int, clients: int = 8) -> Counter[int]:
    statuses: Counter[int] = Counter()

    async def one_by_one(numbers: range) -> None:
        async with world.client() as client:
            for number in numbers:
                try:
                    answer = await post(client, PROTOCOLS[number % 4], number % 8 < 4)
                    statuses[answer.status_code] += 1
                except httpx.RemoteProtocolError:
                    statuses[0] += 1

    async with asyncio.TaskGroup() as group:
        for start in range(clients):
            group.create_task(one_by_one(range(start, count, clients)))
    return statuses


def test_nothing_is_left_over_after_many_failures(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "parley")  # pytest keeps every line
    dice = random.Random(11)
    slow = {"no first byte", "too slow as a whole", "silence before any content", "silence after content"}
    rows = {
        (vendor, streams): [
            row
            for row in ROWS
            if not row.base and row.name not in slow and streams in row.streams and vendor in row.vendors
        ]
        for vendor in VENDORS.values()
        for streams in (False, True)
    }

    def deed(asked: Asked) -> Deed:
        vendor = VENDORS[asked.backend]
        return dice.choice(rows[vendor, asked.streams]).make(vendor, asked)

    backends = [world.backend(name, vendor) for name, vendor in VENDORS.items()]  # type: ignore[arg-type]
    world.stage(backends, deed, rests=Counting(time.monotonic))
    world.watcher.is_watching = False
    try:
        statuses = world.run(_fail(world, MANY // 4), patience=120)
        before = world.run(_settled(world, {}))
        world.upstream.asked.clear()
        objects = len(gc.get_objects())
        statuses += world.run(_fail(world, MANY - MANY // 4), patience=600)
        after = world.run(_settled(world, before), patience=60)
        world.upstream.asked.clear()
        grown = len(gc.get_objects()) - objects
    finally:
        world.watcher.is_watching = True
    assert sum(statuses.values()) == MANY
    assert set(statuses) > {200, 400, 401, 429, 502}, "200: broken after content"
    assert {name: after[name] - before[name] for name in before if after[name] > before[name]} == {}
    assert grown < 1000 + MANY / 20, f"{grown} objects more after {MANY} failures"


@pytest.mark.parametrize("http2", [False, True])
def test_what_is_over_does_not_wait_for_the_garbage_collector(world: World, http2: bool) -> None:
    """Prompts are large: what holds them goes with the request."""

    def deed(asked: Asked) -> Deed:
        vendor = VENDORS[asked.backend]
        return Deed(then="reset") if vendor == "anthropic" else good(vendor, asked)

    async def asking() -> Counter[str]:
        async with world.client(http2=http2) as client:
            for protocol in PROTOCOLS:
                for stream in (False, True):
                    assert (await post(client, protocol, stream)).status_code == 200
            return _held() - before

    backends = [world.backend(name, vendor, tls=http2) for name, vendor in list(VENDORS.items())[:2]]  # type: ignore[arg-type]
    world.stage(backends, deed, rests=Counting(time.monotonic))
    gc.collect()
    gc.disable()
    before = _held()
    try:
        assert world.run(asking()) == {}
    finally:
        gc.enable()


def _held() -> Counter[str]:
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, Exchange | ExchangeStream))


def test_one_client_s_connection_keeps_nothing_of_attempts_that_are_over(world: World) -> None:
    """mitmproxy keeps every server connection, and what failed to open, as long as the client stays."""
    refused = world.backend("one", "anthropic", base="http://127.0.0.1:1/one")
    world.stage(
        [refused, world.backend("two", "gemini")], lambda asked: Deed(then="reset"), rests=Counting(time.monotonic)
    )

    async def asking() -> list[int]:
        sizes = []
        async with world.client() as client:
            for number in range(60):
                await post(client, "anthropic", stream=True)
                if number in (9, 59):
                    handlers = world.handlers()
                    layers = [layer for handler in handlers for layer in _http_layers(handler)]
                    sizes.append(
                        sum(
                            len(layer.connections) + len(layer.streams) + len(layer.command_sources) for layer in layers
                        )
                        + sum(len(handler.transports) + len(handler.wakeup_timer) for handler in handlers)
                    )
        return sizes

    early, late = world.run(asking())
    assert early >= 2, "the client's connection and what serves it"
    assert late <= early


def _http_layers(handler):
    from mitmproxy.proxy.layers.http import HttpLayer

    return [layer for layer in handler.layer.context.layers if isinstance(layer, HttpLayer)]


def test_a_backend_that_comes_back_is_reached_over_the_same_client_connection(world: World) -> None:
    """A refused connection is no verdict for as long as the client stays."""
    world.stage(
        [world.backend("one", "openai_chat")], lambda asked: good("openai_chat", asked), rests=Counting(time.monotonic)
    )
    port = world.upstream.port

    async def asking() -> list[int]:
        async with world.client() as client:
            statuses = [(await post(client, "openai_chat", False)).status_code]
            world.set_base("one", "http://127.0.0.1:1/one/v1")
            statuses.append((await post(client, "openai_chat", False)).status_code)
            world.set_base("one", f"http://127.0.0.1:{port}/one/v1")
            statuses.append((await post(client, "openai_chat", False)).status_code)
            return statuses

    assert world.run(asking()) == [200, 502, 200]


def test_a_connection_that_was_closed_while_idle_is_replaced_without_a_failure(world: World) -> None:
    """The only backend with its only key: the client must not hear of it."""
    seen: list[str] = []

    def deed(asked: Asked) -> Deed:
        seen.append(json.dumps(asked.body["messages"]))
        return Deed(then="reset") if len(seen) == 2 else good("openai_chat", asked)

    world.stage([world.backend("one", "openai_chat")], deed)

    async def asking() -> list[int]:
        async with world.client() as client:
            return [(await post(client, "openai_chat", stream)).status_code for stream in (False, True, False)]

    assert world.run(asking()) == [200, 200, 200]
    assert len(seen) == 4
