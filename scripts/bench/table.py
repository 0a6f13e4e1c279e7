"""The figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from scripts.bench.measure import BARE, STREAMS, Figures, Lane

_HEAD = (
    "lane",
    "CPU ms per request",
    "× bare",
    "CPU ms per 1,000 tokens, bursts",
    "× bare",
    "paced",
    "× bare",
    "ms added to first token",
    f"MB with {STREAMS} streams",
    "KB per stream",
)


def table(figures: Mapping[Lane, Figures], direct: float) -> str:
    """`direct` is the time to the first token without a proxy, in milliseconds."""
    bare = figures[BARE]
    rows = [_HEAD, ("---", *["---:"] * (len(_HEAD) - 1))]
    rows += [tuple(_cells(lane, measured, bare, direct)) for lane, measured in figures.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(lane: Lane, measured: Figures, bare: Figures, direct: float) -> Iterator[str]:
    per_request, per_token = lane.aims
    yield lane.name
    yield f"{median(measured.request):.2f}"
    yield _ratio(measured.request, bare.request, per_request)
    yield f"{median(measured.bursts):.0f}"
    yield _ratio(measured.bursts, bare.bursts, per_token)
    yield f"{median(measured.paced):.0f}"
    yield _ratio(measured.paced, bare.paced, per_token)
    yield f"{median(measured.first) - direct:.2f}"
    yield f"{measured.memory.total / 1e6:.0f}" if measured.memory else ""
    yield f"{measured.memory.per_stream / 1e3:.0f}" if measured.memory else ""


def _ratio(measured: Sequence[float], bare: Sequence[float], aim: float | None) -> str:
    ratio = median(measured) / median(bare)
    if aim is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} (aim {aim:g}{', missed' if ratio > aim else ''})"
