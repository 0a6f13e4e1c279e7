"""A reply as it streams.

The order that every reader keeps: one Started; then blocks, each BlockStarted … BlockEnded, whose deltas may
interleave with those of other open blocks; Finished once per choice; UsageReported any number of times
(later fields replace earlier ones); last Ended or Failed, exactly one of them. Pings may stand anywhere.

`block` numbers are unique in a reply and count up from 0 in the order of BlockStarted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxy_core.errors import Fault
from proxy_core.turn.content import Extra, Part, ProtocolName, Seal, Text, Thinking
from proxy_core.turn.reply import FinishReason, Usage


@dataclass(slots=True)
class Started:
    id: str
    model: str
    created: int | None = None
    usage: Usage | None = None
    extra: Extra = field(default_factory=dict)
    origin: ProtocolName | None = None
    """The protocol whose reader made the events: only its writer puts extras and raw finish reasons back."""


@dataclass(slots=True)
class BlockStarted:
    """`part` is the block's skeleton: its kind, a tool call's id and name, extras; text and arguments come as
    deltas, except what is already in it (Opaque and Media blocks are complete here)."""

    block: int
    part: Part
    choice: int = 0


@dataclass(slots=True)
class TextDelta:
    """More text of a Text or Refusal block."""

    block: int
    text: str
    logprobs: list[Any] | None = None


@dataclass(slots=True)
class ThinkingDelta:
    block: int
    text: str


@dataclass(slots=True)
class ArgumentsDelta:
    block: int
    text: str


@dataclass(slots=True)
class SealDelta:
    """The block's signature; replaces an earlier one."""

    block: int
    seal: Seal


@dataclass(slots=True)
class ExtraDelta:
    """More origin-only fields of a block (citations, annotations): lists are appended, other values replaced."""

    block: int
    extra: Extra


@dataclass(slots=True)
class BlockEnded:
    block: int


@dataclass(slots=True)
class UsageReported:
    usage: Usage


@dataclass(slots=True)
class Finished:
    reason: FinishReason
    raw: str | None = None
    stop_sequence: str | None = None
    choice: int = 0
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Ping:
    """A keep-alive or comment: nothing generated, but the line is alive."""


@dataclass(slots=True)
class Unknown:
    """A native event that the reader does not model. Written back by its origin, elsewhere reported as lost."""

    origin: ProtocolName
    kind: str
    raw: Any


@dataclass(slots=True)
class Ended:
    """The protocol's own terminal event was seen."""

    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Failed:
    """The stream ends with an error: the upstream's own, or ours (cut, timeout, loop)."""

    fault: Fault


type Event = (
    Started
    | BlockStarted
    | TextDelta
    | ThinkingDelta
    | ArgumentsDelta
    | SealDelta
    | ExtraDelta
    | BlockEnded
    | UsageReported
    | Finished
    | Ping
    | Unknown
    | Ended
    | Failed
)

_GENERATED = (TextDelta, ThinkingDelta, ArgumentsDelta, SealDelta, Finished, Ended)


def is_generated(event: Event) -> bool:
    """Whether the model has made something, rather than said that an answer begins."""
    if isinstance(event, BlockStarted):
        return not isinstance(event.part, Text | Thinking) or bool(event.part.text)
    return isinstance(event, _GENERATED)
