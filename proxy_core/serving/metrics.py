"""`GET /metrics`: counters for Prometheus, under the names of OpenTelemetry's conventions where these have one.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from proxy_core.exchange.answers import Answer
from proxy_core.exchange.attempt import HEDGED
from proxy_core.exchange.inbound import Inbound
from proxy_core.serving.pages import Page
from proxy_core.usage.record import Record

_PROVIDERS = {"gemini": "gcp.gemini", "mistral": "mistral_ai", "xai": "x_ai", "azure": "azure.ai.openai"}
"""OpenTelemetry's names for backends that we call otherwise."""
_OPERATIONS = {"completions": "text_completion", "images": "generate_content"}
_LABELS = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
_TOKEN_BUCKETS = tuple(4**power for power in range(14))
_DURATION_BUCKETS = tuple(0.01 * 2**power for power in range(15))
_FIRST_BUCKETS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0)
_NO_FAILURE = frozenset({"answered", "cancelled", HEDGED})
"""Outcomes of attempts that others are made beside, but not after."""
_MAX_MODELS = 200
"""Names of models come from clients; each makes a few dozen time series."""


_KINDS = ("input", "cache_read", "cache_write", "output", "reasoning")


@dataclass(frozen=True, slots=True)
class _Series:
    """What is counted of one model, found once."""

    duration: Histogram
    first: Histogram
    prompt: Histogram
    completion: Histogram
    details: tuple[tuple[str, Counter], ...]


class Metrics:
    """`open_streams` and `waiting` are asked for at each scrape."""

    def __init__(self, open_streams: Callable[[], int], waiting: Callable[[], int] = lambda: 0) -> None:
        self._registry = registry = CollectorRegistry()
        self._models: set[str] = set()
        self._series: dict[tuple[str, str, str, str], _Series] = {}
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of a request",
            (*_LABELS, "gen_ai_token_type"),
            buckets=_TOKEN_BUCKETS,
            registry=registry,
        )
        self._duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Duration of a request",
            (*_LABELS, "error_type"),
            buckets=_DURATION_BUCKETS,
            registry=registry,
        )
        self._first = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "Time to the first generated token of a stream",
            _LABELS,
            buckets=_FIRST_BUCKETS,
            registry=registry,
        )
        self._requests = self._counter("requests", "Requests", "backend", "protocol", "outcome")
        self._attempts = self._counter("attempts", "Requests sent to backends", "backend", "outcome")
        self._failovers = self._counter("failovers", "Attempts after one that failed", "backend")
        self._details = self._counter("tokens", "Tokens by what they were", *_LABELS[1:], "kind")
        self._cost = self._counter("cost_usd", "Cost in US dollars of what could be priced", *_LABELS[1:])
        self._unpriced = self._counter("unpriced_requests", "Requests with tokens of unknown price", *_LABELS[1:])
        self._redactions = self._counter("redactions", "Secrets kept from backends", "rule")
        self._loops = self._counter("loops", "Answers that were cut because they repeated themselves", "backend")
        self._lost = self._counter("cache_lost_tokens", "Tokens read anew as a prompt's beginning changed", "backend")
        self._losses = self._counter("losses", "Fields that could not be carried into another protocol", "backend")
        self._gauge("open_streams", "Exchanges under way", open_streams)
        self._gauge("usage_records_waiting", "Usage records not yet in the database", waiting)

    def observe(self, record: Record) -> None:
        """Counts a request that is over."""
        backend = record.backend or ""
        self._requests.labels(backend, record.protocol, record.outcome).inc()
        self._observe_attempts(record)
        for rule, count in record.redactions.items():
            self._redactions.labels(rule).inc(count)
        if record.loops:
            self._loops.labels(backend).inc(record.loops)
        if record.cache_lost_tokens:
            self._lost.labels(backend).inc(record.cache_lost_tokens)
        if record.losses:
            self._losses.labels(backend).inc(record.losses)
        if record.backend:
            self._observe_generation(record)

    def exposition(self) -> Answer:
        return Answer(200, [("content-type", CONTENT_TYPE_LATEST)], generate_latest(self._registry))

    def _observe_attempts(self, record: Record) -> None:
        failed = False
        for attempt in record.tries:
            self._attempts.labels(attempt["backend"], attempt["outcome"] or record.outcome).inc()
            if failed:
                self._failovers.labels(attempt["backend"]).inc()
            failed = failed or attempt["outcome"] not in _NO_FAILURE

    def _observe_generation(self, record: Record) -> None:
        provider = _PROVIDERS.get(record.backend or "", record.backend or "")
        operation = _OPERATIONS.get(record.operation, record.operation)
        series = self._series_of((operation, provider, self._model(record.served or ""), record.fault or ""))
        series.duration.observe(record.duration)
        if record.first_token is not None:
            series.first.observe(record.first_token)
        if record.source is None:
            return
        series.prompt.observe((record.input or 0) + (record.cache_read or 0) + (record.cache_write or 0))
        series.completion.observe(record.output or 0)
        for kind, counter in series.details:
            count = getattr(record, kind)
            if count:
                counter.inc(count)
        if record.cost is None:
            self._unpriced.labels(provider, self._model(record.served or "")).inc()
        else:
            self._cost.labels(provider, self._model(record.served or "")).inc(record.cost)

    def _series_of(self, names: tuple[str, str, str, str]) -> _Series:
        """Finding a series by its labels takes longer than counting in it."""
        series = self._series.get(names)
        if series is None:
            *labels, fault = names
            provider, model = labels[1:]
            series = self._series[names] = _Series(
                duration=self._duration.labels(*labels, fault),
                first=self._first.labels(*labels),
                prompt=self._tokens.labels(*labels, "input"),
                completion=self._tokens.labels(*labels, "output"),
                details=tuple((kind, self._details.labels(provider, model, kind)) for kind in _KINDS),
            )
        return series

    def _model(self, name: str) -> str:
        if name not in self._models:
            if len(self._models) >= _MAX_MODELS:
                return "other"
            self._models.add(name)
        return name

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"parley_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, value: Callable[[], int]) -> None:
        Gauge(f"parley_{name}", text, registry=self._registry).set_function(value)


def pages(metrics: Metrics) -> tuple[Page, ...]:
    def answer(inbound: Inbound) -> Answer:
        return metrics.exposition()

    return (Page("/metrics", answer),)
