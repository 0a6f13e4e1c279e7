"""The next backend asked beside a slow one, as every SDK sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any

import httpx
import pytest

from tests.live.clients.sdk import Drivers
from tests.live.conftest import config_for
from tests.live.program import CLIENT_KEY, Program
from tests.live.test_bad_input import KEY
from tests.live.test_matrix import PROTOCOLS
from tests.live.vendors.said import Said
from tests.live.vendors.upstream import VENDORS, Answer, Raw, Received, Upstream

ANSWER = Said("The quicker answer.", prompt=41, cached=0, output=5)
LATE = Said("Far too late.")
SSE = "text/event-stream"


def route(first: str, second: str) -> str:
    return f"{first}-then-{second}"


def pairs() -> list[tuple[str, str]]:
    return [(first, second) for first in PROTOCOLS for second in PROTOCOLS if first != second]


@pytest.fixture(scope="module")
def hedging(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    routes = "".join(
        f"    {route(first, second)}: {{policy: m, elements: ['{first}:m', '{second}:m'], hedge_after: 0.2}}\n"
        for first, second in pairs()
    )
    config = config_for(vendors).replace("settings:\n", f"settings:\n  timeout: 20\n  failover_routes:\n{routes}")
    program = Program(tmp_path_factory.mktemp("hedging"), config).wait()
    yield program
    program.stop()


def opening(received: Received) -> Answer:
    """All that comes before anything is generated; then nothing, until the caller hangs up."""
    if not received.streams:
        return Raw([b" "], then="hold")
    chunks = VENDORS[received.vendor].stream(LATE, received.asked)
    return Raw(list(takewhile(lambda chunk: b"Far" not in chunk, chunks)), content_type=SSE, then="hold")


def nothing(received: Received) -> Answer:
    return Raw([], content_type=SSE if received.streams else "application/json", then="hold")


def cells() -> list[Any]:
    """Every SDK with every two vendors, streamed and whole; one kind of slowness after the other."""
    made = [
        (client, first, second, streamed)
        for client in PROTOCOLS
        for first, second in pairs()
        for streamed in (False, True)
    ]
    return [pytest.param(*cell, (opening, nothing)[number // 2 % 2]) for number, cell in enumerate(made)]


def counted(http: httpx.Client, program: Program, backend: str) -> float:
    text = http.get(f"{program.base}/metrics", headers=KEY).text
    found = re.search(rf'parley_attempts_total{{backend="{backend}",outcome="hedged"}} (\S+)', text)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize(("client", "first", "second", "streamed", "slow"), cells())
def test_the_quicker_answer_is_heard_and_the_slow_one_hung_up_on(
    client: str,
    first: str,
    second: str,
    streamed: bool,
    slow: Callable[[Received], Answer],
    hedging: Program,
    vendors: Upstream,
    sdks: Drivers,
    http: httpx.Client,
) -> None:
    vendors.will_say(slow, ANSWER)
    hedged = counted(http, hedging, first)
    answer = sdks[client].talk(
        client=client,
        base=hedging.base,
        key=CLIENT_KEY,
        model=route(first, second),
        stream=streamed,
        steps=[{"user": "Hurry"}],
    )
    assert vendors.problems == []
    assert "error" not in answer, answer["error"]
    (reply,) = answer["replies"]
    assert reply["text"] == ANSWER.text
    assert [received.vendor for received in vendors.received] == [first, second]
    assert vendors.received[0].hung_up.wait(5)
    record = newest(hedging, http)
    assert (record["outcome"], record["backend"]) == ("answered", second)
    assert [attempt["outcome"] for attempt in record["attempt_list"]] == ["hedged", "answered"]
    assert record["output_tokens"] == ANSWER.output
    assert counted(http, hedging, first) == hedged + 1


def newest(program: Program, http: httpx.Client) -> dict[str, Any]:
    return http.get(f"{program.base}/usage/recent?limit=1", headers=KEY).json()["data"][0]
