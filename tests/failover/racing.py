"""Attempts side by side: what each backend does, told in terms of the others, and what is left over of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
from mitmproxy import http
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream

from proxy_core.config.settings import Failover
from proxy_core.turn.content import ProtocolName
from tests.failover.speaking import PROTOCOLS, SSE, Seen, failing, good, overload_event, partly, seen_stream, seen_whole
from tests.failover.upstream import Asked, Deed
from tests.failover.world import World, post

SOON = Failover(hedge_after=0.05)
NAMES: tuple[str, ...] = ("one", "two", "three")


@dataclass(frozen=True)
class Course:
    """What the backends do, by the vendors they are, and what is to come of it. `cancelled` are backends; `outcomes`
    are those of the attempts, in order; `served` is None where the client hears an error."""

    name: str
    acts: Callable[[Stage], None]
    served: str | None
    outcomes: tuple[str, ...]
    cancelled: tuple[str, ...] = ()


class Stage:
    """What each backend does next, told in terms of the others."""

    def __init__(self, world: World, vendors: Sequence[ProtocolName], stream: bool) -> None:
        self.acts: dict[str, Callable[[Asked], Deed]] = {}
        self.on_asked: dict[str, Callable[[], None]] = {}
        self.on_over: dict[int, Callable[[], None]] = {}
        self._vendors = dict(zip(NAMES, vendors, strict=True))
        self._world = world
        self._stream = stream

    def deed(self, asked: Asked) -> Deed:
        if act := self.on_asked.get(asked.backend):
            self._world.loop.call_soon(act)
        return self.acts[asked.backend](asked)

    def over(self, flow: http.HTTPFlow) -> None:
        if act := self.on_over.get(flow.metadata["parley_attempt"]):
            act()

    def is_silent(self, name: str) -> None:
        self.acts[name] = lambda asked: Deed(then="silence")

    def only_opens(self, name: str) -> None:
        """A head, and of a stream what comes before anything is generated."""

        def act(asked: Asked) -> Deed:
            opening = partly(self._vendors[name], asked)[0] if asked.streams else [b" "]
            return Deed(opening, content_type=SSE if asked.streams else "application/json", then="hold")

        self.acts[name] = act

    def answers(self, name: str) -> None:
        self.acts[name] = lambda asked: good(self._vendors[name], asked, f"From {name}.")

    def refuses(self, name: str) -> None:
        self.acts[name] = lambda asked: Deed([failing(self._vendors[name], 429, "Too fast.")], 429)

    def waits_and_answers(self, name: str) -> asyncio.Event:
        go = asyncio.Event()

        def act(asked: Asked) -> Deed:
            deed = good(self._vendors[name], asked, f"From {name}.")
            cut = len(partly(self._vendors[name], asked)[0]) if asked.streams else 0
            return replace(deed, chunks=deed.chunks[:cut], then="wait", rest=deed.chunks[cut:], go=go)

        self.acts[name] = act
        return go

    def waits_and_fails(self, name: str) -> asyncio.Event:
        go = asyncio.Event()

        def act(asked: Asked) -> Deed:
            vendor = self._vendors[name]
            if asked.streams:
                return Deed(
                    partly(vendor, asked)[0], content_type=SSE, then="wait", rest=[overload_event(vendor)], go=go
                )
            word = "overloaded_error" if vendor.startswith("openai") else ""
            return Deed(status=529, then="wait", rest=[failing(vendor, 529, "Not now.", word)], go=go)

        self.acts[name] = act
        return go


def second_is_faster(stage: Stage) -> None:
    stage.is_silent("one")
    stage.answers("two")


def second_is_faster_than_an_opening(stage: Stage) -> None:
    stage.only_opens("one")
    stage.answers("two")


def first_after_all(stage: Stage) -> None:
    stage.on_asked["two"] = stage.waits_and_answers("one").set
    stage.only_opens("two")


def _first_fails_meanwhile(stage: Stage) -> None:
    stage.on_asked["two"] = stage.waits_and_fails("one").set
    stage.on_over[1] = stage.waits_and_answers("two").set


def _second_fails_and_the_first_answers(stage: Stage) -> None:
    """Another is made beside the first at once: it has long been slow."""
    stage.on_asked["three"] = stage.waits_and_answers("one").set
    stage.refuses("two")
    stage.is_silent("three")


def _second_fails_and_the_third_answers(stage: Stage) -> None:
    stage.is_silent("one")
    stage.refuses("two")
    stage.answers("three")


def _both_fail_and_the_third_answers(stage: Stage) -> None:
    stage.on_asked["two"] = stage.waits_and_fails("one").set
    stage.on_over[1] = stage.waits_and_fails("two").set
    stage.answers("three")


def _all_fail(stage: Stage) -> None:
    stage.on_asked["two"] = stage.waits_and_fails("one").set
    stage.on_over[1] = stage.waits_and_fails("two").set
    stage.refuses("three")


COURSES = (
    Course("second is faster", second_is_faster, "two", ("hedged", "answered"), ("one",)),
    Course(
        "second is faster than an opening", second_is_faster_than_an_opening, "two", ("hedged", "answered"), ("one",)
    ),
    Course("first after all", first_after_all, "one", ("answered", "hedged"), ("two",)),
    Course("first fails meanwhile", _first_fails_meanwhile, "two", ("overloaded", "answered")),
    Course(
        "second fails, the first answers",
        _second_fails_and_the_first_answers,
        "one",
        ("answered", "rate_limit", "hedged"),
        ("three",),
    ),
    Course(
        "second fails, the third answers",
        _second_fails_and_the_third_answers,
        "three",
        ("hedged", "rate_limit", "answered"),
        ("one",),
    ),
    Course(
        "both fail, the third answers",
        _both_fail_and_the_third_answers,
        "three",
        ("overloaded", "overloaded", "answered"),
    ),
    Course("all fail", _all_fail, None, ("overloaded", "overloaded", "rate_limit")),
)


@dataclass(frozen=True)
class Case:
    course: Course
    client: ProtocolName
    vendors: tuple[ProtocolName, ...]
    stream: bool
    http2: bool

    def __str__(self) -> str:
        ways = "stream" if self.stream else "whole", "h2" if self.http2 else "h1"
        return ", ".join((self.course.name, f"{self.client} to {'/'.join(self.vendors[:2])}", *ways))


def vendors_from(first: int) -> tuple[ProtocolName, ...]:
    """Three different ones."""
    turned = PROTOCOLS[first % 4 :] + PROTOCOLS[: first % 4]
    return turned[:3]


def cases() -> Iterator[Case]:
    """Each course streamed and whole, over HTTP/1.1 and HTTP/2 with TLS, every protocol as client and as either
    vendor; the first two attempts speak different ones."""
    number = 0
    for course in COURSES:
        for stream in (True, False):
            for http2 in (False, True):
                for _ in range(2):
                    client, first = number % 4, number + number // 4
                    vendors = vendors_from(first)
                    yield Case(course, PROTOCOLS[client], vendors, stream, http2)
                    number += 1


async def ask_and_look(world: World, client: str, stream: bool, http2: bool, cancelled: int = 0) -> httpx.Response:
    """Says what was answered once nothing is left over, though the client stays."""
    async with world.client(http2) as http_client:
        answer = await post(http_client, client, stream)
        await nothing_left(world, cancelled)
        return answer


async def nothing_left(world: World, cancelled: int) -> None:
    """Waits for it: closing takes a few turns of the loop. The test's own patience ends a wait in vain."""
    while len([*world.upstream.cancelled, *world.upstream_tls.cancelled]) < cancelled or _left(world):  # noqa: ASYNC110
        await asyncio.sleep(0)


def _left(world: World) -> int:
    """Streams, what they wait for (alarms, connections) and exchanges."""
    layers = [layer for handler in world.handlers() for layer in _http_layers(handler)]
    waits = [source for layer in layers for source in layer.command_sources.values() if isinstance(source, HttpStream)]
    streams = sum(len(layer.streams) + len(layer.waiting_for_establishment) for layer in layers)
    return len(waits) + streams + len(world.program.table)


def streams_of(world: World) -> list[HttpStream]:
    return [
        stream for handler in world.handlers() for layer in _http_layers(handler) for stream in layer.streams.values()
    ]


def _http_layers(handler: Any) -> list[HttpLayer]:
    return [layer for layer in handler.layer.context.layers if isinstance(layer, HttpLayer)]


def seen(client: str, stream: bool, answer: httpx.Response) -> Seen:
    if stream and answer.status_code == 200:
        return seen_stream(client, answer.content)
    return seen_whole(client, answer.json())
