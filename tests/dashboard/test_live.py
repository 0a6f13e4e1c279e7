from __future__ import annotations

import pytest

from proxy_core.dashboard.live import LiveBoard
from proxy_core.errors import Fault, FaultKind
from proxy_core.sessions.prefix import PrefixChange
from proxy_core.turn.content import Text
from proxy_core.turn.events import BlockStarted, TextDelta, UsageReported
from proxy_core.turn.reply import Usage
from tests.dashboard.making import visit
from tests.usage.making import NOON, record

SAID = (BlockStarted(0, Text("")), TextDelta(0, "x" * 40))


@pytest.fixture
def board() -> LiveBoard:
    return LiveBoard()


def test_what_is_asked_is_shown_with_where_it_went(board: LiveBoard) -> None:
    board.begin(visit(), "f1")
    [shown] = board.running()
    assert shown["id"] == "f1"
    assert shown["time"] == NOON
    assert (shown["asked"], shown["backend"], shown["served"]) == ("strong", "anthropic", "claude-sonnet-4-6")
    assert (shown["agent"], shown["session"], shown["project"]) == ("codex", "s-1", None)


def test_what_has_not_been_sent_yet_waits(board: LiveBoard) -> None:
    board.begin(visit(begun=False), "f1")
    [shown] = board.running()
    assert (shown["state"], shown["backend"], shown["attempts"]) == ("waiting", None, 0)
    assert shown["output"] is None


def test_it_streams_once_the_client_has_something(board: LiveBoard) -> None:
    asked = visit(SAID)
    board.begin(asked, "f1")
    assert board.running()[0]["state"] == "waiting"
    assert asked.exchange
    asked.exchange.committed = True
    assert board.running()[0]["state"] == "streaming"


def test_tokens_are_estimated_until_the_backend_counts(board: LiveBoard) -> None:
    board.begin(visit(SAID), "f1")
    board.begin(visit((*SAID, UsageReported(Usage(input=7, cache_read=3, output=12)))), "f2")
    counted, estimated = board.running()
    assert (estimated["input"], estimated["output"], estimated["estimated"]) == (None, 10, True)
    assert (counted["input"], counted["output"], counted["estimated"]) == (10, 12, False)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("answered", "done"), ("local", "done"), *((name, name) for name in ("cut", "failed", "cancelled", "refused"))],
)
def test_what_is_over_says_how_it_ended(board: LiveBoard, outcome: str, state: str) -> None:
    asked = visit()
    board.begin(asked, "f1")
    board.end(asked, record(outcome=outcome, flow="f1"))
    assert board.running() == []
    [shown] = board.finished()
    assert (shown["id"], shown["state"]) == ("f1", state)
    assert (board.live, board.ended) == (0, 1)


def test_unknown_cost_is_not_zero(board: LiveBoard) -> None:
    for known in (record(cost=None), record(cost=0.0), record(cost=None, source=None, outcome="failed")):
        board.end(visit(), known)
    costs = [(shown["counted"], shown["cost"]) for shown in board.finished()]
    assert costs == [(False, None), (True, 0.0), (True, None)]


def test_loops_failovers_redactions_and_cache_changes_are_noted(board: LiveBoard) -> None:
    tries = (
        {"backend": "a", "model": "m", "key": "…abcd", "outcome": "rate_limit", "fault": "rate_limit"},
        {"backend": "b", "model": "m", "key": "", "outcome": "answered", "fault": None},
    )
    changed = visit(prefix=PrefixChange("tools[3]", 900))
    board.end(changed, record(loops=1, outcome="cut", tries=tries, redactions={"own-key": 2}, flow="f9"))
    noted = {event["kind"]: event for event in board.notable()}
    assert set(noted) == {"loop", "failover", "redaction", "cache"}
    assert [attempt["fault"] for attempt in noted["failover"]["tries"]] == ["rate_limit", None]
    assert noted["redaction"]["rules"] == {"own-key": 2}
    assert (noted["cache"]["block"], noted["cache"]["tokens"]) == ("tools[3]", 900)
    assert {event["id"] for event in noted.values()} == {"f9"}


def test_nothing_grows_without_end(board: LiveBoard) -> None:
    for number in range(3000):
        board.begin(visit(begun=False), str(number))
        board.end(visit(begun=False), record(loops=1, flow=str(number)))
    assert board.live == 2000
    assert len(board.running()) == 100
    assert board.running()[0]["id"] == "2999"
    assert len(board.finished()) == 60
    assert len(board.notable()) == 40
    assert board.finished()[0]["id"] == "2999"


def test_the_end_of_what_never_went_to_a_backend_is_shown_too(board: LiveBoard) -> None:
    refused = visit(begun=False)
    refused.exchange, refused.fault = None, Fault(FaultKind.NOT_FOUND, "no such model")
    board.end(refused, record(outcome="refused", backend=None, served=None, tries=(), source=None, fault="not_found"))
    [shown] = board.finished()
    assert (shown["state"], shown["fault"], shown["backend"]) == ("refused", "not_found", None)
