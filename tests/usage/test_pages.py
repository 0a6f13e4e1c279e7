from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy_core.errors import ParleyError
from proxy_core.serving import metrics as metrics_page
from proxy_core.serving import usage
from proxy_core.serving.metrics import Metrics
from proxy_core.serving.openapi import build
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.store import UsageStore
from tests.serving.asking import ask, header, json_of
from tests.usage.making import file_in, record


@pytest.fixture
def store(tmp_path: Path):
    made = UsageStore(file_in(tmp_path))
    yield made
    made.close()


def test_what_is_over_is_counted_at_once(store: UsageStore) -> None:
    pages = usage.pages(store, UsageReader(store.database))
    for number in range(3):
        store.put(record(session=f"s{number}", time=1_790_000_000.0 + number))
        found = json_of(ask(pages, "/usage/recent"))
        assert found["object"] == "usage_entries"
        assert found["data"][0]["session"] == f"s{number}"
    sums = json_of(ask(pages, "/usage/stats?days=3650&backend=&project=&session=&model="))
    assert sums["object"] == "usage_stats"
    assert sums["data"]["totals"]["requests"] == 3
    assert [row["requests"] for row in sums["data"]["by_session"]] == [1, 1, 1]
    assert len(json_of(ask(pages, "/usage/recent?limit=2"))["data"]) == 2
    exported = ask(pages, "/usage/export.csv?before=3")
    assert header(exported, "content-type") == "text/csv; charset=utf-8"
    assert exported.body.count(b"\r\n") == 3


def test_the_pages_need_the_key_and_a_thread(store: UsageStore) -> None:
    for page in usage.pages(store, UsageReader(store.database)):
        assert page.needs_key
        assert page.slow


def test_wrong_parameters_are_named(store: UsageStore) -> None:
    pages = usage.pages(store, UsageReader(store.database))
    with pytest.raises(ParleyError, match="'limit'"):
        ask(pages, "/usage/recent?limit=many")
    with pytest.raises(ParleyError, match="'user'"):
        ask(pages, "/usage/stats?user=me")


def test_the_description_knows_them(store: UsageStore) -> None:
    pages = (*usage.pages(store, UsageReader(store.database)), *metrics_page.pages(Metrics(lambda: 0)))
    described = {row.endpoint.path: row for row in build(pages)}
    for path in ("/usage/stats", "/usage/recent", "/usage/export.csv", "/metrics"):
        assert described[path].endpoint.section == "State and usage"
        assert described[path].needs_key


def _samples(metrics: Metrics) -> dict[str, float]:
    text = ask(metrics_page.pages(metrics), "/metrics").body.decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_metrics_have_the_names_of_the_conventions() -> None:
    metrics = Metrics(lambda: 3, lambda: 2)
    tries = ({"backend": "openai", "outcome": "rate_limit"}, {"backend": "gemini", "outcome": "answered"})
    metrics.observe(
        record(
            backend="gemini",
            served="flash",
            tries=tries,
            stream=True,
            first_token=0.5,
            cache_read=90,
            cost=0.25,
            redactions={"token": 2},
            loops=1,
            losses=4,
        )
    )
    found = _samples(metrics)
    labels = 'gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="flash"'
    assert found[f'gen_ai_client_token_usage_sum{{{labels},gen_ai_token_type="input"}}'] == 100
    assert found[f'gen_ai_client_token_usage_bucket{{{labels},gen_ai_token_type="output",le="16.0"}}'] == 1
    assert found[f'gen_ai_client_operation_duration_seconds_sum{{error_type="",{labels}}}'] == 1
    assert found[f"gen_ai_client_operation_time_to_first_chunk_seconds_sum{{{labels}}}"] == 0.5
    assert found['parley_attempts_total{backend="openai",outcome="rate_limit"}'] == 1
    assert found['parley_failovers_total{backend="gemini"}'] == 1
    assert found['parley_redactions_total{rule="token"}'] == 2
    assert found['parley_loops_total{backend="gemini"}'] == 1
    assert found['parley_losses_total{backend="gemini"}'] == 4
    assert found["parley_open_streams"] == 3
    assert found["parley_usage_records_waiting"] == 2
    model = 'gen_ai_provider_name="gcp.gemini",gen_ai_request_model="flash"'
    assert found[f"parley_cost_usd_total{{{model}}}"] == 0.25
    assert found[f'parley_tokens_total{{{model},kind="cache_read"}}'] == 90


def test_metrics_of_what_has_no_price_or_no_backend() -> None:
    metrics = Metrics(lambda: 0)
    metrics.observe(record())
    metrics.observe(record(backend=None, served=None, outcome="refused", tries=(), source=None))
    names = _samples(metrics)
    assert any(name.startswith("parley_unpriced_requests_total") for name in names)
    assert not any(name.startswith("parley_cost_usd_total{") for name in names)
    assert names['parley_requests_total{backend="",outcome="refused",protocol="openai_chat"}'] == 1


def test_names_that_clients_choose_cannot_fill_the_memory() -> None:
    metrics = Metrics(lambda: 0)
    for number in range(300):
        metrics.observe(record(served=f"model-{number}", session=f"s{number}", model=f"asked-{number}"))
    models = {found for name in _samples(metrics) for found in re.findall(r'gen_ai_request_model="([^"]*)"', name)}
    assert len(models) == 201
    assert "other" in models
