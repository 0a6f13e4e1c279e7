"""The figures of one lane."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.bench.client import Answer, BenchError, connected, load
from scripts.bench.proxies import Running
from scripts.bench.requests import request
from scripts.bench.scenario import Scenario

CONNECTIONS = 16
STREAMS = 500
WHOLE = Scenario("whole", 20)
BURSTS = Scenario("stream", 1500)
PACED = Scenario("stream", 100, 10_000)
FIRST = Scenario("stream", 2)
HOLD = Scenario("hold")
_ASKED = 30
_SETTLE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Lane:
    """`client` is the protocol that the client speaks; `prefix` stands before the model's name. `aims` are the
    largest ratios to bare, per request and per token; None where none is set."""

    name: str
    client: str = "chat"
    prefix: str = ""
    aims: tuple[float | None, float | None] = (None, None)

    def request(self, scenario: Scenario) -> bytes:
        return request(self.client, scenario, self.prefix)


BARE = Lane("bare mitmdump")
LANES = (
    Lane("verbatim: chat", aims=(1.15, 1.3)),
    Lane("edit: chat, model renamed", prefix="chat:"),
    Lane("translate: anthropic to chat", "anthropic", aims=(None, 2.5)),
    Lane("translate: chat to anthropic", prefix="claude:", aims=(None, 2.5)),
    Lane("translate: responses to chat", "responses", aims=(None, 2.5)),
    Lane("translate: gemini to chat", "gemini", aims=(None, 2.5)),
)


@dataclass(slots=True)
class Memory:
    """Bytes: the whole process with all streams open, and what one of them adds."""

    total: int
    per_stream: float


@dataclass(slots=True)
class Figures:
    """Of each round: CPU milliseconds per request and per 1,000 tokens (the request's own share taken off), and
    milliseconds to the first token."""

    request: list[float] = field(default_factory=list)
    bursts: list[float] = field(default_factory=list)
    paced: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    memory: Memory | None = None


async def measure(proxy: Running, lane: Lane, figures: Figures) -> None:
    """One round."""
    figures.request.append(await _per_request(proxy, lane))
    figures.bursts.append(await _per_token(proxy, lane, BURSTS, figures.request[-1]))
    figures.paced.append(await _per_token(proxy, lane, PACED, figures.request[-1]))
    figures.first.append(await first_token(proxy.port, lane))


async def warm_up(proxy: Running, lane: Lane) -> None:
    for scenario in (WHOLE, FIRST):
        await load(proxy.port, lane.request(scenario), connections=4, times=20)


async def first_token(port: int, lane: Lane) -> float:
    """Milliseconds, the median of requests one after another."""
    answers = await load(port, lane.request(FIRST), connections=1, times=_ASKED)
    return statistics.median(answer.first for answer in answers) * 1000


async def memory(proxy: Running, lane: Lane) -> Memory:
    """With STREAMS streams that have begun and do not go on."""
    await warm_up(proxy, lane)
    before = proxy.memory
    async with connected(proxy.port, STREAMS) as connections:
        pending = [connection.ask(lane.request(HOLD)) for connection in connections]
        await asyncio.gather(*(connection.has_token.wait() for connection in connections))
        await asyncio.sleep(_SETTLE_SECONDS)
        total = proxy.memory
        for answer in pending:
            if answer.done():
                answer.result()
            answer.cancel()
    return Memory(total, (total - before) / STREAMS)


async def _per_request(proxy: Running, lane: Lane) -> float:
    before = proxy.cpu
    answers = await load(proxy.port, lane.request(WHOLE), connections=CONNECTIONS, times=_ASKED)
    return (proxy.cpu - before) * 1000 / len(_checked(answers, WHOLE))


async def _per_token(proxy: Running, lane: Lane, scenario: Scenario, per_request: float) -> float:
    before = proxy.cpu
    answers = await load(proxy.port, lane.request(scenario), connections=CONNECTIONS, times=1)
    spent = (proxy.cpu - before) * 1000 - per_request * len(_checked(answers, scenario))
    return spent * 1000 / (len(answers) * scenario.tokens)


def _checked(answers: Sequence[Answer], scenario: Scenario) -> Sequence[Answer]:
    """A word may be cut in two by a chunk's boundary, so that a few are not found."""
    short = [answer.tokens for answer in answers if answer.tokens < scenario.tokens * 0.98]
    if short:
        raise BenchError(f"{scenario.model}: an answer had only {short[0]} of {scenario.tokens} tokens")
    return answers
