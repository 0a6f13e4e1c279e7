"""Replacing single functions of the host: only where its source is the one they were written against, reversibly."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

_ABSENT = object()


@dataclass(frozen=True)
class Patch:
    """`owner.name` becomes `replacement`, if the sources of `written_against` hash to one of `shapes`."""

    owner: type
    name: str
    replacement: Any
    written_against: tuple[Callable[..., Any], ...]
    shapes: frozenset[str]

    @property
    def target(self) -> str:
        return f"{self.owner.__module__}.{self.owner.__qualname__}.{self.name}"

    @property
    def fits(self) -> bool:
        return shape(self.written_against) in self.shapes


def shape(functions: Iterable[Callable[..., Any]]) -> str:
    """A short hash of the functions' code, blind to comments, blank lines and indentation."""
    digest = hashlib.sha256()
    for function in functions:
        lines = (line.strip() for line in _source(function).splitlines())
        digest.update("\n".join(line for line in lines if line and not line.startswith("#")).encode())
    return digest.hexdigest()[:16]


def _source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""  # frozen builds carry no source; an empty one fits no patch


class Patched:
    """Patches that are in force, with what they replaced."""

    def __init__(self) -> None:
        self._replaced: list[tuple[type, str, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._replaced)

    def apply(self, patches: Iterable[Patch]) -> list[Patch]:
        """Puts those that fit in force; returns those that do not."""
        fitting, misfits = [], []
        for patch in patches:
            (fitting if patch.fits else misfits).append(patch)
        for patch in fitting:
            self._replaced.append((patch.owner, patch.name, vars(patch.owner).get(patch.name, _ABSENT)))
            setattr(patch.owner, patch.name, patch.replacement)
        return misfits

    def undo(self) -> None:
        while self._replaced:
            owner, name, original = self._replaced.pop()
            if original is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
