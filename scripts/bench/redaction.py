"""What hiding secrets costs: milliseconds for a prompt of 200 KB, never seen before and seen again."""

from __future__ import annotations

import copy
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy_core.redaction import Finder, Vault, conceal

SIZE = 200_000
_SOURCES = Path(__file__).resolve().parents[2] / "proxy_core"


@dataclass(frozen=True)
class RedactionFigures:
    """Milliseconds, each the median: the first time a history is seen, and the next turn of it."""

    cold: float
    warm: float
    hidden: int


def measure(rounds: int = 15) -> RedactionFigures:
    """A conversation of an agent that has read source files, and one file with a token in it."""
    body = conversation()
    cold, warm, hidden = [], [], 0
    finder = Finder(own=["parley-bench-own-key-0123456789"])
    for _ in range(rounds):
        finder.forget()
        vault = Vault()
        cold.append(_timed(body, vault, finder)[0])
        spent, hidden = _timed(body, vault, finder)
        warm.append(spent)
    return RedactionFigures(statistics.median(cold), statistics.median(warm), hidden)


def conversation() -> dict[str, Any]:
    """200 KB of this program's own sources as tool results."""
    texts, size = [], 0
    for path in sorted(_SOURCES.rglob("*.py")):
        texts.append(path.read_text(encoding="utf-8")[: SIZE - size])
        size += len(texts[-1])
        if size >= SIZE:
            break
    texts[-1] += "\nGITHUB_TOKEN=" + "gh" + "p_" + "k3J9mQ2xV7bN4cR8tY1wZ6pL5sD0fG3hA2eU"
    return {"messages": [{"role": "tool", "tool_call_id": "1", "content": text} for text in texts]}


def _timed(body: dict[str, Any], vault: Vault, finder: Finder) -> tuple[float, int]:
    body = copy.deepcopy(body)
    started = time.perf_counter()
    concealed = conceal(body, "openai_chat", vault, finder)
    return (time.perf_counter() - started) * 1000, sum(concealed.counts.values())


def table(figures: RedactionFigures) -> str:
    """As Markdown."""
    rows = (("seen for the first time", figures.cold), ("seen before", figures.warm))
    return "\n".join(["| prompt | ms |", "| --- | ---: |", *(f"| {name} | {ms:.2f} |" for name, ms in rows)])


if __name__ == "__main__":
    print(table(measure()))
