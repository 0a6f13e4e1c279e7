"""Attempts side by side: who wins, what becomes of the other, and that nothing of it is left over."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from addons.host.hedging import HedgingStream
from addons.host.stream import ExchangeStream
from proxy_core.config.settings import Failover, HistorySettings, SavedRoute
from proxy_core.errors import Fault, FaultKind
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.keep_alive import KEEP_ALIVE
from proxy_core.exchange.visit import Visit
from proxy_core.routing.rests import Patience, Rests
from proxy_core.turn.content import ProtocolName, Text
from proxy_core.usage.log import UsageLog
from proxy_core.usage.record import Record
from tests.failover.racing import (
    COURSES,
    NAMES,
    SOON,
    Case,
    Course,
    Stage,
    ask_and_look,
    cases,
    first_after_all,
    nothing_left,
    second_is_faster,
    second_is_faster_than_an_opening,
    seen,
    vendors_from,
)
from tests.failover.speaking import PROTOCOLS, SSE, address, good, partly, request, seen_stream
from tests.failover.upstream import Asked, Deed
from tests.failover.world import World, post


@pytest.mark.parametrize("case", [*cases()], ids=str)
def test_who_wins(world: World, records: list[Record], case: Case) -> None:
    course, outcomes = case.course, case.course.outcomes
    stage = Stage(world, case.vendors, case.stream)
    backends = [world.backend(name, vendor, tls=case.http2) for name, vendor in zip(NAMES, case.vendors, strict=True)]
    world.stage(backends, stage.deed, failover=SOON)
    course.acts(stage)
    world.watcher.ended = stage.over
    answer = world.run(ask_and_look(world, case.client, case.stream, case.http2, len(course.cancelled)), 10)
    told = seen(case.client, case.stream, answer)
    upstreams = (world.upstream, world.upstream_tls)
    assert [asked.backend for upstream in upstreams for asked in upstream.asked] == list(NAMES[: len(outcomes)])
    assert tuple(name for upstream in upstreams for name in upstream.cancelled) == course.cancelled
    (record,) = records
    assert tuple(attempt["outcome"] for attempt in record.tries) == outcomes
    if course.served is None:
        assert told.error is not None
        assert (record.outcome, answer.status_code) == ("failed", 429)
        return
    assert (told.text, told.ended, told.error) == (f"From {course.served}.", True, None)
    assert answer.headers["x-parley-backend"] == course.served
    assert (record.outcome, record.backend, record.fault) == ("answered", course.served, None)
    check_marks(world, outcomes, NAMES.index(course.served) + 1)
    check_keys(world, outcomes)
    if "hedged" in outcomes:
        told_of = answer.headers["x-parley-attempts"].split("; ")
        assert [" hedged " in one for one in told_of] == [outcome == "hedged" for outcome in outcomes]


def check_marks(world: World, outcomes: Sequence[str], winner: int) -> None:
    """In mitmweb: the client's flow, and that of the attempt that lost."""
    (client,) = world.watcher.client
    lost = [f"attempt {number}" for number, outcome in enumerate(outcomes, 1) if outcome == "hedged"]
    assert ("hedged" in client.comment.split(";")[0]) == bool(lost)
    assert [deed["outcome"] for deed in client.metadata["parley"]["attempts"]] == list(outcomes)
    for flow in world.watcher.attempts:
        named = flow.comment.split(" for ")[0]
        is_lost = named in lost
        assert flow.comment.endswith(f", hedged: attempt {winner} was faster") == is_lost
        assert (flow.marked == ":hourglass:") == is_lost
        assert not is_lost or (flow.error is not None and flow.error.msg == f"attempt {winner} was faster")


def check_keys(world: World, outcomes: Sequence[str]) -> None:
    """Nobody rests for having been slow."""
    for name, outcome in zip(NAMES, outcomes, strict=False):
        (key,) = world.program.settings.backends[name].keys
        rests = world.program.rests.states(name, key)
        assert bool(rests) == (outcome in ("rate_limit", "overloaded")), rests


