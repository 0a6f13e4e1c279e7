"""`parley usage`: what was used, out of the database itself, whether the proxy runs or not."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from proxy_core.config.load import open_sources, read_settings
from proxy_core.errors import ParleyError
from proxy_core.usage.database import BadDatabaseUrl, Database, database
from proxy_core.usage.export import cell
from proxy_core.usage.questions import DEFAULT_DAYS, FILTERS, Question, sums_question
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.stats import GROUPS

_COLUMNS = (
    ("requests", "requests"),
    ("failed", "failed"),
    ("input", "input_tokens"),
    ("cache read", "cache_read_tokens"),
    ("cache write", "cache_write_tokens"),
    ("output", "output_tokens"),
    ("reasoning", "reasoning_tokens"),
    ("cost USD", "cost_usd"),
    ("first token", "average_first_token_seconds"),
    ("seconds", "average_seconds"),
)
_WIDEST_NAME = 48


def usage(arguments: Sequence[str], environ: Mapping[str, str], cwd: Path) -> int:
    """Prints the table, or CSV. 1 where the database cannot be read, 2 where the arguments are wrong."""
    given = _parser().parse_args(list(arguments))
    filters = {name: vars(given)[name] for name in FILTERS if vars(given)[name]}
    try:
        question = sums_question({"days": given.days, **filters})
        place = _database(environ, cwd)
        if not place.exists:
            print(f"No usage yet: {place.shown} is not there. It is written by the proxy as it answers requests.")
            return 0
        groups, totals = _read(place, question, given.by)
    except (ParleyError, BadDatabaseUrl) as error:
        print(f"parley usage: {error}", file=sys.stderr)
        return 1
    if given.csv:
        _print_csv(groups, given.by)
    else:
        _print_table(groups, totals, given.by, question, place)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "parley usage",
        description="What was used: requests, tokens, cost, out of the database (PARLEY_DATABASE_URL; default: "
        "$XDG_STATE_HOME/parley/usage.db, which is ~/.local/state/parley/usage.db).",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--days",
        default=str(DEFAULT_DAYS),
        metavar="N",
        help=f"how many days, today (UTC) counted (default {DEFAULT_DAYS})",
    )
    parser.add_argument("--by", choices=GROUPS, default="model", help="what the lines are (default model)")
    parser.add_argument("--csv", action="store_true", help="all figures as CSV")
    for name in FILTERS:
        parser.add_argument(f"--{name}", metavar="NAME", help=f"only this {name}")
    return parser


def _database(environ: Mapping[str, str], cwd: Path) -> Database:
    """Where the proxy would write when it is started here."""
    return database(read_settings(open_sources({}, environ, cwd), cwd).database_url, environ)


def _read(place: Database, question: Question, group: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    reader = UsageReader(place)
    try:
        return reader.grouped(question, group), reader.totals(question)
    finally:
        reader.close()


def _print_csv(groups: Sequence[Mapping[str, Any]], group: str) -> None:
    if groups:
        writer = csv.DictWriter(sys.stdout, list(groups[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in row.items()} for row in groups)
    else:
        print(group)


def _print_table(
    groups: Sequence[Mapping[str, Any]], totals: Mapping[str, Any], group: str, question: Question, place: Database
) -> None:
    named = "".join(f", {name} {value}" for name, value in question.filters.items())
    print(f"Usage since {question.since()} (UTC){named}, from {place.shown}\n")
    rows = [(group, *(title for title, _ in _COLUMNS))]
    rows += [(_shown(row[group]), *_cells(row)) for row in groups]
    rows.append(("total", *_cells(totals)))
    for line in _aligned(rows):
        print(line)
    for note in _notes(totals):
        print(note)


def _cells(row: Mapping[str, Any]) -> Iterable[str]:
    return (_figure(name, row[name]) for _, name in _COLUMNS)


def _figure(name: str, value: float | None) -> str:
    if name == "cost_usd":
        return "unknown" if value is None else f"{value:,.4f}"
    if value is None:
        return "-"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"


def _shown(name: str | None) -> str:
    if name is None:
        return "(none)"
    printable = "".join(character if character.isprintable() else "?" for character in name)
    return printable if len(printable) <= _WIDEST_NAME else printable[: _WIDEST_NAME - 1] + "…"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Names to the left, figures to the right, rules under the titles and over the total."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    for index, row in enumerate(rows):
        if index in (1, len(rows) - 1):
            yield rule
        first, *rest = (
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join((first, *rest)).rstrip()


def _notes(totals: Mapping[str, Any]) -> Iterable[str]:
    if totals["cost_unknown"]:
        yield (
            f"\nThe cost of {totals['cost_unknown']:,} requests is unknown and not in the sum; prices can be given "
            "under models: in addons.yaml."
        )
    if totals["tokens_estimated"]:
        yield f"\nThe tokens of {totals['tokens_estimated']:,} requests are estimated: their provider counted none."
