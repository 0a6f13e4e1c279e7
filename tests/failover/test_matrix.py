"""Every fault, whole and streamed, for every client: what it sees when there is another element, and when not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from proxy_core.routing.upstreams import Backend
from tests.failover.faults import ROWS, Row, word_for
from tests.failover.speaking import PROTOCOLS, Seen, good, seen_stream, seen_whole
from tests.failover.upstream import Asked, Deed
from tests.failover.world import World

GOOD = Seen("A good answer.", ended=True)


@dataclass(frozen=True)
class Case:
    """`vendor` speaks for the backend that fails, `other` for the one behind it."""

    row: Row
    stream: bool
    client: str
    vendor: str
    other: str
    http2: bool = False

    def __str__(self) -> str:
        how = "streamed" if self.stream else "whole"
        return f"{self.row.name} {how} {self.vendor}-{self.client}{' http2' if self.http2 else ''}"

    def backends(self, world: World) -> tuple[Backend, Backend]:
        base = self.row.base.format(port=world.upstream.port, silent=world.silent)
        one = world.backend("one", self.vendor, tls=self.http2, base=base and f"{base}/one")  # type: ignore[arg-type]
        return one, world.backend("two", self.other, tls=self.http2)  # type: ignore[arg-type]

    def deed(self) -> Callable[[Asked], Deed]:
        return lambda asked: self.row.make(self.vendor, asked) if asked.backend == "one" else good(self.other, asked)


def cases() -> Iterator[Case]:
    """Each row with each client; the vendors rotate, so that each client meets each, its own protocol's too."""
    for number, row in enumerate(ROWS):
        for stream in row.streams:
            for place, client in enumerate(PROTOCOLS):
                turn = place + number + stream
                vendor, other = row.vendors[turn % len(row.vendors)], PROTOCOLS[(turn + 1 + number // 4) % 4]
                yield Case(row, stream, client, vendor, other)


def http2_cases() -> Iterator[Case]:
    for number, row in enumerate(ROWS):
        if not row.base:
            for stream in row.streams:
                turn = number + 2 * stream
                vendor = row.vendors[(turn + 1) % len(row.vendors)]
                yield Case(row, stream, PROTOCOLS[turn % 4], vendor, PROTOCOLS[(turn + 2) % 4], http2=True)


def seen(case: Case, answer: httpx.Response) -> Seen:
    if case.stream and answer.status_code == 200:
        return seen_stream(case.client, answer.content)
    return seen_whole(case.client, answer.json())


@pytest.mark.parametrize("case", [*cases(), *http2_cases()], ids=str)
def test_with_another_element_behind_it(world: World, case: Case) -> None:
    row = case.row
    world.stage(case.backends(world), case.deed(), failover=row.failover, timeout=row.timeout)
    answer = world.ask(case.client, case.stream, http2=case.http2)
    asked = [asked.backend for asked in (*world.upstream.asked, *world.upstream_tls.asked)]
    if row.moves:
        assert answer.status_code == 200
        told = seen(case, answer)
        assert (told.text, told.ended, told.error) == (GOOD.text, GOOD.ended, None)
        assert asked == (["two"] if row.base else ["one", "two"])
        assert answer.headers["x-parley-backend"] == "two"
        assert answer.headers["x-parley-attempt"] == "2"
    else:
        assert asked == ["one"]
        check_told(case, answer)


@pytest.mark.parametrize("case", [*cases(), *http2_cases()], ids=str)
def test_with_nothing_behind_it(world: World, case: Case) -> None:
    world.stage(case.backends(world)[:1], case.deed(), failover=case.row.failover, timeout=case.row.timeout)
    check_told(case, world.ask(case.client, case.stream, http2=case.http2))


def check_told(case: Case, answer: httpx.Response) -> None:
    row = case.row
    untouched = _as_the_vendor_said_it(case)
    if untouched:
        assert (answer.status_code, answer.content) == (untouched.status, b"".join(untouched.chunks))
        for name, value in untouched.headers:
            assert answer.headers[name] == value
        return
    assert answer.status_code == row.status
    told = seen(case, answer)
    assert told.error is not None
    word, message = told.error
    assert word == word_for(row, case.client)
    assert row.message in message
    assert (told.text, told.ended) == (row.text, False)
    assert answer.headers.get("retry-after") == row.retry_after
    if not row.text:
        assert answer.headers["content-type"] == "application/json"


def _as_the_vendor_said_it(case: Case) -> Deed | None:
    """An error status within one protocol passes as it came."""
    asked = Asked("one", "", {}, {"model": "m", "stream": case.stream})
    deed = case.row.make(case.vendor, asked)
    return deed if case.vendor == case.client and deed.status >= 400 else None


def test_the_matrix_is_as_large_as_it_claims() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 40
    assert {(case.client, case.stream) for case in cases()} == {(c, s) for c in PROTOCOLS for s in (False, True)}
    assert {(case.client, case.vendor) for case in cases()} == {(c, v) for c in PROTOCOLS for v in PROTOCOLS}


def test_secrets_stand_in_no_answer(world: World) -> None:
    """Keys quoted by a backend are the redaction's business; here nothing of ours may add one."""
    one, two = world.backend("one", "openai_chat"), world.backend("two", "anthropic")
    world.stage((one, two), lambda asked: Deed([json.dumps({"error": {"message": "no"}}).encode()], 429))
    answer = world.ask("gemini", stream=False)
    heard = answer.content.decode() + repr(answer.headers)
    assert not any(key in heard for key in (*one.keys, *two.keys))
    assert answer.headers["x-parley-attempts"].startswith("one:m ...6789 429 rate_limit ")
    assert "; two:m ...6789 429 rate_limit " in answer.headers["x-parley-attempts"]
