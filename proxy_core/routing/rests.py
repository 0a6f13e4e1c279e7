"""Which keys rest, until when; and which backends are not asked for a while because they are down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from proxy_core.errors import Fault, FaultKind

_KEY_IS_REFUSED = frozenset({FaultKind.AUTHENTICATION, FaultKind.BILLING, FaultKind.PERMISSION})
_BACKEND_IS_DOWN = frozenset({FaultKind.UPSTREAM, FaultKind.TIMEOUT, FaultKind.CUT})
_FIRST_PAUSE = {FaultKind.RATE_LIMIT: 5.0, FaultKind.OVERLOADED: 2.0}
_FIRST_PAUSE_REFUSED = 60.0
LONGEST_PAUSE = 15 * 60.0
_FAILURES_TO_OPEN = 5
_FIRST_BREAK = 5.0
_LONGEST_BREAK = 120.0
_MOST_ENTRIES = 10_000

type Subject = tuple[str, str | None, str | None]
"""Backend, key, model; the model is None where the key rests for all of them."""


@dataclass(slots=True)
class Rest:
    until: float
    why: FaultKind
    times: int = 1


@dataclass(slots=True)
class Breaker:
    """Open after some failures in a row; then one probe at a time, and longer pauses while the probes fail."""

    failures: int = 0
    open_until: float = 0.0
    pause: float = _FIRST_BREAK
    probing: bool = False


@dataclass
class Rests:
    """`clock` is monotonic, in seconds. Bounded: what has long passed is forgotten."""

    clock: Callable[[], float]
    _rests: dict[Subject, Rest] = field(default_factory=dict)
    _breakers: dict[str, Breaker] = field(default_factory=dict)
    _left: dict[tuple[str, str | None], float] = field(default_factory=dict)

    def wakes_in(self, backend: str, key: str | None, model: str) -> float:
        """Seconds until the key may be used for the model; 0 when it may now."""
        now = self.clock()
        until = max(
            (rest.until for subject in _subjects(backend, key, model) if (rest := self._rests.get(subject))),
            default=0.0,
        )
        breaker = self._breakers.get(backend)
        if breaker and breaker.failures >= _FAILURES_TO_OPEN:
            until = max(until, now + 1.0 if breaker.probing and breaker.open_until <= now else breaker.open_until)
        return max(0.0, until - now)

    def begin(self, backend: str) -> None:
        """An attempt is about to be made; of an open breaker it is the probe."""
        breaker = self._breakers.get(backend)
        if breaker and breaker.failures >= _FAILURES_TO_OPEN:
            breaker.probing = True

    def succeeded(self, backend: str, key: str | None, model: str) -> None:
        for subject in _subjects(backend, key, model):
            self._rests.pop(subject, None)
        self._breakers.pop(backend, None)

    def abandoned(self, backend: str) -> None:
        """The attempt ended without telling anything: the client went away."""
        breaker = self._breakers.get(backend)
        if breaker:
            breaker.probing = False

    def failed(self, backend: str, key: str | None, model: str, fault: Fault, asked: float | None) -> None:
        """`asked` is the rest in seconds that the provider asked for."""
        self._count_failure(backend, fault)
        if fault.kind in _KEY_IS_REFUSED:
            self._rest((backend, key, None), fault.kind, asked, _FIRST_PAUSE_REFUSED)
        elif fault.kind in _FIRST_PAUSE:
            self._rest((backend, key, model), fault.kind, asked, _FIRST_PAUSE[fault.kind])

    def note_headroom(self, backend: str, key: str | None, left: float) -> None:
        self._left[backend, key] = left

    def headroom(self, backend: str, key: str | None) -> float | None:
        """The part of its tightest limit that the key had left when it was last used."""
        return self._left.get((backend, key))

    def states(self, backend: str, key: str | None) -> list[tuple[str | None, float, FaultKind]]:
        """For people: model (None: all), seconds left and reason of each of the key's rests."""
        now = self.clock()
        return [
            (model, rest.until - now, rest.why)
            for (name, used, model), rest in self._rests.items()
            if name == backend and used == key and rest.until > now
        ]

    def is_open(self, backend: str) -> bool:
        breaker = self._breakers.get(backend)
        return breaker is not None and breaker.failures >= _FAILURES_TO_OPEN

    def _rest(self, subject: Subject, why: FaultKind, asked: float | None, first: float) -> None:
        old = self._rests.get(subject)
        times = old.times + 1 if old else 1
        pause = asked if asked is not None else min(first * 2 ** (times - 1), LONGEST_PAUSE)
        if len(self._rests) >= _MOST_ENTRIES:
            self._forget_the_past()
        self._rests[subject] = Rest(self.clock() + pause, why, times)

    def _forget_the_past(self) -> None:
        now = self.clock()
        self._rests = {subject: rest for subject, rest in self._rests.items() if rest.until > now}

    def _count_failure(self, backend: str, fault: Fault) -> None:
        breaker = self._breakers.setdefault(backend, Breaker())
        if fault.kind not in _BACKEND_IS_DOWN:
            # It answered, so it is not down.
            self._breakers.pop(backend)
            return
        was_open = breaker.failures >= _FAILURES_TO_OPEN
        breaker.failures += 1
        breaker.probing = False
        if breaker.failures >= _FAILURES_TO_OPEN:
            breaker.pause = min(breaker.pause * 2, _LONGEST_BREAK) if was_open else _FIRST_BREAK
            breaker.open_until = self.clock() + breaker.pause


def _subjects(backend: str, key: str | None, model: str) -> tuple[Subject, Subject]:
    return (backend, key, None), (backend, key, model)
