"""Which recorded exchange answers a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from proxy_core.errors import ParleyError, not_found
from proxy_core.protocols.contract import Call
from proxy_core.serving.replay.recording import Recorded, streams
from proxy_core.serving.replay.sameness import Sameness, sameness


class Tape:
    """The exchanges of a recording, in their order, and which of them have been played."""

    def __init__(self, exchanges: Sequence[Recorded]) -> None:
        self._exchanges = exchanges
        self._played: set[int] = set()

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(exchange.model for exchange in self._exchanges if exchange.model))

    def __len__(self) -> int:
        return len(self._exchanges)

    def take(self, call: Call, body: dict[str, Any]) -> Recorded:
        """The same request's answer, each of several in its turn and the last of them again and again; else the next
        of the same conversation. Raises ParleyError(NOT_FOUND)."""
        asked = sameness(body, call.protocol)
        alike = [number for number, each in enumerate(self._exchanges) if _fits(each, call, streams(call, body))]
        found = next(self._candidates(alike, asked), None)
        if found is None:
            raise _nothing(self._exchanges, len(alike), len(self._played), call, asked)
        self._played.add(found)
        return self._exchanges[found]

    def _candidates(self, alike: Sequence[int], asked: Sameness) -> Iterator[int]:
        same = [number for number in alike if self._exchanges[number].same.whole == asked.whole]
        fresh = [number for number in alike if number not in self._played]
        yield from (number for number in same if number in fresh)
        yield from same[-1:]
        for belongs in (_of_conversation, _of_opening):
            of_it = [number for number in fresh if belongs(self._exchanges[number].same, asked)]
            yield from (number for number in of_it if self._exchanges[number].same.steps == asked.steps)
            yield from of_it[:1]


def _of_conversation(one: Sameness, other: Sameness) -> bool:
    return one.conversation == other.conversation


def _of_opening(one: Sameness, other: Sameness) -> bool:
    return bool(one.opening) and one.opening == other.opening


def _fits(exchange: Recorded, call: Call, stream: bool) -> bool:
    """Whether the client could read the answer."""
    recorded = exchange.call
    return (
        (recorded.protocol, recorded.operation) == (call.protocol, call.operation)
        and exchange.stream == stream
        and (not stream or recorded.framing == call.framing)
    )


def _nothing(exchanges: Sequence[Recorded], alike: int, played: int, call: Call, asked: Sameness) -> ParleyError:
    kinds = Counter(f"{each.call.protocol} {each.call.operation}" for each in exchanges)
    there = ", ".join(f"{count} of {kind}" for kind, count in kinds.items()) or "nothing"
    return not_found(
        f"The recording has no exchange for this request: {call.protocol} {call.operation}, {asked.steps} "
        f"message{'s'[: asked.steps != 1]}, the newest '{asked.begins}'. It holds {there}; {alike} of the same kind "
        f"and framing, {played} played so far, and none left of a conversation that begins like this one."
    )
