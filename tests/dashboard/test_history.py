from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proxy_core.dashboard.history import days_of, history
from proxy_core.errors import ParleyError
from proxy_core.usage.questions import Question
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.record import Record
from proxy_core.usage.store import write
from tests.usage.making import file_in, record

TODAY = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
MIDNIGHT = TODAY.replace(hour=0).timestamp()
TWO = {"tries": ({"backend": "a", "outcome": "overloaded"}, {"backend": "b", "outcome": "answered"})}
ROWS = (
    record(time=MIDNIGHT - 3 * 86400, cost=1.0, model="old", served="old", flow="f0"),
    record(time=MIDNIGHT + 60, cost=0.5, session="s1", flow="f1"),
    record(time=MIDNIGHT + 90, cost=None, project="p", agent="codex", flow="f2", **TWO),
    record(time=MIDNIGHT + 91, outcome="failed", source=None, input=None, output=None, tries=(), flow="f3"),
    record(time=MIDNIGHT + 3599.999, outcome="cut", loops=1, source="estimated", redactions={"own-key": 1}, flow="f4"),
)


def reader_of(folder: Path, *records: Record) -> UsageReader:
    engine = file_in(folder).writer()
    with engine.begin() as connection:
        write(connection, records)
    engine.dispose()
    return UsageReader(file_in(folder))


@pytest.fixture
def reader(tmp_path: Path) -> UsageReader:
    return reader_of(tmp_path, *ROWS)


def test_the_hours_of_today_sum_up_to_the_day(reader: UsageReader) -> None:
    """Hours are added up by the database, days by the program: they must agree in every number."""
    [day] = reader.stats(Question(days=1), ("day",))["by_day"]
    [hour] = reader.by_hour(Question(days=1))
    assert hour.pop("hour") == f"{day.pop('day')}T00"
    assert hour == pytest.approx(day)


def test_every_hour_of_today_and_every_day_has_a_point(reader: UsageReader) -> None:
    hours = history(reader, 1)["series"]
    assert [point["at"][-3:] for point in hours] == [f"T{hour:02}" for hour in range(24)]
    assert [point["requests"] for point in hours] == [4] + 23 * [0]
    days = history(reader, 7)["series"]
    assert days[-1]["at"] == TODAY.date().isoformat()
    assert days[0]["at"] == (TODAY - timedelta(days=6)).date().isoformat()
    assert [point["requests"] for point in days] == [0, 0, 0, 1, 0, 0, 4]


def test_what_nobody_knows_the_price_of_is_not_free(reader: UsageReader, tmp_path: Path) -> None:
    today = history(reader, 1)
    assert (today["totals"]["cost_usd"], today["totals"]["cost_unknown"]) == (0.5, 2)
    unknown = history(reader_of(tmp_path / "other", record(time=MIDNIGHT + 1, cost=None)), 1)
    assert unknown["totals"]["cost_usd"] is None
    assert unknown["series"][0]["cost_usd"] is None
    assert unknown["by"]["model"][0]["cost_usd"] is None


def test_it_is_summed_up_by_everything(reader: UsageReader) -> None:
    by = history(reader, 30)["by"]
    assert set(by) == {"model", "project", "session", "agent", "backend"}
    assert {row["name"] for row in by["project"]} == {None, "p"}
    assert {row["name"] for row in by["model"]} == {"m", "old"}
    assert {row["name"]: row["requests"] for row in by["agent"]} == {None: 4, "codex": 1}


def test_the_latest_requests_and_what_was_notable_outlive_a_start(reader: UsageReader) -> None:
    known = history(reader, 7)
    assert [row["id"] for row in known["finished"]] == ["f4", "f3", "f2", "f1", "f0"]
    assert [(event["kind"], event["id"]) for event in known["notable"]] == [
        ("loop", "f4"),
        ("failover", "f2"),
        ("redaction", "f4"),
    ]


@pytest.mark.parametrize("days", ["0", "2", "", "365", "1; drop table"])
def test_only_the_ranges_there_are(days: str) -> None:
    with pytest.raises(ParleyError) as caught:
        days_of({"days": days})
    assert caught.value.fault.http_status == 400
    assert [days_of(query) for query in ({}, {"days": "30"})] == [7, 30]
