"""Sums and lists out of the usage database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Table,
    and_,
    case,
    desc,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from proxy_core.usage.questions import Question
from proxy_core.usage.tables import DAILY, DAILY_SESSIONS, MEASURES, REQUESTS
from proxy_core.wire.json import loads

GROUPS = ("day", "backend", "model", "project", "session", "agent")
_COMBINED = ("backend", "model", "project", "agent")
_MOST_SESSIONS = 100
"""There may be a session for each few requests; those with the most tokens are listed."""
_GROUP_LIMIT = 1000
_RENAMED = {
    "input": "input_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
    "cost": "cost_usd",
    "cost_source": "cost_by",
    "cache_lost_cost": "cache_lost_cost_usd",
    "source": "tokens_by",
    "first_token": "first_token_seconds",
    "duration": "duration_seconds",
    "rate": "tokens_per_second",
    "key_tail": "key",
    "tries": "attempt_list",
}
_TOKENS = ("input", "cache_read", "cache_write", "output")


def stats(connection: Connection, question: Question, groups: Sequence[str] = GROUPS) -> dict[str, Any]:
    """Totals, and by each of `groups` those with the most tokens first; days in order."""
    since = question.since()
    days = _day_sums(connection, question)  # which add up to the totals, so that these need no reading of their own
    found = grouped(connection, question, [group for group in groups if group != "day"])
    if "day" in groups:
        found["day"] = _days(days)
    return {
        "days": question.days,
        "from": since.isoformat() if since else None,
        "to": datetime.now(UTC).date().isoformat(),
        "filters": question.filters,
        "totals": _measures({name: sum(sums[name] for sums in days) for name in MEASURES}),
        **{f"by_{group}": rows for group, rows in found.items()},
    }


def totals(connection: Connection, question: Question) -> dict[str, Any]:
    table = _sums_table(question)
    row = connection.execute(select(*_sums(table)).where(*_conditions(table, question))).one()
    return _measures(row._asdict())


def grouped(connection: Connection, question: Question, groups: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """By each of `groups`, which are of GROUPS; what has none of it is under null."""
    together = [group for group in groups if group in _COMBINED]
    found = _combined(connection, question, together) if together else {}
    if "day" in groups:
        found["day"] = _days(_day_sums(connection, question))
    if "session" in groups:
        found["session"] = _by_session(connection, question)
    return found


def _combined(connection: Connection, question: Question, groups: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The days are summed up once for all groups, since they are most of what there is to read."""
    table = _sums_table(question)
    columns = [table.c[group] for group in groups]
    base = select(*columns, *_sums(table)).where(*_conditions(table, question)).group_by(*columns).cte("combined")
    by_group = [
        select(literal(group).label("kind"), base.c[group].label("name"), *_sums(base)).group_by(base.c[group])
        for group in groups
    ]
    found: dict[str, list[dict[str, Any]]] = {group: [] for group in groups}
    for row in connection.execute(union_all(*by_group)):
        named = row._asdict()
        found[named["kind"]].append({named["kind"]: named["name"] or None, **_measures(named)})
    return {group: _most_tokens_first(rows)[:_GROUP_LIMIT] for group, rows in found.items()}


def _day_sums(connection: Connection, question: Question) -> list[dict[str, Any]]:
    table = _sums_table(question)
    day = table.c.day
    rows = connection.execute(
        select(day.label("name"), *_sums(table)).where(*_conditions(table, question)).group_by(day).order_by(day)
    )
    return list(_dicts(rows))


def _days(days: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"day": sums["name"].isoformat(), **_measures(sums)} for sums in days]


def by_hour(connection: Connection, question: Question) -> list[dict[str, Any]]:
    """In order, hours as `2026-11-21T08` (UTC). Reads every row, so it is for a day or two."""
    hour = REQUESTS.c.time.cast(BigInteger) // 3600
    conditions = list(_row_conditions(question))
    rows = connection.execute(select(hour.label("name"), *_row_sums()).where(*conditions).group_by(hour).order_by(hour))
    return [{"hour": f"{_moment(int(sums['name']) * 3600)[:13]}", **_measures(sums)} for sums in _dicts(rows)]


def _row_sums() -> Iterator[ColumnElement[Any]]:
    """What `rows.measures_of` says of each row, added up."""
    columns = REQUESTS.c
    counted, priced = columns.source.is_not(None), columns.cost.is_not(None)
    wheres = {
        "requests": true(),
        "answered": columns.outcome.in_(("answered", "local", "cut")),
        **{name: columns.outcome == name for name in ("failed", "cancelled", "refused")},
        "priced": priced,
        "unpriced": and_(counted, ~priced),
        "estimated": columns.source == "estimated",
        "streams": columns.first_token.is_not(None),
    }
    others = {"redactions": columns.redacted, "seconds": columns.duration}
    for name in MEASURES:
        value = case((wheres[name], 1), else_=0) if name in wheres else others.get(name, columns.get(name))
        yield func.coalesce(func.sum(value), 0).label(name)


