"""`python -m scripts.bench`: measures and prints the tables. About three minutes; --quick for the lanes alone."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts.bench import measure, proxies, redaction, usage
from scripts.bench.client import BenchError
from scripts.bench.measure import BARE, LANES, Figures, Lane
from scripts.bench.table import table


def main() -> int:
    if not Path("/proc/self/stat").exists():
        print("bench: CPU time is read from /proc, which only Linux has.", file=sys.stderr)
        return 1
    arguments = _parser().parse_args()
    lanes = [lane for lane in LANES if arguments.only in lane.name]
    others = [] if arguments.quick else [name for name in OTHERS if arguments.only in name]
    if not (lanes or others):
        print(f"bench: nothing is called {arguments.only!r}", file=sys.stderr)
        return 1
    failed = bool(lanes) and not _show_lanes(lanes, arguments)
    for name in others:
        _say(name)
        shown = OTHERS[name]()
        _say("")
        print(f"\n{shown}")
    return int(failed)


def _usage() -> str:
    return f"Usage database, {usage.ROWS:,} rows\n\n{usage.table(usage.measure())}"


def _redaction() -> str:
    return f"Secrets, in a prompt of {redaction.SIZE // 1000} KB\n\n{redaction.table(redaction.measure())}"


OTHERS: dict[str, Callable[[], str]] = {"usage": _usage, "redaction": _redaction}
"""What is measured beside the lanes, by the word that --only takes."""


def _show_lanes(lanes: Sequence[Lane], arguments: argparse.Namespace) -> bool:
    proxies.allow_many_connections()
    try:
        with tempfile.TemporaryDirectory() as folder, proxies.upstream() as port:
            figures, direct = _measured(lanes, port, Path(folder), arguments.rounds)
            if not arguments.no_memory:
                _add_memory(figures, port, Path(folder))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return False
    print(table(figures, direct))
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m scripts.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often all lanes are measured (default 3)")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="only the lanes with this word in their name, or usage, or redaction"
    )
    parser.add_argument("--quick", action="store_true", help="the lanes alone")
    parser.add_argument("--no-memory", action="store_true", help="leave the 500 concurrent streams out")
    return parser


def _measured(lanes: Sequence[Lane], port: int, folder: Path, rounds: int) -> tuple[dict[Lane, Figures], float]:
    """The figures of bare and all lanes, and the milliseconds to the first token without a proxy."""
    figures = {lane: Figures() for lane in (BARE, *lanes)}
    with proxies.bare(port, folder) as bare, proxies.parley(port, folder) as parley:
        order = [(bare, BARE), *((parley, lane) for lane in lanes)]
        for proxy, lane in order:
            asyncio.run(measure.warm_up(proxy, lane))
        for number in range(rounds):
            for proxy, lane in order:
                _say(f"round {number + 1} of {rounds}, {lane.name}")
                asyncio.run(measure.measure(proxy, lane, figures[lane]))
    return figures, asyncio.run(measure.first_token(port, BARE))


def _add_memory(figures: dict[Lane, Figures], port: int, folder: Path) -> None:
    """One lane of a kind is enough. Each in a fresh process, since a used one has memory to spare."""
    kinds = {lane.name.partition(":")[0]: lane for lane in reversed(figures)}
    for lane in kinds.values():
        _say(f"memory, {lane.name}")
        start = proxies.bare if lane is BARE else proxies.parley
        with start(port, folder) as proxy:
            figures[lane].memory = asyncio.run(measure.memory(proxy, lane))
    _say("")


def _say(progress: str) -> None:
    """On one line, for whoever waits at a terminal."""
    if sys.stderr.isatty():
        print(progress, end="\033[K\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
