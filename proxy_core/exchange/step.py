"""What the layer that owns the sockets is to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

type HeaderList = list[tuple[str, str]]


@dataclass(slots=True)
class Head:
    """The client's response status and headers. No content-length means: as it comes (chunked)."""

    status: int
    headers: HeaderList


@dataclass(slots=True)
class Step:
    """To be done in this order: send `head`, send `chunks`, then end the answer or start the next attempt, which goes
    on in the same answer where that was begun.

    `end` with the upstream still talking means that it is to be cancelled.
    """

    head: Head | None = None
    chunks: Sequence[bytes] = ()
    end: bool = False
    retry: bool = False
    abort: bool = False
    """Hang up on the client: what it has is not to look complete."""

    @property
    def only_chunks(self) -> bool:
        """More of an answer under way, or nothing yet."""
        return self.head is None and not (self.end or self.retry or self.abort)


HOLD = Step()
"""Nothing for the client yet."""
