"""Which keys rest, until when; and which backends are not asked for a while because they are down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from proxy_core.errors import Fault, FaultKind

KEY_IS_REFUSED = frozenset({FaultKind.AUTHENTICATION, FaultKind.BILLING, FaultKind.PERMISSION})
SERVER_FAULTS = frozenset(
    {FaultKind.UPSTREAM, FaultKind.TIMEOUT, FaultKind.CUT, FaultKind.OVERLOADED, FaultKind.INTERNAL}
)
"""Another key of the same backend would hardly help."""
_BACKEND_IS_DOWN = frozenset({FaultKind.UPSTREAM, FaultKind.TIMEOUT, FaultKind.CUT})
_FIRST_PAUSE = {FaultKind.RATE_LIMIT: 5.0, FaultKind.OVERLOADED: 2.0}
_FIRST_PAUSE_REFUSED = 60.0
LONGEST_PAUSE = 15 * 60.0
_MOST_ENTRIES = 10_000
HEADROOM_LASTS = 60.0
"""Seconds that a key's head-room is believed where its headers do not say when it is restored."""

type Subject = tuple[str, str | None, str | None]
"""Backend, key, model; the model is None where the key rests for all of them."""


def _nobody(about: Subject | str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Patience:
    """Numbers of the circuit breaker and of the retry budget; pauses in seconds.

    `failures` in a row open a backend's breaker. Its first pause doubles with each failed probe. The budget lets at
    most `budget` attempts in a row be spent on a backend that has just failed, and gains `budget_share` with each
    success.
    """

    failures: int = 5
    first_break: float = 5.0
    longest_break: float = 120.0
    budget: float = 20.0
    budget_share: float = 0.2


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
    pause: float = 0.0
    probing: bool = False


@dataclass(slots=True)
class Rests:
    """`clock` is monotonic, in seconds. Bounded: what has long passed is forgotten."""

    clock: Callable[[], float]
    patience: Patience = field(default_factory=Patience)
    on_change: Callable[[Subject | str], None] = _nobody
    """Told of each subject whose rest began or ended, and of each backend whose breaker changed."""
    _rests: dict[Subject, Rest] = field(default_factory=dict)
    _breakers: dict[str, Breaker] = field(default_factory=dict)
    _left: dict[tuple[str, str | None], tuple[float, float]] = field(default_factory=dict)
    _spent: dict[str, float] = field(default_factory=dict)

    def wakes_in(self, backend: str, key: str | None, model: str) -> float:
        """Seconds until the key may be used for the model; 0 when it may now."""
        until = max(
            (rest.until for subject in _subjects(backend, key, model) if (rest := self._rests.get(subject))),
            default=0.0,
        )
        breaker = self._breakers.get(backend)
        if breaker:
            until = max(until, breaker.open_until)
        return max(0.0, until - self.clock())

    def begin(self, backend: str) -> None:
        """An attempt is about to be made; of an open breaker it is the probe, and the next may follow a pause later
        even if nothing is ever heard of this one."""
        breaker = self._breakers.get(backend)
        if breaker and self._is_open(breaker):
            breaker.probing = True
            breaker.open_until = self.clock() + breaker.pause
            self.on_change(backend)

    def may_insist(self, backend: str) -> bool:
        """Whether the backend, which has just failed, may be tried once more; counts as done if so."""
        spent = self._spent.get(backend, 0.0)
        if spent + 1 > self.patience.budget:
            return False
        self._spent[backend] = spent + 1
        return True

    def succeeded(self, backend: str, key: str | None, model: str) -> None:
        for subject in _subjects(backend, key, model):
            if self._rests.pop(subject, None):
                self.on_change(subject)
        self._close_breaker(backend)
        spent = self._spent.get(backend)
        if spent is not None:
            self._spent[backend] = max(0.0, spent - self.patience.budget_share)

    def abandoned(self, backend: str) -> None:
        """The attempt ended without telling anything: the client went away."""
        breaker = self._breakers.get(backend)
        if breaker and breaker.probing:
            breaker.probing = False
            breaker.open_until = self.clock()
            self.on_change(backend)

    def failed(self, backend: str, key: str | None, model: str, fault: Fault, asked: float | None) -> None:
        """`asked` is the rest in seconds that the provider asked for."""
        self._count_failure(backend, fault)
        if fault.kind in KEY_IS_REFUSED:
            # What a refusal's headers say about rate limits says nothing about when the key will be let in.
            self._rest((backend, key, None), fault.kind, None, max(_FIRST_PAUSE_REFUSED, asked or 0.0))
        elif fault.kind in _FIRST_PAUSE:
            self._rest((backend, key, model), fault.kind, asked, _FIRST_PAUSE[fault.kind])

    def note_headroom(self, backend: str, key: str | None, left: float, lasts: float = HEADROOM_LASTS) -> None:
        """`lasts`: seconds after which the limit is restored, so that the number says nothing any more."""
        self._left[backend, key] = left, self.clock() + lasts

    def headroom(self, backend: str, key: str | None) -> float | None:
        """The part of its tightest limit that the key had left when it was last used; 1 once that was restored."""
        left, until = self._left.get((backend, key), (None, 0.0))
        return 1.0 if left is not None and until <= self.clock() else left

    def states(self, backend: str, key: str | None) -> list[tuple[str | None, float, FaultKind]]:
        """For people: model (None: all), seconds left and reason of each of the key's rests."""
        now = self.clock()
        return [
            (model, rest.until - now, rest.why)
            for (name, used, model), rest in self._rests.items()
            if name == backend and used == key and rest.until > now
        ]

    def rest_of(self, subject: Subject) -> Rest | None:
        return self._rests.get(subject)

    def breaker_of(self, backend: str) -> Breaker | None:
        return self._breakers.get(backend)

    def take_over(self, about: Subject | str, known: Rest | Breaker | None) -> None:
        """What is known elsewhere of a subject's rest, a backend's breaker; None: nothing any more."""
        match about, known:
            case str(), Breaker():
                self._breakers[about] = known
            case str(), _:
                self._breakers.pop(about, None)
            case _, Rest():
                if about not in self._rests and len(self._rests) >= _MOST_ENTRIES:
                    self._forget_the_past()
                self._rests[about] = known
            case _:
                self._rests.pop(about, None)

    def is_open(self, backend: str) -> bool:
        """Whether the backend counts as down."""
        breaker = self._breakers.get(backend)
        return breaker is not None and self._is_open(breaker)

    def _is_open(self, breaker: Breaker) -> bool:
        return breaker.failures >= self.patience.failures

    def _rest(self, subject: Subject, why: FaultKind, asked: float | None, first: float) -> None:
        """Pauses grow from one rest to the next; failures while it rests were under way before it began."""
        now = self.clock()
        old = self._rests.get(subject)
        times, until = 1, 0.0
        if old:
            resting = old.until > now
            times, until = (old.times, old.until) if resting else (old.times + 1, 0.0)
        pause = asked if asked is not None else min(first * 2 ** min(times - 1, 20), LONGEST_PAUSE)
        if old is None and len(self._rests) >= _MOST_ENTRIES:
            self._forget_the_past()
        self._rests[subject] = Rest(max(until, now + pause), why, times)
        self.on_change(subject)

    def _forget_the_past(self) -> None:
        """What is over; if that is nothing, what ends first."""
        now = self.clock()
        kept = {subject: rest for subject, rest in self._rests.items() if rest.until > now}
        if len(kept) >= _MOST_ENTRIES:
            kept.pop(min(kept, key=lambda subject: kept[subject].until))
        self._rests = kept

    def _count_failure(self, backend: str, fault: Fault) -> None:
        if fault.kind not in _BACKEND_IS_DOWN:
            self._close_breaker(backend)  # it answered, so it is not down
            return
        breaker = self._breakers.setdefault(backend, Breaker())
        breaker.failures += 1
        self.on_change(backend)
        if not self._is_open(breaker):
            return
        if breaker.probing:
            breaker.pause = min(breaker.pause * 2, self.patience.longest_break)
        elif breaker.pause:
            return  # it was under way before the breaker opened
        else:
            breaker.pause = self.patience.first_break
        breaker.probing = False
        breaker.open_until = self.clock() + breaker.pause

    def _close_breaker(self, backend: str) -> None:
        if self._breakers.pop(backend, None):
            self.on_change(backend)


def _subjects(backend: str, key: str | None, model: str) -> tuple[Subject, Subject]:
    return (backend, key, None), (backend, key, model)
