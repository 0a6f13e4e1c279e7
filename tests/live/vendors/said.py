"""What a vendor's answer says, in no protocol's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Said:
    """`calls` are name and arguments. `seal` is the signature or the encrypted reasoning of the thoughts.

    `prompt` counts all input tokens with the `cached` ones, `output` all output tokens with those of `reasoning`.
    It streams in pieces of `every` characters; 0: in three.
    """

    text: str = ""
    thinking: str = ""
    seal: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    cut_off: bool = False
    prompt: int = 31
    cached: int = 8
    output: int = 17
    reasoning: int = 0
    every: int = 0

    @property
    def finish(self) -> Literal["stop", "tool_calls", "length"]:
        if self.cut_off:
            return "length"
        return "tool_calls" if self.calls else "stop"


@dataclass(frozen=True)
class Failed:
    """An HTTP error with the vendor's words for it."""

    status: int
    message: str


def pieces(text: str, every: int) -> Iterator[str]:
    """`text` as it streams."""
    size = every or max(1, -(-len(text) // 3))
    for start in range(0, len(text), size):
        yield text[start : start + size]


def dumped(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False)


def data(event: Any) -> bytes:
    """One server-sent event without a name."""
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def named(event: dict[str, Any]) -> bytes:
    """One server-sent event named by its type."""
    return f"event: {event['type']}\n".encode() + data(event)
