"""What becomes of a request at the front door, and what is left when its visit is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from addons.program import Program
from proxy_core.config.settings import Limits
from proxy_core.errors import FaultKind, ParleyError
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.exchange.visit import Visit
from proxy_core.wire.json import dumps
from tests.serving.asking import settings

CHAT = dumps({"model": "demo:echo", "messages": [{"role": "user", "content": "Hi"}]})


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program()
    made.load(settings(database_url=f"sqlite:///{tmp_path}/usage.db"))
    yield made
    made.usage.close()


def chat(key: str = "parley-client-key") -> Visit:
    headers = HeaderMap([("host", "127.0.0.1:8000"), ("authorization", f"Bearer {key}"), ("x-session-id", "work")])
    return Visit(Inbound("base_url", "POST", "/v1/chat/completions", headers, CHAT, client="10.0.0.1"), 0.0)


def fault_of(program: Program, visit: Visit) -> FaultKind:
    with pytest.raises(ParleyError) as caught:
        program.reception.take(visit)
    visit.fault = caught.value.fault
    return caught.value.fault.kind


def test_a_passing_request_too_large_to_be_kept_is_refused_not_sent_without_its_body(program: Program) -> None:
    upload = Inbound("proxy", "PUT", "/archive", HeaderMap([]), b"", origin="https://files.test:443")
    assert fault_of(program, Visit(upload, 0.0, oversized=1 << 30)) is FaultKind.TOO_LARGE
    assert program.reception.take(Visit(upload, 0.0)) is None


def test_the_one_off_model_of_a_request_that_was_turned_away_is_for_the_next(program: Program) -> None:
    limits = replace(Limits(), streams_per_client=1)
    program.load(replace(program.settings, limits=limits))
    first, second = chat(), chat()
    program.reception.take(first)
    assert first.session
    first.session.one_off = "demo:slow"
    assert fault_of(program, second) is FaultKind.RATE_LIMIT
    assert second.one_off == "demo:slow"
    program.reception.leave(second)
    assert first.session.one_off == "demo:slow"


def test_a_visit_that_is_over_makes_room_for_the_next(program: Program) -> None:
    program.load(replace(program.settings, limits=replace(Limits(), streams_per_client=1)))
    for _ in range(3):
        visit = chat()
        program.reception.take(visit)
        assert visit.counted
        program.reception.leave(visit)
    assert program.house.open_streams.count == 0


def test_without_the_key_nothing_is_begun(program: Program) -> None:
    visit = chat("guessed")
    assert fault_of(program, visit) is FaultKind.AUTHENTICATION
    assert (visit.session, visit.counted) == (None, False)


def test_a_visit_that_is_taken_again_counts_once_and_has_no_one_off_model(program: Program) -> None:
    visit, other = chat(), chat()
    program.reception.take(other)
    assert other.session
    other.session.one_off = "demo:slow"
    program.reception.take(visit)
    assert (visit.session, visit.one_off) == (other.session, "demo:slow")
    program.reception.take_again(visit)
    assert (visit.one_off, other.session.requests, program.house.open_streams.count) == (None, 2, 2)
    program.reception.leave(visit)
    program.reception.leave(other)
    assert (program.house.open_streams.count, other.session.one_off) == (0, None)


def test_instances_share_from_the_start_on_or_not_at_all(program: Program) -> None:
    program.load(replace(program.settings, redis_url="redis://127.0.0.1:1"))
    assert program.link is None
