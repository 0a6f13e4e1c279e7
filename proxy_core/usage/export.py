"""Requests as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> str:
    """Empty where nothing is known."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = list(columns)
    writer.writerow(names)
    writer.writerows([cell(row[name]) for name in names] for row in rows)
    return out.getvalue()


def cell(value: Any) -> Any:
    """Clients choose some of the texts, and a spreadsheet would run one that looks like a formula.
    https://owasp.org/www-community/attacks/CSV_Injection"""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
