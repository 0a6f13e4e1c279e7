"""Who goes on when an answer that the client has the beginning of cannot be told to its end by the same attempt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy_core.errors import Fault, FaultKind
from proxy_core.exchange.attempt import Attempt
from proxy_core.loops.moving_on import asked_again, before_repetition, left_off, passed_on, steering
from proxy_core.pipeline.observers import Cut
from proxy_core.pipeline.open_answer import OpenAnswer
from proxy_core.pipeline.unfinished import Unfinished
from proxy_core.protocols.contract import Codec
from proxy_core.routing.upstreams import Upstream

_OURS = frozenset({FaultKind.INTERNAL})
"""Faults of our own, after which nothing is trusted to go on."""


@dataclass(frozen=True, slots=True)
class Baton:
    """What is handed over. `again` is the upstream that is to be asked, where it is the same as before."""

    unfinished: Unfinished
    again: Upstream | None = None


type Carry = Callable[[Baton], None]


def carry_nothing(baton: Baton) -> None:
    """For exchanges whose attempts cannot go on from another's."""


class Relay:
    """The runners of one exchange. `carry` has the attempts to come ask for the rest of an answer."""

    def __init__(self, carry: Carry) -> None:
        self.spoken: list[Attempt] = []
        """Attempts that the client has the words of, and that others had to go on for."""
        self._carry = carry
        self._answer: OpenAnswer | None = None
        self._fault: Fault | None = None
        self._cut: Cut | None = None
        self._was_looping = False

    @property
    def is_running(self) -> bool:
        """An attempt is to go on from another one's words."""
        return bool(self.spoken)

    def adopt(self, other: Relay) -> None:
        """Goes on with an answer that was begun apart, among attempts side by side."""
        self._answer = other._answer

    def answer_for(self, attempt: Attempt, client: Codec) -> OpenAnswer | None:
        """What the attempt's words are to be written into; None where each answer is written for itself."""
        if not attempt.resumable or attempt.view is None:
            return None
        if self._answer is None or not self.spoken:
            self._answer = OpenAnswer(client, attempt.view)
        else:
            self._answer.start_over()
            self._answer.lose_to(attempt.view.losses)
        return self._answer

    def baton(self, attempt: Attempt, fault: Fault | None, cut: Cut | None) -> Baton | None:
        """What another attempt is to be given; None where the answer has to end here."""
        answer = self._answer
        if answer is None or not answer.may_go_on:
            return None
        self._fault, self._cut = fault, cut
        if cut:
            return self._after_loop(attempt, answer.text)
        if fault is None or fault.kind in _OURS or not attempt.continues:
            return None
        return Baton(Unfinished(answer.text, why=f"goes on where {attempt.name} broke off"))

    def _after_loop(self, attempt: Attempt, text: str) -> Baton | None:
        """Once: a second loop is the end."""
        found = attempt.loop.found if attempt.loop else None
        if found is None or self._was_looping:
            return None
        kept = before_repetition(text, found)
        if attempt.steers:
            return Baton(
                Unfinished(kept, steering(found), f"steered after {attempt.name} repeated itself"),
                again=attempt.upstream,
            )
        if attempt.avoids_loops:
            return Baton(Unfinished(kept, why=f"goes on after {attempt.name} repeated itself"))
        return None

    def ask_on(self, baton: Baton) -> None:
        self._carry(baton)

    def hand_over(self, attempt: Attempt, follower: Attempt, baton: Baton) -> list[bytes]:
        """What the client is told before `follower` goes on."""
        assert self._answer is not None
        self.spoken.append(attempt)
        notice = ""
        found = attempt.loop.found if self._cut and attempt.loop else None
        if found:
            self._was_looping = True
            notice = asked_again(found) if baton.again else passed_on(found, attempt.name, follower.name)
        used = attempt.meter.so_far() if attempt.meter else None
        return self._answer.go_on(used, baton.unfinished.text, notice)

    def ending(self, fault: Fault | None, cut: Cut | None) -> list[bytes]:
        """The end of the client's answer where nobody goes on."""
        assert self._answer is not None
        if fault:
            return self._answer.failing(fault)
        return self._answer.ending(cut.notice) if cut else []

    def given_up(self, tried: Sequence[Attempt]) -> tuple[list[bytes], Fault | None]:
        """The same where others were to go on and could not: as it would have ended before them."""
        behind = tried[tried.index(self.spoken[-1]) + 1 :]
        why = "; ".join(str(attempt.fault.kind) for attempt in behind if attempt.fault)
        cut = Cut(left_off(why or "no other is left"), self._cut.why) if self._cut else None
        return self.ending(self._fault, cut), self._fault