def _by_session(connection: Connection, question: Question) -> list[dict[str, Any]]:
    """First which have the most tokens, then all about these."""
    table, session = DAILY_SESSIONS, DAILY_SESSIONS.c.session
    conditions = list(_conditions(table, question))
    tokens = func.sum(table.c.input + table.c.cache_read + table.c.cache_write + table.c.output)
    most = select(session).where(*conditions).group_by(session).order_by(desc(tokens), session).limit(_MOST_SESSIONS)
    names = connection.execute(most).scalars().all()
    rows = connection.execute(
        select(session.label("name"), *_sums(table)).where(session.in_(names), *conditions).group_by(session)
    )
    return _most_tokens_first([{"session": sums["name"] or None, **_measures(sums)} for sums in _dicts(rows)])


def _most_tokens_first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (-row["total_tokens"], -row["requests"]))


def recent(connection: Connection, question: Question) -> list[dict[str, Any]]:
    """The newest first; the id of the last is the `before` of the next page."""
    return [entry(row._asdict()) for row in _rows(connection, question)]


def entry(row: Mapping[str, Any]) -> dict[str, Any]:
    values = {_RENAMED.get(name, name): value for name, value in row.items() if name not in ("redacted", "flow")}
    values["time"] = _moment(row["time"])
    values["stream"] = bool(row["stream"])
    values["attempt_list"] = loads(row["tries"])
    values["redactions"] = loads(row["redactions"])
    return values


def _rows(connection: Connection, question: Question) -> Iterator[Row[Any]]:
    conditions = list(_row_conditions(question))
    newest_first = select(REQUESTS).where(*conditions).order_by(desc(REQUESTS.c.id)).limit(question.limit)
    yield from connection.execute(newest_first)


def raw_rows(connection: Connection, question: Question) -> Iterator[Mapping[str, Any]]:
    """As `recent`, as they stand in the database."""
    return (row._asdict() for row in _rows(connection, question))


def _dicts(rows: Iterable[Row[Any]]) -> Iterator[dict[str, Any]]:
    return (row._asdict() for row in rows)


def _sums_table(question: Question) -> Table:
    return DAILY_SESSIONS if question.session is not None else DAILY


def _sums(table: FromClause) -> list[ColumnElement[Any]]:
    return [func.coalesce(func.sum(table.c[name]), 0).label(name) for name in MEASURES]


def _conditions(table: Table, question: Question) -> Iterator[ColumnElement[bool]]:
    since = question.since()
    if since:
        yield table.c.day >= since
    for name in ("backend", "project", "agent", "session"):
        wanted = question.filters.get(name)
        if wanted is not None:
            yield table.c[name] == wanted
    if question.model is not None:
        yield _is_model(question.model, table.c.backend, table.c.model, table.c.asked)


def _row_conditions(question: Question) -> Iterator[ColumnElement[bool]]:
    columns = REQUESTS.c
    since = question.since()
    if since:
        yield columns.time >= _midnight(since)
    if question.before is not None:
        yield columns.id < question.before
    for name in ("backend", "project", "agent", "session"):
        wanted = question.filters.get(name)
        if wanted is not None:
            yield columns[name] == wanted
    if question.model is not None:
        yield _is_model(question.model, columns.backend, columns.served, columns.model)


def _is_model(
    wanted: str, backend: ColumnElement[Any], served: ColumnElement[Any], asked: ColumnElement[Any]
) -> ColumnElement[bool]:
    """By either name, or as backend:model or backend/model."""
    named: list[ColumnElement[bool]] = [served == wanted, asked == wanted]
    for separator in ":/":
        before, found, after = wanted.partition(separator)
        if found:
            named.append(and_(backend == before, served == after))
    return or_(*named)


def _measures(sums: Mapping[str, Any]) -> dict[str, Any]:
    """The cost is of what could be priced, null where nothing could; `cost_unknown` counts the other requests."""
    requests, streams = int(sums["requests"]), int(sums["streams"])
    unpriced, priced = int(sums["unpriced"]), int(sums["priced"])
    counts = ("requests", "answered", "failed", "cancelled", "refused", "attempts")
    return {
        **{name: int(sums[name]) for name in counts},
        **{_RENAMED[name]: int(sums[name]) for name in (*_TOKENS, "reasoning")},
        "total_tokens": sum(int(sums[name]) for name in _TOKENS),
        "cost_usd": None if unpriced and not priced else float(sums["cost"]),
        "cost_unknown": unpriced,
        "tokens_estimated": int(sums["estimated"]),
        "average_seconds": float(sums["seconds"]) / requests if requests else None,
        "average_first_token_seconds": float(sums["first_token"]) / streams if streams else None,
        **{name: int(sums[name]) for name in ("tool_calls", "redactions", "loops", "losses")},
    }


def _moment(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
