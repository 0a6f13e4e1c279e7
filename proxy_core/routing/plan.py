"""Which upstreams are tried for a request, in which order, and when to stop.

A plan is a generator: it yields an Upstream, and is sent the Fault that came of it. Shaped after httpx's auth flow.
Sent an attempt that is still Underway it yields an Upstream for another beside that, or None when there is none now.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal, Protocol

from proxy_core.errors import Fault, FaultKind
from proxy_core.routing.rests import SERVER_FAULTS, Rests
from proxy_core.routing.upstreams import Backend, Upstream

type Policy = Literal["k", "m", "km", "mk", "rr"]

_OF_THE_REQUEST = frozenset(
    {
        FaultKind.INVALID_REQUEST,
        FaultKind.TOO_LARGE,
        FaultKind.METHOD_NOT_ALLOWED,
        FaultKind.UPGRADE_REQUIRED,
    }
)
"""Every other upstream would say the same: the client is to hear it at once."""
_OF_THE_ELEMENT = frozenset({FaultKind.NOT_FOUND, FaultKind.CONTEXT_LENGTH})
"""The same model would say the same whatever the key."""
_NONE: Set[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Element:
    """A model of a backend, and its keys in the order they are to be used."""

    backend: Backend
    model: str
    keys: tuple[str | None, ...]
    window: int | None = None
    """Context window in tokens, where known."""
    url: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    hedge_after: float | None = None

    def upstream(self, key: str | None) -> Upstream:
        return Upstream(self.backend, self.model, key, self.url, self.profile, self.hedge_after)


@dataclass(frozen=True, slots=True)
class Candidate:
    element: Element
    key: str | None


class Underway(Protocol):
    """An attempt of which nothing has come yet. `fault` is why it failed, once it has."""

    @property
    def fault(self) -> Fault | None: ...


type Plan = Generator[Upstream | None, Fault | Underway | None, None]


def candidates(policy: Policy, elements: Sequence[Element], usable: Callable[[Candidate], bool]) -> list[Candidate]:
    """The order of attempts. `rr` is `m` with the elements already rotated by the caller."""
    rows = [[Candidate(element, key) for key in element.keys] for element in elements]
    match policy:
        case "k":
            return rows[0] if rows else []
        case "km":
            return [candidate for row in rows for candidate in row]
        case "mk":
            return [candidate for rank in zip_longest(*rows) for candidate in rank if candidate]
        case "m" | "rr":
            return [next(filter(usable, row), row[0]) for row in rows if row]


def plan(order: Sequence[Candidate], rests: Rests) -> Plan:
    """Each of `order` once, those that rest passed over; when all rest, the one that wakes first.

    After a fault of the server the element's other keys are taken from its backend's budget; other elements never are.
    An attempt that is so slow that another is made beside it counts as such a fault there.
    """
    number = _next(order, rests, _NONE, _NONE, 0)
    if number is None:
        return
    candidate: Candidate | None = order[number]
    rests.begin(candidate.element.backend.name)
    came = yield candidate.element.upstream(candidate.key)
    course = _Course(order, rests, number) if came else None
    while came and course:
        if candidate:
            course.note(candidate.element, came)
        candidate = course.next()
        if candidate is None and (course.is_over or not course.slow):
            return
        came = yield candidate.element.upstream(candidate.key) if candidate else None


class _Course:
    """What is known on the way through `order`, of which number `first` was tried. `slow` are attempts that others were
    made beside."""

    def __init__(self, order: Sequence[Candidate], rests: Rests, first: int) -> None:
        self.slow: list[tuple[Element, Underway]] = []
        self._order = order
        self._rests = rests
        self._tried = {first}
        self._lost: set[int] = set()
        self._strained: list[Element] = []
        self._smallest_window = 0
        self.is_over = False

    def next(self) -> Candidate | None:
        """Begun, if there is one; None when there is none now, or none can help."""
        self._look_at_the_slow()
        while not self.is_over and (number := self._awake()) is not None:
            self._tried.add(number)
            element = self._order[number].element
            strained = any(element is other for other in self._strained)
            if not strained or self._rests.may_insist(element.backend.name):
                self._rests.begin(element.backend.name)
                return self._order[number]
            self._lost |= _keys_of(self._order, element)
        return None

    def note(self, element: Element, came: Fault | Underway) -> None:
        if isinstance(came, Fault):
            self._judge(element, came)
        else:
            self.slow.append((element, came))
            self._strained.append(element)

    def _look_at_the_slow(self) -> None:
        slow, self.slow = self.slow, []
        for element, attempt in slow:
            if attempt.fault:
                self._judge(element, attempt.fault)
            else:
                self.slow.append((element, attempt))

    def _judge(self, element: Element, fault: Fault) -> None:
        if fault.kind in _OF_THE_REQUEST:
            self.is_over = True
        if fault.kind in _OF_THE_ELEMENT:
            self._lost |= _keys_of(self._order, element)
        if fault.kind is FaultKind.CONTEXT_LENGTH:
            self._smallest_window = max(self._smallest_window, element.window or 1)
        if fault.kind in SERVER_FAULTS:
            self._strained.append(element)

    def _awake(self) -> int | None:
        return _next(self._order, self._rests, self._tried, self._lost, self._smallest_window)


def _keys_of(order: Sequence[Candidate], element: Element) -> set[int]:
    return {number for number, candidate in enumerate(order) if candidate.element is element}


def only(upstream: Upstream) -> Plan:
    """One attempt, whatever comes of it."""
    yield upstream


def _next(
    order: Sequence[Candidate], rests: Rests, tried: Set[int], lost: Set[int], smallest_window: int
) -> int | None:
    open_ones = [
        number
        for number, candidate in enumerate(order)
        if number not in tried and number not in lost and _is_large_enough(candidate.element, smallest_window)
    ]
    awake = next((number for number in open_ones if _wakes_in(order[number], rests) <= 0), None)
    if awake is not None or tried or not open_ones:
        return awake
    return min(open_ones, key=lambda number: _wakes_in(order[number], rests))


def _wakes_in(candidate: Candidate, rests: Rests) -> float:
    return rests.wakes_in(candidate.element.backend.name, candidate.key, candidate.element.model)


def _is_large_enough(element: Element, smallest_window: int) -> bool:
    """After one model was too small, only one with a larger window is worth a try; unknown windows are."""
    return not smallest_window or element.window is None or element.window > smallest_window


_TELLING = (
    FaultKind.INVALID_REQUEST,
    FaultKind.CONTEXT_LENGTH,
    FaultKind.TOO_LARGE,
    FaultKind.RATE_LIMIT,
    FaultKind.OVERLOADED,
    FaultKind.BILLING,
    FaultKind.AUTHENTICATION,
    FaultKind.PERMISSION,
    FaultKind.TIMEOUT,
    FaultKind.UPSTREAM,
    FaultKind.CUT,
    FaultKind.NOT_FOUND,
)


def most_telling(faults: Sequence[Fault]) -> int:
    """The index of the fault that helps the client most; of equal ones the last, of rate limits the shortest."""

    def rank(number: int) -> tuple[int, float, int]:
        fault = faults[number]
        place = _TELLING.index(fault.kind) if fault.kind in _TELLING else len(_TELLING)
        return place, fault.retry_after if fault.retry_after is not None else float("inf"), -number

    return min(range(len(faults)), key=rank)


def rotated(keys: Sequence[str], turn: int, headroom: Callable[[str], float | None]) -> tuple[str, ...]:
    """`keys` from `turn` on, round robin; where their head-room is known, the one with the most goes first, in tenths.
    A key of which nothing is known yet counts as unused."""
    start = turn % len(keys)
    order = [*keys[start:], *keys[:start]]
    left = {key: 1.0 if (known := headroom(key)) is None else known for key in order}
    return tuple(sorted(order, key=lambda key: -round(left[key], 1)))


def weighted(turn: int, weights: Sequence[int]) -> Iterator[int]:
    """Indices of elements, the one whose turn it is first, then the others in order."""
    position = turn % sum(weights)
    start = 0
    while position >= weights[start]:
        position -= weights[start]
        start += 1
    yield start
    yield from (index for index in range(len(weights)) if index != start)


def split_weight(element: str) -> tuple[str, int]:
    """`backend:model*3` is a model with three turns in a round of policy `rr`."""
    model, star, weight = element.rpartition("*")
    return (model, int(weight)) if star and weight.isdecimal() and int(weight) > 0 else (element, 1)