def test_all_protocols_meet() -> None:
    made = list(cases())
    assert {case.vendors[0] for case in made} == set(PROTOCOLS)
    assert {case.client == case.vendors[0] for case in made} == {False, True}
    for course in COURSES:
        assert {case.client for case in made if case.course is course} == set(PROTOCOLS)


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_another_key_of_the_same_backend(world: World, records: list[Record], stream: bool, http2: bool) -> None:
    """Over HTTP/1.1 on a connection of its own, over HTTP/2 on the same."""
    backend = world.backend("one", "anthropic", "sk-first-0123456789", "sk-second-0123456789", tls=http2)

    def deed(asked: Asked) -> Deed:
        return Deed(then="silence") if asked.key == "sk-first-0123456789" else good("anthropic", asked)

    world.stage([backend], deed, policy="k", failover=SOON)
    answer = world.run(ask_and_look(world, "openai_chat", stream, http2, 1), 10)
    assert seen("openai_chat", stream, answer).text == "A good answer."
    (record,) = records
    assert [(one["key"], one["outcome"]) for one in record.tries] == [("…6789", "hedged"), ("…6789", "answered")]
    assert answer.headers["x-parley-attempt"] == "2"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_with_one_key_and_one_backend_nothing_happens(
    world: World, protocol: ProtocolName, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    beside = Exchange.attempt_beside
    monkeypatch.setattr(Exchange, "attempt_beside", lambda self: (looked.append(self), beside(self))[1])
    stage = Stage(world, (protocol,) * 3, stream)
    go = stage.waits_and_answers("one")
    world.stage([world.backend("one", protocol)], stage.deed, failover=Failover(hedge_after=0.01))

    async def asking() -> httpx.Response:
        world.loop.call_later(0.1, go.set)
        return await ask_and_look(world, protocol, stream, http2=False)

    answer = world.run(asking(), 10)
    assert seen(protocol, stream, answer).text == "From one."
    assert len(world.upstream.asked) == len(world.watcher.attempts) == len(looked) == 1
    assert "x-parley-attempts" not in answer.headers


@pytest.mark.parametrize("client", PROTOCOLS)
def test_a_winner_that_falls_silent_is_given_up_as_always(world: World, client: ProtocolName) -> None:
    def deed(asked: Asked) -> Deed:
        first, some = partly("anthropic", asked)
        return Deed(then="silence") if asked.backend == "one" else Deed([*first, *some], content_type=SSE, then="hold")

    world.stage([world.backend(name, "anthropic") for name in NAMES[:2]], deed, failover=SOON, timeout=0.3)
    told = seen_stream(client, world.run(ask_and_look(world, client, True, False, 2), 10).content)
    assert (told.text, told.ended) == ("A part ", False)
    assert told.error is not None
    assert "no byte for 0.3 seconds" in told.error[1]


def test_that_a_slow_backend_lost_says_nothing_good_of_it_either(world: World) -> None:
    """What it has failed before still counts."""
    rests, gone = Rests(time.monotonic), Fault(FaultKind.UPSTREAM, "gone")
    stage = Stage(world, ("gemini",) * 3, stream=True)
    second_is_faster(stage)
    world.stage([world.backend(name, "gemini") for name in NAMES[:2]], stage.deed, failover=SOON, rests=rests)
    for _ in range(Patience().failures - 1):
        rests.failed("one", None, "m", gone, None)
    world.run(ask_and_look(world, "gemini", True, False, 1), 10)
    assert not rests.is_open("one")
    rests.failed("one", None, "m", gone, None)
    assert rests.is_open("one")


def test_off_no_attempt_races(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(HedgingStream, "_race")
    world.stage([world.backend("one", "gemini")], lambda asked: good("gemini", asked))
    assert seen_stream("openai_chat", world.ask("openai_chat", stream=True).content).text == "A good answer."


@pytest.mark.parametrize("http2", [False, True])
def test_a_backend_that_cannot_be_connected_to_holds_nobody_up(
    world: World, records: list[Record], http2: bool
) -> None:
    """Its connection is still being opened when the other attempt answers."""
    silent = world.backend("one", "anthropic", base=f"https://127.0.0.1:{world.silent}/one")
    other = world.backend("two", "openai_chat", tls=http2)
    world.stage([silent, other], lambda asked: good("openai_chat", asked), failover=replace(SOON, connect=0.5))
    answer = world.run(ask_and_look(world, "anthropic", True, http2), 10)
    assert seen_stream("anthropic", answer.content).text == "A good answer."
    assert [one["outcome"] for one in records[0].tries] == ["hedged", "answered"]
    lost = next(flow for flow in world.watcher.attempts if flow.metadata["parley_attempt"] == 1)
    assert lost.error is not None
    assert lost.error.msg == "attempt 2 was faster"


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_ends_both(world: World, records: list[Record], stream: bool, http2: bool) -> None:
    backends = [world.backend(name, "openai_chat", tls=http2) for name in NAMES[:2]]
    upstream = world.upstream_tls if http2 else world.upstream
    both = asyncio.Event()

    def deed(asked: Asked) -> Deed:
        if asked.backend == "two":
            both.set()
        return Deed([b" "], content_type=SSE, then="hold")

    world.stage(backends, deed, failover=SOON)

    async def hanging_up() -> None:
        async with world.client(http2) as client:
            asking = asyncio.create_task(post(client, "anthropic", stream))
            await both.wait()
            asking.cancel()
            await asyncio.wait([asking])
        await nothing_left(world, cancelled=2)

    world.run(hanging_up(), 10)
    assert sorted(upstream.cancelled) == ["one", "two"]
    (record,) = records
    assert (record.outcome, [one["outcome"] for one in record.tries]) == ("cancelled", ["cancelled", "cancelled"])
    assert {flow.error.msg for flow in world.watcher.attempts if flow.error} == {"the client has gone"}


@pytest.mark.parametrize("stream", [False, True])
def test_a_person_who_kills_the_request_ends_both(world: World, stream: bool) -> None:
    """Seen at the next thing that happens."""
    stage = Stage(world, ("openai_chat", "gemini", "anthropic"), stream)
    go = stage.waits_and_answers("one")
    stage.is_silent("two")
    world.stage([world.backend("one", "openai_chat"), world.backend("two", "gemini")], stage.deed, failover=SOON)

    def kill() -> None:
        (flow,) = world.program.table._flows.values()
        flow.kill()
        go.set()

    stage.on_asked["two"] = kill
    with pytest.raises(httpx.RemoteProtocolError):
        world.run(ask_and_look(world, "openai_chat", stream, http2=False), 10)
    world.run(nothing_left(world, cancelled=1), 10)
    assert world.upstream.cancelled == ["two"]


@pytest.mark.parametrize("client", PROTOCOLS)
def test_late_events_of_the_one_that_lost_are_ignored(
    world: World, records: list[Record], client: ProtocolName
) -> None:
    """It goes on talking on its cancelled stream while the other is streamed on the same HTTP/2 connection."""
    backends = [world.backend(name, "openai_chat", tls=True) for name in NAMES[:2]]
    go, last = asyncio.Event(), asyncio.Event()

    def deed(asked: Asked) -> Deed:
        deed = good("openai_chat", asked, f"From {asked.backend}.")
        first = len(partly("openai_chat", asked)[0])
        if asked.backend == "one":
            return replace(deed, chunks=deed.chunks[:first], then="wait", rest=deed.chunks[first:], go=go)
        return replace(deed, chunks=deed.chunks[: first + 1], then="wait", rest=deed.chunks[first + 1 :], go=last)

    world.stage(backends, deed, failover=SOON)

    async def asking() -> bytes:
        body = b""
        async with (
            world.client(http2=True) as http_client,
            http_client.stream("POST", address(client, "r", True), json=request(client, "r", True)) as answer,
        ):
            async for chunk in answer.aiter_raw():
                body += chunk
                go.set()
                world.loop.call_soon(last.set)
        await nothing_left(world, cancelled=1)
        return body

    told = seen_stream(client, world.run(asking(), 10))
    assert (told.text, told.ended, told.error) == ("From two.", True, None)
    assert [one["outcome"] for one in records[0].tries] == ["hedged", "answered"]
    lost = next(flow for flow in world.watcher.attempts if flow.metadata["parley_attempt"] == 1)
    assert lost.response is not None
    assert b"From one" not in (lost.response.content or b"")


def test_tokens_of_the_one_that_lost_are_not_the_answer_s(world: World, records: list[Record]) -> None:
    """Anthropic counts the prompt in its first event."""
    stage = Stage(world, ("anthropic", "openai_chat", "gemini"), stream=True)
    second_is_faster_than_an_opening(stage)
    world.stage([world.backend("one", "anthropic"), world.backend("two", "openai_chat")], stage.deed, failover=SOON)
    world.run(ask_and_look(world, "gemini", True, False, 1), 10)
    world.stage([world.backend("two", "openai_chat")], stage.deed)
    world.run(ask_and_look(world, "gemini", True, False), 10)
    hedged, alone = records
    for name in ("backend", "served", "input", "output", "cache_read", "finish", "source"):
        assert getattr(hedged, name) == getattr(alone, name)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("acts", [first_after_all, second_is_faster], ids=["first", "second"])
def test_the_history_has_the_answer_that_was_given(
    world: World, stream: bool, acts: Callable[[Stage], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And not what was rendered last."""
    visits: list[Visit] = []
    note = UsageLog.note
    monkeypatch.setattr(
        UsageLog, "note", lambda self, visit, *more: (visits.append(visit), note(self, visit, *more))[1]
    )
    stage = Stage(world, ("gemini", "openai_chat", "anthropic"), stream)
    kept = HistorySettings(enabled=True, directory=tmp_path)
    backends = [world.backend("one", "gemini"), world.backend("two", "openai_chat")]
    world.stage(backends, stage.deed, failover=SOON, history=kept)
    acts(stage)
    answer = world.run(ask_and_look(world, "openai_chat", stream, False, 1), 10)
    ((choice,),) = (visit.heard.reply().choices for visit in visits if visit.heard)
    assert [part.text for part in choice.parts if isinstance(part, Text)] == [seen("openai_chat", stream, answer).text]


@pytest.mark.parametrize("client", PROTOCOLS)
def test_a_client_that_waits_hears_signs_of_life(world: World, client: ProtocolName) -> None:
    """With its head sent early, the winner's answer goes on behind that."""
    vendors = vendors_from(PROTOCOLS.index(client) + 1)
    stage = Stage(world, vendors, stream=True)
    stage.is_silent("one")
    go = stage.waits_and_answers("two")
    early = Failover(hedge_after=0.03, keep_alive_after=0.01, keep_alive_every=0.01, early_head=True)
    backends = [world.backend(name, vendor) for name, vendor in zip(NAMES[:2], vendors, strict=False)]
    world.stage(backends, stage.deed, failover=early)

    async def asking() -> bytes:
        world.watcher.answering = lambda: None
        body = b""
        async with (
            world.client() as http_client,
            http_client.stream("POST", address(client, "r", True), json=request(client, "r", True)) as answer,
        ):
            async for chunk in answer.aiter_raw():
                body += chunk
                if body.count(KEEP_ALIVE[client]) > 2 and len(world.upstream.asked) == 2:
                    go.set()
        await nothing_left(world, cancelled=1)
        return body

    body = world.run(asking(), 10)
    told = seen_stream(client, body)
    assert (told.text, told.ended, told.error) == ("From two.", True, None)


def test_further_keys_of_a_slow_backend_are_taken_from_its_budget(world: World) -> None:
    backend = world.backend("one", "anthropic", "sk-first-0123456789", "sk-second-0123456789")
    stage = Stage(world, ("anthropic",) * 3, stream=False)
    go = stage.waits_and_answers("one")
    spent = replace(SOON, patience=Patience(budget=0))
    world.stage([backend], stage.deed, policy="k", failover=spent)

    async def asking() -> httpx.Response:
        world.loop.call_later(0.2, go.set)
        return await ask_and_look(world, "anthropic", False, http2=False)

    assert seen("anthropic", False, world.run(asking(), 10)).text == "From one."
    assert len(world.upstream.asked) == 1


def test_a_backend_that_is_down_is_not_asked_beside_a_slow_one(world: World) -> None:
    rests = Rests(time.monotonic)
    world.stage([world.backend(name, "gemini") for name in NAMES], lambda asked: Deed(), failover=SOON, rests=rests)
    for _ in range(Patience().failures):
        rests.failed("two", None, "m", Fault(FaultKind.UPSTREAM, "gone"), None)
    stage = Stage(world, ("gemini",) * 3, stream=True)
    stage.is_silent("one")
    stage.answers("three")
    world.deed = stage.deed
    assert seen_stream("gemini", world.ask("gemini", stream=True).content).text == "From three."
    assert [asked.backend for asked in world.upstream.asked] == ["one", "three"]


@pytest.mark.parametrize(
    ("said", "races"),
    [
        (("failover",), True),
        (("backend",), True),
        (("route",), True),
        (("failover", "backend is off"), False),
        (("failover", "route is off"), False),
        (("backend is off", "route"), True),
    ],
)
def test_where_it_is_switched_on(world: World, said: tuple[str, ...], races: bool) -> None:
    after = {"backend": 0.05, "backend is off": 0.0, "route": 0.05, "route is off": 0.0}
    of_backend = next((after[name] for name in said if name.startswith("backend")), None)
    of_route = next((after[name] for name in said if name.startswith("route")), None)
    stage = Stage(world, ("gemini",) * 3, stream=True)
    go = stage.waits_and_answers("one")
    stage.answers("two")
    one, two = replace(world.backend("one", "gemini"), hedge_after=of_backend), world.backend("two", "gemini")
    world.stage([one, two], stage.deed, failover=SOON if "failover" in said else Failover())
    given = world.program.settings
    world.program.load(replace(given, routes={"r": SavedRoute("m", ("one:m", "two:m"), of_route)}))

    async def asking() -> httpx.Response:
        if not races:
            world.loop.call_later(0.2, go.set)
        return await ask_and_look(world, "gemini", True, http2=False)

    answer = world.run(asking(), 10)
    assert seen_stream("gemini", answer.content).text == ("From two." if races else "From one.")


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name)
def test_what_is_over_does_not_wait_for_the_garbage_collector(world: World, course: Course, http2: bool) -> None:
    """Prompts are large: what holds them goes with the request."""
    stage = Stage(world, vendors_from(0), stream=True)
    backends = [world.backend(name, vendor, tls=http2) for name, vendor in zip(NAMES, vendors_from(0), strict=True)]
    world.stage(backends, stage.deed, failover=SOON)
    course.acts(stage)
    world.watcher.ended = stage.over

    async def asking() -> Counter[str]:
        async with world.client(http2=http2) as client:
            await post(client, "anthropic", stream=True)
            await nothing_left(world, len(course.cancelled))
            return _held() - before

    gc.collect()
    gc.disable()
    before = _held()
    try:
        assert world.run(asking(), 10) == {}
    finally:
        gc.enable()


def _held() -> Counter[str]:
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, Exchange | ExchangeStream))


def test_metrics_count_it_as_no_failover(world: World) -> None:
    stage = Stage(world, ("gemini",) * 3, stream=True)
    second_is_faster(stage)
    world.stage([world.backend(name, "gemini") for name in NAMES[:2]], stage.deed, failover=SOON)

    def counted() -> tuple[float, float]:
        metrics = world.program.usage.metrics
        return (
            metrics._attempts.labels("one", "hedged")._value.get(),
            metrics._failovers.labels("two")._value.get(),
        )

    hedged, failed_over = counted()
    world.run(ask_and_look(world, "gemini", True, False, 1), 10)
    assert counted() == (hedged + 1, failed_over)


def test_other_calls_than_chats_are_not_made_twice(world: World) -> None:
    go = asyncio.Event()
    body = json.dumps({"object": "list", "data": [], "model": "m"}).encode()
    backends = [world.backend(name, "openai_chat") for name in NAMES[:2]]
    world.stage(backends, lambda asked: Deed(then="wait", rest=[body], go=go), failover=SOON)

    async def asking() -> httpx.Response:
        world.loop.call_later(0.2, go.set)
        async with world.client() as client:
            return await client.post("/v1/embeddings", json={"model": "r", "input": "x"})

    assert world.run(asking(), 10).status_code == 200
    assert len(world.upstream.asked) == 1
