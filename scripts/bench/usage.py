"""How fast the usage database answers over a million requests: `python -m scripts.bench.usage`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from proxy_core.usage.database import database
from proxy_core.usage.questions import Question
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.record import Record
from proxy_core.usage.store import write

ROWS = 1_000_000
AIM = 0.2
"""Seconds for each question."""
_DAY = 86_400
_PORTION = 20_000
_ROUNDS = 5
_BACKENDS = ("openai", "anthropic", "gemini", "openrouter")


@dataclass(frozen=True, slots=True)
class Asked:
    """Seconds, the median of several rounds."""

    name: str
    seconds: float


def measure(rows: int = ROWS) -> list[Asked]:
    """Fills a database with so many requests: 90 days, 20 to a session, 16 models. Then asks it."""
    with tempfile.TemporaryDirectory() as folder:
        place = database(f"sqlite:///{Path(folder) / 'usage.db'}")
        engine = place.writer()
        for start in range(0, rows, _PORTION):
            with engine.begin() as connection:
                write(connection, list(_records(start, min(start + _PORTION, rows), rows)))
            print(f"{start:,} of {rows:,} rows", end="\033[K\r", file=sys.stderr, flush=True)
        engine.dispose()
        reader = UsageReader(place)
        asked = [Asked(name, _timed(ask)) for name, ask in _questions(reader)]
        reader.close()
        return asked


def _records(start: int, stop: int, rows: int) -> Iterator[Record]:
    """A session has one project and one agent, which uses two of its backend's models."""
    chance = random.Random(start)
    began = time.time() - 89 * _DAY
    for number in range(start, stop):
        session = number // 20
        backend = _BACKENDS[session % 4]
        model = f"{backend}-{(session // 4 + number % 2) % 4}"
        yield Record(
            time=began + number / rows * 89 * _DAY,
            session=f"session-{session}",
            project=(None, "website", "compiler", "book")[session // 7 % 4],
            agent=("claude-code", "codex", "aider")[session // 5 % 3],
            listener="base_url",
            protocol="anthropic",
            operation="chat",
            model=f"{backend}:{model}",
            stream=True,
            outcome="answered",
            status=200,
            backend=backend,
            served=model,
            tries=({"backend": backend, "model": model, "outcome": "answered"},),
            input=chance.randrange(5000),
            cache_read=chance.randrange(100_000),
            output=chance.randrange(2000),
            source="provider",
            cost=chance.random(),
            first_token=chance.random(),
            duration=chance.random() * 20,
        )


def _questions(reader: UsageReader) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "stats, 30 days, all groups", lambda: reader.stats(Question(days=30))
    yield "stats, 90 days, all groups", lambda: reader.stats(Question(days=90))
    yield "stats, 90 days, one project", lambda: reader.stats(Question(days=90, project="book"))
    yield "stats, 90 days, one model", lambda: reader.stats(Question(days=90, model="openai:openai-3"))
    yield "stats, 90 days, one session", lambda: reader.stats(Question(days=90, session="session-77"))
    yield "recent, 50 rows", lambda: reader.recent(Question(limit=50))
    yield "recent, 50 rows of one session", lambda: reader.recent(Question(limit=50, session="session-77"))
    yield "recent, 1000 rows from the middle", lambda: reader.recent(Question(limit=1000, before=ROWS // 2))


def _timed(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        ask()
        took.append(time.perf_counter() - start)
    return median(took)


def table(asked: list[Asked]) -> str:
    """As Markdown."""
    lines = ["| question | ms |", "| --- | ---: |"]
    lines += [f"| {row.name} | {row.seconds * 1000:.1f}{' (missed)' if row.seconds > AIM else ''} |" for row in asked]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser("python -m scripts.bench.usage", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"default {ROWS:,}; about a minute to write")
    asked = measure(parser.parse_args().rows)
    print(table(asked))
    return int(any(row.seconds > AIM for row in asked))


if __name__ == "__main__":
    sys.exit(main())
