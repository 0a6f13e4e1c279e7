"""Which of the three ways a request takes, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from proxy_core.turn.content import ProtocolName


class Lane(StrEnum):
    VERBATIM = "verbatim"
    """Same protocol, nothing to change: bytes pass untouched."""
    EDIT = "edit"
    """Same protocol, something to change: the native JSON is changed in place."""
    TRANSLATE = "translate"
    """Read into turns and written anew."""


@dataclass(frozen=True, slots=True)
class LaneChoice:
    lane: Lane
    reason: str


def choose_lane(
    client: ProtocolName, upstream: ProtocolName, edits: Sequence[str] = (), rewrites: Sequence[str] = ()
) -> LaneChoice:
    """`edits` are changes that can be made in the native JSON; `rewrites` are those that need the whole request
    rendered anew (a foreign signature to take out)."""
    if client != upstream:
        return LaneChoice(Lane.TRANSLATE, f"{client} to {upstream}")
    if rewrites:
        return LaneChoice(Lane.TRANSLATE, "; ".join(rewrites))
    if edits:
        return LaneChoice(Lane.EDIT, "; ".join(edits))
    return LaneChoice(Lane.VERBATIM, "same protocol, nothing to change")
