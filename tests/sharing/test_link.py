"""How requests wait for the log, and do not: with a log in the test's hands, and with a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

pytest.importorskip("redis")

from addons import sharing
from proxy_core.sessions.session import Session
from proxy_core.sharing.changes import Change, SessionChange
from proxy_core.sharing.link import LONGEST_PAUSE, Link
from proxy_core.sharing.redis_log import News, RedisLog
from proxy_core.sharing.replica import Snapshot
from tests.sharing.making import Instance, mirrored
from tests.sharing.server import RedisServer

PLACE = "redis.example:6379/0"


@dataclass
class FakeLog:
    """Answers when `answering` is set; `fails` with an error, where there is one."""

    written: list[Change] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    fails: list[OSError] = field(default_factory=list)
    loads: int = 0
    rounds: int = 0
    answering: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answering.set()

    async def load(self) -> Snapshot:
        self.loads += 1
        await self._answer()
        return Snapshot(1_700_000_000.0)

    async def exchange(self, changes: Sequence[Change], claims: Sequence[str] = ()) -> News:
        self.rounds += 1
        await self._answer()
        self.written += changes
        return self.news.pop(0) if self.news else News()

    async def close(self) -> None:
        pass

    async def _answer(self) -> None:
        await self.answering.wait()
        if self.fails:
            raise self.fails.pop(0)


@dataclass
class World:
    here: Instance
    log: FakeLog
    link: Link
    pauses: list[float]
    go_on: asyncio.Queue[None]


def play(act: Callable[[World], Coroutine[Any, Any, None]], patience: float = 30.0, *fails: OSError) -> None:
    async def main() -> None:
        here, log, pauses, go_on = Instance(), FakeLog(fails=list(fails)), [], asyncio.Queue[None]()

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            await go_on.get()

        link = Link(here.replica, lambda report: log, PLACE, lambda: patience, lambda: 0.0, pause)
        await link.start()
        try:
            await act(World(here, log, link, pauses, go_on))
        finally:
            log.answering.set()
            await link.stop()

    asyncio.run(main())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


def test_a_request_hears_what_was_told_before_it_and_tells_before_it_goes_on() -> None:
    async def act(world: World) -> None:
        session = world.here.asks("hi", session="s")
        span = world.link.span()
        await world.link.settle(span)
        assert [change.id for change in world.log.written if isinstance(change, SessionChange)] == ["s"]
        told = SessionChange(session.owner, "s", {"model": "m"}, world.here.clocks.now())
        world.log.news.append(News([(False, [told])]))
        await world.link.catch_up(span)
        assert session.settings.model == "m"

    play(act)


def test_what_is_asked_for_while_redis_is_asked_is_done_together_next() -> None:
    async def act(world: World) -> None:
        world.log.answering.clear()
        first = asyncio.create_task(world.link.catch_up(world.link.span()))
        await until(lambda: world.log.rounds == 1)
        others = [asyncio.create_task(world.link.catch_up(world.link.span())) for _ in range(50)]
        await asyncio.sleep(0)
        world.log.answering.set()
        await asyncio.gather(first, *others)
        assert world.log.rounds == 2

    play(act)


def test_nobody_waits_longer_than_agreed_and_then_nobody_waits(caplog: pytest.LogCaptureFixture) -> None:
    async def act(world: World) -> None:
        world.log.answering.clear()
        await world.link.catch_up(world.link.span())
        rounds = world.log.rounds
        for _ in range(20):
            await world.link.catch_up(world.link.span())
        assert world.log.rounds == rounds
        assert world.link.state.connected
        world.log.answering.set()
        session = world.here.asks("hi", session="s")
        await until(lambda: not world.here.replica.has_pending)
        await world.link.settle(world.link.span())
        assert session.id == "s"

    play(act, patience=0.01)
    assert len([1 for record in caplog.records if "took longer than 10 ms" in record.getMessage()]) == 1


def test_a_lost_redis_lets_go_of_everyone_and_is_tried_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    async def act(world: World) -> None:
        world.log.answering.clear()
        waiting = [asyncio.create_task(world.link.catch_up(world.link.span())) for _ in range(3)]
        await until(lambda: world.log.rounds == 1)
        world.log.fails += [OSError(f"gone {number}") for number in range(10)]
        session = world.here.asks("hi", session="s")
        world.log.answering.set()
        await asyncio.gather(*waiting)
        assert world.link.report()["status"] == "unreachable"
        world.here.sets(session, model="m")
        await world.link.settle(world.link.span())
        for number in range(10):
            await until(lambda number=number: len(world.pauses) == number + 1)
            world.go_on.put_nowait(None)
        await until(lambda: world.link.state.connected)
        await until(lambda: not world.here.replica.has_pending)
        await world.link.settle(world.link.span())
        [told] = [change for change in world.log.written if isinstance(change, SessionChange)]
        assert told.set.get("model") == "m"
        assert all(later > earlier for earlier, later in zip(world.pauses[:5], world.pauses[1:6], strict=True))
        assert max(world.pauses) <= LONGEST_PAUSE * 1.2

    play(act)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(" (")[0].split(";")[0] for line in lines] == [
        f"Redis at {PLACE} is lost",
        f"Redis at {PLACE} is there again",
    ]


def test_what_redis_refused_when_it_was_lost_is_told_again() -> None:
    async def act(world: World) -> None:
        world.log.fails.append(ConnectionResetError("in the middle"))
        session = world.here.asks("hi", session="s")
        world.here.sets(session, model="m")
        await world.link.settle(world.link.span())
        assert world.log.written == []
        world.go_on.put_nowait(None)
        await until(lambda: bool(world.log.written))

    play(act)


def test_without_redis_at_the_start_memory_is_used() -> None:
    async def act(world: World) -> None:
        assert (world.link.state.connected, world.link.state.why) == (False, "no route")
        world.here.asks("hi", session="s")
        await world.link.catch_up(world.link.span())
        await world.link.settle(world.link.span())
        assert world.log.rounds == 0

    play(act, 30.0, OSError("no route"))


def test_a_log_with_a_gap_is_read_from_the_store() -> None:
    async def act(world: World) -> None:
        world.log.news.append(News(missed=True))
        await world.link.catch_up(world.link.span())
        await until(lambda: world.log.loads == 2)
        assert world.link.state.connected

    play(act)


@dataclass
class Party:
    """A proxy on the real Redis."""

    here: Instance
    link: Link

    async def begins(self) -> None:
        await self.link.start()
        assert self.link.state.connected, self.link.state.why


def party(server: RedisServer, patience: float = 30.0) -> Party:
    here = Instance()
    link = Link(here.replica, lambda report: RedisLog(server.url, report), PLACE, lambda: patience, lambda: 0.0)
    return Party(here, link)


def together(
    server: RedisServer, act: Callable[[Party, Party], Coroutine[Any, Any, None]], patience: float = 30.0
) -> None:
    async def main() -> None:
        one, other = party(server, patience), party(server, patience)
        try:
            await one.begins()
            await other.begins()
            await act(one, other)
        finally:
            await one.link.stop()
            await other.link.stop()

    asyncio.run(main())


class _Takes:
    """In place of the reception: takes the session's one-off model, as a request that goes upstream does."""

    def __init__(self) -> None:
        self.taken: list[str | None] = []

    def take(self, visit: Any) -> None:
        visit.one_off = visit.session.take_one_off()
        self.taken.append(visit.one_off)

    def take_again(self, visit: Any) -> None:
        self.taken.pop()
        self.take(visit)


