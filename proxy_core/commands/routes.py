"""The commands for failover routes."""

from __future__ import annotations

import re
from dataclasses import replace

from proxy_core.commands.arguments import Arguments
from proxy_core.commands.draft import CommandError, Draft
from proxy_core.commands.grammar import nearest
from proxy_core.config.routes import POLICIES, complaint
from proxy_core.config.settings import SavedRoute
from proxy_core.errors import ParleyError
from proxy_core.routing.plan import split_weight

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_EMPTY = "<empty>"


def create(arguments: Arguments, draft: Draft) -> str:
    arguments.only("name", "policy")
    name, policy = arguments.named("name"), (arguments.named("policy") or "").lower()
    if not name or policy not in POLICIES:
        given = f", got policy: {policy}" if policy else ""
        raise CommandError(
            f"create-failover-route requires name and valid policy (one of {', '.join(POLICIES)}){given}"
        )
    if not _NAME.fullmatch(name):
        raise CommandError(f"a route's name has letters, digits, '.', '_' and '-', up to 64 of them, got: {name}")
    before = draft.routes.get(name)
    if before and before.policy != policy:
        raise CommandError(f"route {name} exists already, with policy {before.policy}; delete it first")
    if before is None:
        draft.put_route(name, SavedRoute(policy))  # type: ignore[arg-type]
    return f"failover route {name} created with policy {policy}"


def delete(arguments: Arguments, draft: Draft) -> str:
    arguments.only("name")
    name = _existing(arguments, draft)
    draft.drop_route(name)
    return f"failover route {name} deleted"


def list_all(arguments: Arguments, draft: Draft) -> str:
    arguments.only()
    named = ", ".join(f"{name}:{route.policy}" for name, route in draft.routes.items())
    return named or "no failover routes defined"


def list_one(arguments: Arguments, draft: Draft) -> str:
    arguments.only("name")
    return ", ".join(draft.routes[_existing(arguments, draft)].elements) or _EMPTY


def append(arguments: Arguments, draft: Draft) -> str:
    name, route, elements = _with_elements(arguments, draft)
    kept = [element for element in route.elements if element not in elements]
    draft.put_route(name, replace(route, elements=(*kept, *elements)))
    return f"elements appended to {name}"


def prepend(arguments: Arguments, draft: Draft) -> str:
    """An element that is already in the route moves: clients repeat requests, and a second time must change nothing."""
    name, route, elements = _with_elements(arguments, draft)
    kept = [element for element in route.elements if element not in elements]
    draft.put_route(name, replace(route, elements=(*elements, *kept)))
    return f"elements prepended to {name}"


def clear(arguments: Arguments, draft: Draft) -> str:
    arguments.only("name")
    name = _existing(arguments, draft)
    draft.put_route(name, replace(draft.routes[name], elements=()))
    return f"route {name} cleared"


def _existing(arguments: Arguments, draft: Draft) -> str:
    name = arguments.named("name") or next(iter(arguments.bare), "")
    if not name:
        raise CommandError("the route's name is missing: name=NAME")
    if name not in draft.routes:
        near = nearest(name, draft.routes)
        meant = f" - did you mean '{near}'?" if near else ""
        raise CommandError(f"route {name} not found{meant}")
    return name


def _with_elements(arguments: Arguments, draft: Draft) -> tuple[str, SavedRoute, tuple[str, ...]]:
    arguments.only("name", "element", "elements", bare=True)
    bare = arguments.bare if arguments.named("name") else arguments.bare[1:]
    name = _existing(arguments, draft)
    given = [*arguments.all_named("element", "elements"), *bare]
    elements = tuple(dict.fromkeys(element.strip() for value in given for element in value.split(",")))
    if not any(elements):
        raise CommandError("no route elements specified")
    for element in elements:
        _check(element, draft.routes[name], draft)
    return name, draft.routes[name], elements


def _check(element: str, route: SavedRoute, draft: Draft) -> None:
    if wrong := complaint(element, route.policy, draft.routes):
        raise CommandError(" ".join(wrong))
    try:
        draft.controls.check_model(split_weight(element)[0], None)
    except ParleyError as error:
        raise CommandError(error.fault.message) from None
