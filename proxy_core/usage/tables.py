"""The tables as they are now; `migrations` says how they came to be.

The sums are kept by day, so that statistics over a million requests need not read them: `daily` without sessions, of
which there are many, `daily_sessions` with them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Double, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeEngine

METADATA = MetaData()
_COUNT = BigInteger()

VERSION = Table("parley_schema", METADATA, Column("version", Integer, nullable=False))

REQUESTS = Table(
    "requests",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("time", Double, nullable=False),
    Column("session", String, nullable=False),
    Column("project", String),
    Column("agent", String),
    Column("listener", String, nullable=False),
    Column("protocol", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("backend", String),
    Column("model", String, nullable=False),
    Column("served", String),
    Column("route", String),
    Column("attempts", Integer, nullable=False),
    Column("tries", Text, nullable=False),
    Column("key_tail", String, nullable=False),
    Column("status", Integer),
    Column("outcome", String, nullable=False),
    Column("fault", String),
    Column("finish", String),
    Column("stream", Integer, nullable=False),
    Column("input", _COUNT),
    Column("cache_read", _COUNT),
    Column("cache_write", _COUNT),
    Column("output", _COUNT),
    Column("reasoning", _COUNT),
    Column("source", String),
    Column("cost", Double),
    Column("cost_source", String),
    Column("first_token", Double),
    Column("duration", Double, nullable=False),
    Column("rate", Double),
    Column("tool_calls", Integer, nullable=False),
    Column("redacted", Integer, nullable=False),
    Column("redactions", Text, nullable=False),
    Column("loops", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("flow", String, nullable=False),
    Column("cache_lost_tokens", _COUNT),
    Column("cache_lost_cost", Double),
)

DIMENSIONS = ("day", "backend", "model", "asked", "project", "agent")
"""`model` is the one served, or where none was, the one asked for. "" stands for none, since keys cannot be null."""
SESSION_DIMENSIONS = (*DIMENSIONS, "session")
COUNTS = (
    *("requests", "answered", "failed", "cancelled", "refused", "attempts"),
    *("input", "cache_read", "cache_write", "output", "reasoning"),
    *("priced", "unpriced", "estimated", "streams", "tool_calls", "redactions", "loops", "losses"),
)
AMOUNTS = ("cost", "seconds", "first_token")
"""`first_token` is the sum over `streams`, `seconds` that over `requests`."""
MEASURES = (*COUNTS, *AMOUNTS)


def _rollup(name: str, dimensions: tuple[str, ...]) -> Table:
    columns = [Column(dimension, _kind(dimension), primary_key=True) for dimension in dimensions]
    columns += [Column(count, BigInteger, nullable=False) for count in COUNTS]
    columns += [Column(amount, Double, nullable=False) for amount in AMOUNTS]
    return Table(name, METADATA, *columns)


def _kind(dimension: str) -> TypeEngine:
    return Date() if dimension == "day" else String()


DAILY = _rollup("daily", DIMENSIONS)
DAILY_SESSIONS = _rollup("daily_sessions", SESSION_DIMENSIONS)
