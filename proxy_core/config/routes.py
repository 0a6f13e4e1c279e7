"""What may stand in a failover route, the same for a file and for a command."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import get_args

from proxy_core.config.schema import Policy
from proxy_core.routing.plan import split_weight

POLICIES: dict[str, str] = {
    "k": "every key of the first element in turn",
    "m": "each element in turn, each with its first usable key",
    "km": "each element with all of its keys before the next",
    "mk": "the first key of every element, then the second of every element, and so on",
    "rr": "the elements take turns, by weight (backend:model*3); the others follow when one fails",
}
"""In words, for help and error messages."""
assert set(POLICIES) == set(get_args(Policy.__value__))

_ELEMENT = re.compile(r"([^:/\s]+)[:/](\S+)")


def split_element(element: str) -> tuple[str, str] | None:
    """`backend:model` or `backend/model`, without its weight; only the first separator counts. None: it is neither."""
    found = _ELEMENT.fullmatch(split_weight(element)[0])
    return (found[1], found[2]) if found else None


def complaint(element: str, policy: str, routes: Container[str]) -> tuple[str, str] | None:
    """Why an element cannot be taken, and the remedy. None: it can."""
    name, _ = split_weight(element)
    if name in routes:
        reason = f"{element!r} is itself a route; routes cannot be nested, since their orders of attempts would mix."
        return reason, "Name models: backend:model."
    if split_element(element) is None:
        return f"{element!r} does not name a backend and a model.", "Write backend:model."
    if name != element and policy != "rr":
        return f"{element!r} has a weight, which policy {policy!r} does not know.", f"Write {name}, or use policy 'rr'."
    return None
