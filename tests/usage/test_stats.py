from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.usage.database import database
from proxy_core.usage.questions import Question, rows_question, sums_question
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.record import Record
from proxy_core.usage.stats import GROUPS
from proxy_core.usage.store import write
from tests.usage.making import file_in, record

NOW = datetime.now(UTC).timestamp()
DAY = 86_400
NOTHING_USED: dict[str, Any] = {"source": None, "input": None, "output": None, "tries": ()}


def _reader(folder: Path, *records: Record) -> UsageReader:
    engine = file_in(folder).writer()
    with engine.begin() as connection:
        write(connection, records)
    engine.dispose()
    return UsageReader(file_in(folder))


GPT = record(time=NOW, session="new", backend="openai", served="gpt")
ROWS = (
    replace(GPT, time=NOW - 2 * DAY, session="old", model="openai:gpt", cost=0.5, project="p"),
    replace(GPT, model="strong", cost=0.25, agent="codex"),
    replace(GPT, backend="mine", served="llama", model="llama", input=1000, cache_read=30, project="p"),
    replace(GPT, session="", backend=None, served=None, model="gpt", outcome="refused", **NOTHING_USED),
)


@pytest.fixture
def reader(tmp_path: Path) -> UsageReader:
    return _reader(tmp_path, *ROWS)


def test_totals(reader: UsageReader) -> None:
    totals = reader.totals(Question(days=30))
    assert totals == {
        "requests": 4,
        "answered": 3,
        "failed": 0,
        "cancelled": 0,
        "refused": 1,
        "attempts": 3,
        "input_tokens": 1020,
        "cache_read_tokens": 30,
        "cache_write_tokens": 0,
        "output_tokens": 15,
        "reasoning_tokens": 0,
        "total_tokens": 1065,
        "cost_usd": 0.75,
        "cost_unknown": 1,
        "tokens_estimated": 0,
        "average_seconds": 1.0,
        "average_first_token_seconds": None,
        "tool_calls": 0,
        "redactions": 0,
        "loops": 0,
        "losses": 0,
    }


def test_groups_have_the_most_tokens_first_and_null_for_none(reader: UsageReader) -> None:
    def named(group: str) -> list[tuple[Any, int]]:
        return [(row[group], row["requests"]) for row in reader.grouped(Question(days=30), group)]

    assert named("backend") == [("mine", 1), ("openai", 2), (None, 1)]
    assert named("model") == [("llama", 1), ("gpt", 3)]
    assert named("project") == [("p", 2), (None, 2)]
    assert named("session") == [("new", 2), ("old", 1), (None, 1)]
    assert named("agent") == [(None, 3), ("codex", 1)]
    today = date.fromisoformat(reader.stats(Question(days=1))["to"])
    assert named("day") == [((today - timedelta(days=2)).isoformat(), 1), (today.isoformat(), 3)]


def test_the_groups_add_up_to_the_totals(reader: UsageReader) -> None:
    for question in (Question(days=30), Question(days=1), Question(days=30, session="new"), Question(project="p")):
        found = reader.stats(question)
        for group in GROUPS:
            for figure in ("requests", "total_tokens", "cost_unknown", "attempts"):
                assert sum(row[figure] for row in found[f"by_{group}"]) == found["totals"][figure], (group, figure)


@pytest.mark.parametrize(
    ("question", "requests"),
    [
        (Question(days=1), 3),
        (Question(days=2), 3),
        (Question(days=3), 4),
        (Question(), 4),
        (Question(backend="openai"), 2),
        (Question(project="p"), 2),
        (Question(session="new"), 2),
        (Question(agent="codex"), 1),
        (Question(model="gpt"), 3),
        (Question(model="strong"), 1),
        (Question(model="openai:gpt"), 2),
        (Question(model="openai/gpt"), 2),
        (Question(model="mine:gpt"), 0),
        (Question(model="llama", project="p"), 1),
        (Question(model="llama", session="old"), 0),
        (Question(project="p' OR '1'='1"), 0),
        (Question(session="%"), 0),
    ],
)
def test_filters_mean_the_same_for_sums_and_for_lists(reader: UsageReader, question: Question, requests: int) -> None:
    assert reader.totals(question)["requests"] == requests
    assert len(reader.recent(question)) == requests


def test_a_cost_that_is_unknown_is_not_zero(reader: UsageReader) -> None:
    assert reader.totals(Question(backend="mine"))["cost_usd"] is None
    assert reader.totals(Question(session="nobody"))["cost_usd"] == 0.0
    costs = {row["backend"]: row["cost_usd"] for row in reader.grouped(Question(), "backend")}
    assert costs == {"mine": None, "openai": 0.75, None: 0.0}


def test_pages_of_the_newest_requests(tmp_path: Path) -> None:
    reader = _reader(tmp_path, *(record(session=str(number)) for number in range(25)))
    seen: list[str] = []
    question = Question(limit=10)
    while page := reader.recent(question):
        seen += [row["session"] for row in page]
        question = Question(limit=10, before=page[-1]["id"])
    assert seen == [str(number) for number in range(24, -1, -1)]


def test_csv_holds_no_formula(tmp_path: Path) -> None:
    reader = _reader(tmp_path, record(session="=cmd()", model='a,"b"'), record(session="plain", cost=-0.0))
    rows = list(csv.DictReader(io.StringIO(reader.csv(Question(limit=10)))))
    assert [row["session"] for row in rows] == ["plain", "'=cmd()"]
    assert (rows[1]["model"], rows[1]["cost"], rows[1]["input"]) == ('a,"b"', "", "10")


def test_a_database_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert UsageReader(file_in(tmp_path)).stats(Question(days=30))["totals"]["requests"] == 0


def test_a_database_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "usage.db").write_text("no database at all, and long enough to be taken for a header" * 4)
    with pytest.raises(ParleyError, match="cannot be read") as raised:
        UsageReader(file_in(tmp_path)).totals(Question())
    assert raised.value.fault.http_status == 503
    with pytest.raises(ParleyError, match="cannot be read"):
        UsageReader(database(f"sqlite:///{tmp_path}/usage.db/x/y.db")).totals(Question())


def test_what_may_be_asked() -> None:
    assert sums_question({}) == Question(days=30)
    assert sums_question({"days": "", "backend": "", "key": "k"}) == Question(days=30)
    assert sums_question({"days": "7", "model": "a:b"}) == Question(days=7, model="a:b")
    assert rows_question({"limit": "5", "before": "77"}) == Question(limit=5, before=77)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"days": "0"}, "days"),
        ({"days": "-1"}, "days"),
        ({"days": "1.5"}, "days"),
        ({"days": "٣"}, "days"),
        ({"days": "9" * 50}, "days"),
        ({"days": "1; DROP TABLE requests"}, "days"),
        ({"limit": "1001"}, "limit"),
        ({"before": "x"}, "before"),
        ({"session": "a\x00b"}, "session"),
        ({"project": "x" * 301}, "project"),
        ({"porject": "book"}, "porject"),
    ],
)
def test_what_may_not(query: dict[str, str], field: str) -> None:
    with pytest.raises(ParleyError) as raised:
        rows_question(query)
    assert raised.value.fault.kind is FaultKind.INVALID_REQUEST
    assert raised.value.fault.field == field
    assert field in raised.value.fault.message
