"""The attempts of a request, rendered one by one as its plan asks for them."""

from __future__ import annotations

from collections.abc import Iterator

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.attempt import HEDGED, Attempt
from proxy_core.exchange.dispatch import Dispatcher
from proxy_core.routing.plan import Plan

_CANNOT_CARRY = Fault(FaultKind.NOT_FOUND, "The request cannot be carried to this backend.")


def attempts(plan: Plan, dispatcher: Dispatcher) -> Iterator[Attempt | None]:
    """Raises ParleyError when the request could not be rendered for any upstream of the plan.

    An attempt's `fault` is read when the next one is asked for: it decides what comes next. Beside one that is `slow`
    another is made; None says that there is none for that now.
    """
    refusal: ParleyError | None = None
    number = 0
    came: Fault | Attempt | None = None
    while True:
        try:
            upstream = dispatcher.same_again() or plan.send(came)
        except StopIteration:
            break
        if upstream is None:
            yield None
            continue
        try:
            attempt = dispatcher.attempt(number + 1, upstream)
        except ParleyError as error:
            refusal = refusal or error
            came = _CANNOT_CARRY
            continue
        number += 1
        yield attempt
        lost = attempt.slow or attempt.outcome == HEDGED
        came = attempt.fault or (attempt if lost else None)
    if refusal and not number:
        raise refusal