@dataclass
class _Visit:
    session: Session
    one_off: str | None = None


@pytest.mark.parametrize("attempt", range(5))
def test_a_one_off_model_is_used_once_by_two_requests_at_the_same_moment(server: RedisServer, attempt: int) -> None:
    async def act(one: Party, other: Party) -> None:
        session = one.here.asks("hi", session="s")
        one.here.sets(session, one_off="m")
        await one.link.settle(one.link.span())
        await other.link.catch_up(other.link.span())
        there = mirrored(other.here, session)
        takes = _Takes()
        await asyncio.gather(
            sharing.take(one.link, takes, _Visit(session)),  # type: ignore[arg-type]
            sharing.take(other.link, takes, _Visit(there)),  # type: ignore[arg-type]
        )
        assert sorted(map(str, takes.taken)) == ["None", "m"]

    together(server, act)


def test_a_frozen_redis_holds_nobody_up(server: RedisServer) -> None:
    async def act(one: Party, other: Party) -> None:
        session = one.here.asks("hi", session="s")
        await one.link.settle(one.link.span())
        server.freeze()
        try:
            one.here.sets(session, model="m")
            for _ in range(50):
                await one.link.catch_up(one.link.span())
                assert len(one.link._waiting) <= 1, "nobody waits but the first"
        finally:
            server.thaw()
        await until(lambda: not one.here.replica.has_pending)
        await _known(other, session, "m")

    together(server, act, patience=0.5)


def test_a_killed_redis_gets_all_back_from_those_who_remember(server: RedisServer) -> None:
    async def act(one: Party, other: Party) -> None:
        session = one.here.asks("hi", session="s")
        await one.link.settle(one.link.span())
        server.kill()
        one.here.sets(session, model="m")
        await one.link.settle(one.link.span())
        server.start()
        await _known(other, session, "m")
        late = party(server)
        await late.begins()
        await late.link.catch_up(late.link.span())
        assert mirrored(late.here, session).settings.model == "m"
        await late.link.stop()

    together(server, act)


async def _known(party: Party, session: Session, model: str) -> None:
    async def look() -> bool:
        await party.link.catch_up(party.link.span())
        found = party.here.sessions.get(session.owner, session.id)
        return found is not None and found.settings.model == model

    async with asyncio.timeout(20):
        while not await look():  # noqa: ASYNC110
            await asyncio.sleep(0)
