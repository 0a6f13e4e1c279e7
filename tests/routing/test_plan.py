"""Which upstreams are tried, in which order. interface.md fixes the policies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from proxy_core.errors import Fault, FaultKind
from proxy_core.routing.plan import Candidate, Element, Plan, Policy, candidates, most_telling, only, plan, split_weight
from proxy_core.routing.rests import Patience
from tests.routing.resting import Resting, element, fault

ONE, TWO, THREE = element("a", "a1", "a2", "a3"), element("b", "b1"), element("c", "c1", "c2")


def named(order: Sequence[Candidate]) -> list[str]:
    return [str(candidate.key) for candidate in order]


def always(candidate: Candidate) -> bool:
    return True


@pytest.mark.parametrize(
    ("policy", "keys"),
    [
        ("k", ["a1", "a2", "a3"]),
        ("m", ["a1", "b1", "c1"]),
        ("km", ["a1", "a2", "a3", "b1", "c1", "c2"]),
        ("mk", ["a1", "b1", "c1", "a2", "c2", "a3"]),
        ("rr", ["a1", "b1", "c1"]),
    ],
)
def test_the_order_of_each_policy_with_uneven_keys(policy: Policy, keys: list[str]) -> None:
    assert named(candidates(policy, (ONE, TWO, THREE), always)) == keys


@pytest.mark.parametrize("policy", ["k", "m", "km", "mk", "rr"])
def test_no_elements_no_attempts(policy: Policy) -> None:
    assert candidates(policy, (), always) == []


def test_policy_m_takes_the_first_usable_key() -> None:
    usable = {"a2", "a3", "b1"}
    assert named(candidates("m", (ONE, TWO, THREE), lambda candidate: candidate.key in usable)) == ["a2", "b1", "c1"]


def run(
    order: Sequence[Candidate], resting: Resting, outcome: Callable[[str], Fault | None], model: bool = False
) -> list[str]:
    """The keys that were tried; the rests learn of every outcome as they do in the router."""
    made = plan(order, resting.rests)
    tried = []
    upstream = next(made, None)
    while upstream:
        key = str(upstream.key)
        tried.append(f"{upstream.model}/{key}" if model else key)
        came = outcome(key)
        if came:
            resting.rests.failed(upstream.backend.name, upstream.key, upstream.model, came, came.retry_after)
        else:
            resting.rests.succeeded(upstream.backend.name, upstream.key, upstream.model)
        try:
            upstream = made.send(came)
        except StopIteration:
            break
    return tried


def always_failing(kind: FaultKind) -> Callable[[str], Fault | None]:
    return lambda key: fault(kind)


KM = candidates("km", (ONE, TWO, THREE), always)


def test_the_first_success_ends_the_plan() -> None:
    assert run(KM, Resting(), lambda key: None if key == "b1" else fault(FaultKind.RATE_LIMIT)) == [
        "a1",
        "a2",
        "a3",
        "b1",
    ]


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.RATE_LIMIT,
        FaultKind.OVERLOADED,
        FaultKind.UPSTREAM,
        FaultKind.TIMEOUT,
        FaultKind.CUT,
        FaultKind.CONFLICT,
        FaultKind.AUTHENTICATION,
        FaultKind.BILLING,
        FaultKind.PERMISSION,
        FaultKind.INTERNAL,
    ],
)
def test_each_attempt_is_made_once(kind: FaultKind) -> None:
    assert run(KM, Resting(), always_failing(kind)) == ["a1", "a2", "a3", "b1", "c1", "c2"]


@pytest.mark.parametrize("kind", [FaultKind.INVALID_REQUEST, FaultKind.TOO_LARGE, FaultKind.METHOD_NOT_ALLOWED])
def test_a_fault_of_the_request_goes_back_at_once_and_burns_no_key(kind: FaultKind) -> None:
    resting = Resting()
    assert run(KM, resting, always_failing(kind)) == ["a1"]
    assert resting.wakes_in("a", "a1") == 0


def test_a_model_that_is_not_there_is_not_asked_for_with_other_keys() -> None:
    assert run(KM, Resting(), always_failing(FaultKind.NOT_FOUND)) == ["a1", "b1", "c1"]


def sized(*windows: int | None) -> list[Candidate]:
    elements = [element(name, f"{name}1", f"{name}2", window=size) for name, size in zip("abcd", windows, strict=False)]
    return candidates("km", elements, always)


@pytest.mark.parametrize(
    ("windows", "tried"),
    [
        ((100, 100), ["a1"]),
        ((100, 50, 200), ["a1", "c1"]),
        ((100, None, 200), ["a1", "b1", "c1"]),
        ((100, 200, 150, 300), ["a1", "b1", "d1"]),
        ((None, 200), ["a1", "b1"]),
    ],
)
def test_what_is_too_long_goes_only_where_the_window_is_larger(
    windows: tuple[int | None, ...], tried: list[str]
) -> None:
    """T76: and no key is burnt."""
    resting = Resting()
    assert run(sized(*windows), resting, always_failing(FaultKind.CONTEXT_LENGTH)) == tried
    assert all(resting.wakes_in(key[0], key) == 0 for key in tried)


def test_resting_keys_are_passed_over() -> None:
    resting = Resting()
    resting.fail(FaultKind.RATE_LIMIT, "a", "a1", asked=30)
    resting.fail(FaultKind.AUTHENTICATION, "b", "b1")
    resting.fail(FaultKind.RATE_LIMIT, "c", "c1", model="other", asked=30)
    assert run(KM, resting, always_failing(FaultKind.CONFLICT)) == ["a2", "a3", "c1", "c2"]


def test_when_all_rest_the_one_that_wakes_first_is_tried_and_no_other() -> None:
    resting = Resting()
    for number, candidate in enumerate(KM):
        name = candidate.element.backend.name
        resting.fail(FaultKind.RATE_LIMIT, name, str(candidate.key), asked=30 - number)
    assert run(KM, resting, always_failing(FaultKind.RATE_LIMIT)) == ["c2"]


def test_a_backend_that_went_down_meanwhile_is_left_for_the_next_element() -> None:
    keys = [f"a{number}" for number in range(20)]
    order = candidates("km", (element("a", *keys), TWO), always)
    assert run(order, Resting(), always_failing(FaultKind.UPSTREAM)) == [*keys[:5], "b1"]


def test_the_budget_for_insisting_never_starves_other_elements() -> None:
    resting = Resting(patience=Patience(failures=1000, budget=2))
    other_model = element("a", "a1", "a2", model="other")
    order = candidates("km", (element("a", *(f"a{number}" for number in range(9))), other_model, TWO), always)
    tried = run(order, resting, always_failing(FaultKind.UPSTREAM), model=True)
    assert tried == ["m/a0", "m/a1", "m/a2", "other/a1", "m/b1"]


def test_refused_keys_take_nothing_from_the_budget() -> None:
    resting = Resting(patience=Patience(budget=0))
    assert run(KM, resting, always_failing(FaultKind.AUTHENTICATION)) == ["a1", "a2", "a3", "b1", "c1", "c2"]


def test_a_plan_of_one_upstream_ends_after_it() -> None:
    made = only(ONE.upstream("a1"))
    assert (upstream := next(made)) is not None
    assert upstream.key == "a1"
    with pytest.raises(StopIteration):
        made.send(fault(FaultKind.UPSTREAM))


@dataclass
class Slow:
    """An attempt under way."""

    fault: Fault | None = None


def sent(made: Plan, *news: Fault | Slow | None) -> list[str | None]:
    """The keys that come of it; "-" where there is none for now."""
    tried: list[str | None] = []
    with contextlib.suppress(StopIteration):
        for one in (None, *news):
            upstream = made.send(one)
            tried.append(upstream.key if upstream else "-")
    return tried


SMALL = Patience(failures=1000, budget=0)


@pytest.mark.parametrize(
    ("order", "patience", "news", "tried"),
    [
        # beside a slow attempt the next is made, also with another key, as far as the budget of its backend goes
        ("km", Patience(), [Slow(), Slow(), Slow()], ["a1", "a2", "a3", "b1"]),
        ("m", Patience(), [Slow(), Slow(), Slow()], ["a1", "b1", "c1", "-"]),
        ("km", SMALL, [Slow(), Slow()], ["a1", "b1", "c1"]),
        # what fails beside it counts as always
        ("km", Patience(), [Slow(), fault(FaultKind.NOT_FOUND)], ["a1", "a2", "b1"]),
        ("km", Patience(), [Slow(), fault(FaultKind.INVALID_REQUEST)], ["a1", "a2"]),
        # so does what the slow one comes to in the end
        ("km", Patience(), [Slow(fault(FaultKind.NOT_FOUND)), fault(FaultKind.CONFLICT)], ["a1", "b1", "c1"]),
        ("km", Patience(), [Slow(fault(FaultKind.INVALID_REQUEST))], ["a1"]),
        # an answer ends it
        ("km", Patience(), [Slow(), None], ["a1", "a2"]),
    ],
)
def test_beside_a_slow_attempt(
    order: Policy, patience: Patience, news: list[Fault | Slow | None], tried: list[str | None]
) -> None:
    assert sent(plan(candidates(order, (ONE, TWO, THREE), always), Resting(patience=patience).rests), *news) == tried


def test_after_none_for_now_the_plan_goes_on_when_the_slow_one_fails() -> None:
    """A key that rested then may be awake by then."""
    resting = Resting()
    resting.fail(FaultKind.RATE_LIMIT, "b", "b1", asked=30)
    made = plan(candidates("m", (ONE, TWO), always), resting.rests)
    slow = Slow()
    assert sent(made, slow) == ["a1", "-"]
    resting.clock.now += 31
    slow.fault = fault(FaultKind.UPSTREAM)
    upstream = made.send(slow.fault)
    assert upstream is not None
    assert upstream.key == "b1"
    with pytest.raises(StopIteration):
        made.send(fault(FaultKind.UPSTREAM))


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ((fault(FaultKind.UPSTREAM), fault(FaultKind.RATE_LIMIT), fault(FaultKind.TIMEOUT)), 1),
        ((fault(FaultKind.AUTHENTICATION), fault(FaultKind.CONTEXT_LENGTH)), 1),
        ((fault(FaultKind.RATE_LIMIT, 30), fault(FaultKind.RATE_LIMIT, 5), fault(FaultKind.RATE_LIMIT)), 1),
        ((fault(FaultKind.UPSTREAM), fault(FaultKind.UPSTREAM)), 1),
        ((fault(FaultKind.NOT_FOUND), fault(FaultKind.CUT)), 1),
        ((fault(FaultKind.INTERNAL), fault(FaultKind.NOT_FOUND)), 1),
    ],
)
def test_the_most_telling_fault_is_told(faults: tuple[Fault, ...], told: int) -> None:
    assert most_telling(faults) == told


@pytest.mark.parametrize(
    ("text", "split"),
    [("a:m*3", ("a:m", 3)), ("a:m", ("a:m", 1)), ("a:m*", ("a:m*", 1)), ("a:m*0", ("a:m*0", 1)), ("a:*m", ("a:*m", 1))],
)
def test_weights(text: str, split: tuple[str, int]) -> None:
    assert split_weight(text) == split


def test_elements_are_told_apart_even_if_equal() -> None:
    twice = [Element(ONE.backend, "m", ("a1",)), Element(ONE.backend, "m", ("a1",))]
    assert run(candidates("km", twice, always), Resting(), always_failing(FaultKind.CONFLICT)) == ["a1", "a1"]
