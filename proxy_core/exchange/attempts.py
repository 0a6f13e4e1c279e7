"""The attempts of a request, rendered one by one as its plan asks for them."""

from __future__ import annotations

from collections.abc import Iterator

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.dispatch import Dispatcher
from proxy_core.routing.plan import Plan
from proxy_core.routing.upstreams import Upstream

_CANNOT_CARRY = Fault(FaultKind.NOT_FOUND, "The request cannot be carried to this backend.")


def attempts(plan: Plan, dispatcher: Dispatcher) -> Iterator[Attempt]:
    """Raises ParleyError when the request could not be rendered for any upstream of the plan.

    An attempt's `fault` is read when the next one is asked for: it decides what comes next.
    """
    refusal: ParleyError | None = None
    number = 0
    upstream = _next(plan, None)
    while upstream:
        try:
            attempt = dispatcher.attempt(number + 1, upstream)
        except ParleyError as error:
            refusal = refusal or error
            upstream = _next(plan, _CANNOT_CARRY)
            continue
        number += 1
        yield attempt
        upstream = _next(plan, attempt.fault)
    if refusal and not number:
        raise refusal


def _next(plan: Plan, fault: Fault | None) -> Upstream | None:
    try:
        return plan.send(fault)
    except StopIteration:
        return None
