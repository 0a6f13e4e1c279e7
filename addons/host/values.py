"""Cheaper values: message fields are checked by exact type first, plain option values are not deep-copied, the names of
a hook's arguments are looked up once."""

from __future__ import annotations

import copy
from dataclasses import fields
from functools import cache
from typing import Any, get_args

from mitmproxy import hooks, optmanager
from mitmproxy.http import MessageData

ATOMIC = frozenset({bool, int, float, str, bytes, type(None)})

# Under `python -O` mitmproxy leaves the check out.
check_originally: Any = vars(MessageData).get("__post_init__")
current_originally = optmanager._Option.current
args_originally = hooks.Hook.args


@cache
def _exact_types(kind: type) -> tuple[tuple[str, frozenset[Any]], ...]:
    return tuple((field.name, frozenset(get_args(field.type) or (field.type,))) for field in fields(kind))


def check_fields(self: MessageData) -> None:
    """mitmproxy's check takes typing annotations apart for every message; an exact match needs none of that."""
    for name, types in _exact_types(type(self)):
        if type(getattr(self, name)) not in types:
            check_originally(self)
            return


def current(self: optmanager._Option) -> Any:
    """Options are read several times per event, most of them flags and names, which no reader can change."""
    value = self._default if self.value is optmanager.unset else self.value
    return value if type(value) in ATOMIC else copy.deepcopy(value)


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def args(self: hooks.Hook) -> list[Any]:
    return [getattr(self, name) for name in _names(type(self))]
