from __future__ import annotations

import pytest

from proxy_core.errors import FaultKind
from proxy_core.routing import rests
from proxy_core.routing.rests import LONGEST_PAUSE, Patience
from tests.routing.resting import Resting


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMIT, FaultKind.OVERLOADED])
def test_a_limited_key_rests_for_that_model_alone_as_long_as_was_asked(kind: FaultKind) -> None:
    resting = Resting()
    assert resting.fail(kind, asked=20) == 20
    assert resting.wakes_in(model="other") == 0
    assert resting.wakes_in(key="k2") == 0
    resting.clock.now += 20
    assert resting.wakes_in() == 0


@pytest.mark.parametrize("kind", [FaultKind.AUTHENTICATION, FaultKind.BILLING, FaultKind.PERMISSION])
def test_a_refused_key_rests_for_every_model(kind: FaultKind) -> None:
    resting = Resting()
    assert resting.fail(kind) == 60
    assert resting.wakes_in(model="other") == 60
    assert resting.wakes_in(key="k2") == 0


def test_a_refused_key_is_not_woken_early_by_limits_that_are_restored() -> None:
    resting = Resting()
    assert resting.fail(FaultKind.AUTHENTICATION, asked=1) == 60
    assert resting.fail(FaultKind.AUTHENTICATION, key="k2", asked=600) == 600


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.INVALID_REQUEST,
        FaultKind.CONTEXT_LENGTH,
        FaultKind.NOT_FOUND,
        FaultKind.CONFLICT,
        FaultKind.TOO_LARGE,
        FaultKind.UPSTREAM,
        FaultKind.TIMEOUT,
    ],
)
def test_other_faults_burn_no_key(kind: FaultKind) -> None:
    """T76."""
    assert Resting().fail(kind, asked=30) == 0


def test_without_a_word_pauses_grow_and_success_forgets_them() -> None:
    resting = Resting()
    pauses = []
    for _ in range(10):
        pauses.append(resting.fail(FaultKind.RATE_LIMIT))
        resting.clock.now += pauses[-1]
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == LONGEST_PAUSE
    resting.rests.succeeded("a", "k1", "m")
    assert resting.fail(FaultKind.RATE_LIMIT) == 5


def test_requests_that_fail_together_count_once() -> None:
    resting = Resting()
    assert [resting.fail(FaultKind.RATE_LIMIT) for _ in range(50)] == [5] * 50


def test_a_shorter_wish_does_not_end_a_rest_early() -> None:
    resting = Resting()
    resting.fail(FaultKind.RATE_LIMIT, asked=60)
    assert resting.fail(FaultKind.RATE_LIMIT, asked=1) == 60


def test_a_backend_that_is_down_costs_one_probe() -> None:
    resting = Resting()
    waits = [resting.fail(FaultKind.UPSTREAM, key=f"k{number}") for number in range(5)]
    assert waits == [0, 0, 0, 0, 5]
    assert resting.wakes_in(key="k9", model="other") == 5
    resting.clock.now += 5
    assert resting.wakes_in() == 0
    resting.rests.begin("a")
    assert resting.wakes_in() == 5, "everyone else goes on waiting while the probe is under way"
    assert resting.rests.is_open("a")
    resting.rests.succeeded("a", "k1", "m")
    assert resting.wakes_in() == 0
    assert not resting.rests.is_open("a")


def test_probes_that_fail_come_ever_more_rarely() -> None:
    resting = Resting(patience=Patience(failures=2, first_break=1, longest_break=5))
    resting.fail(FaultKind.TIMEOUT)
    breaks = [resting.fail(FaultKind.CUT)]
    for _ in range(4):
        resting.clock.now += breaks[-1]
        resting.rests.begin("a")
        breaks.append(resting.fail(FaultKind.UPSTREAM))
    assert breaks == [1, 2, 4, 5, 5]


def test_requests_that_were_under_way_do_not_prolong_the_break() -> None:
    resting = Resting()
    assert [resting.fail(FaultKind.UPSTREAM) for _ in range(200)][4:] == [5] * 196


def test_a_probe_that_is_never_heard_of_again_does_not_close_the_backend_for_good() -> None:
    resting = Resting(patience=Patience(failures=1))
    resting.fail(FaultKind.UPSTREAM)
    resting.clock.now += 5
    resting.rests.begin("a")
    resting.clock.now += 5
    assert resting.wakes_in() == 0


def test_a_probe_whose_client_went_away_leaves_it_to_the_next() -> None:
    resting = Resting(patience=Patience(failures=1))
    resting.fail(FaultKind.UPSTREAM)
    resting.clock.now += 5
    resting.rests.begin("a")
    resting.rests.abandoned("a")
    assert resting.wakes_in() == 0


def test_an_answer_of_any_kind_shows_that_the_backend_is_up() -> None:
    resting = Resting(patience=Patience(failures=2))
    for _ in range(5):
        resting.fail(FaultKind.UPSTREAM)
        resting.fail(FaultKind.INVALID_REQUEST)
    assert not resting.rests.is_open("a")


def test_insisting_is_bounded_and_earned_by_success() -> None:
    resting = Resting(patience=Patience(budget=2, budget_share=0.5))
    assert [resting.rests.may_insist("a") for _ in range(3)] == [True, True, False]
    assert resting.rests.may_insist("b")
    for _ in range(2):
        resting.rests.succeeded("a", "k1", "m")
    assert [resting.rests.may_insist("a") for _ in range(2)] == [True, False]


def test_head_room_is_forgotten_when_it_is_restored() -> None:
    resting = Resting()
    assert resting.rests.headroom("a", "k1") is None
    resting.rests.note_headroom("a", "k1", 0.1, lasts=8)
    assert resting.rests.headroom("a", "k1") == 0.1
    resting.clock.now += 8
    assert resting.rests.headroom("a", "k1") == 1


def test_people_are_told_what_rests_and_why() -> None:
    resting = Resting()
    resting.fail(FaultKind.RATE_LIMIT, asked=20)
    resting.fail(FaultKind.BILLING)
    resting.fail(FaultKind.RATE_LIMIT, key="k2")
    resting.clock.now += 10
    assert resting.rests.states("a", "k1") == [("m", 10, FaultKind.RATE_LIMIT), (None, 50, FaultKind.BILLING)]
    assert resting.rests.states("a", "k2") == []


def test_memory_is_bounded_whatever_models_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rests, "_MOST_ENTRIES", 100)
    resting = Resting()
    for number in range(1000):
        resting.fail(FaultKind.RATE_LIMIT, model=f"m{number}", asked=1000 + number)
    assert len(resting.rests._rests) == 100
    assert resting.wakes_in(model="m999") > 0
