"""What recorded answers say they used is what the database says, for every provider, streamed and whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.meter import Meter
from proxy_core.exchange.step import HeaderList
from proxy_core.pipeline.lanes import Lane, LaneChoice
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import View
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.request import ChatRequest
from proxy_core.usage.questions import Question
from proxy_core.usage.reader import UsageReader
from proxy_core.usage.record import Record, record_of
from proxy_core.usage.store import write
from tests.recordings import Recording, recordings
from tests.usage.making import ASKED, NO_PRICES, NOON, admitted, attempt, file_in

_PROTOCOLS: dict[str, ProtocolName] = {
    "chat": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic",
    "generateContent": "gemini",
    "cohere_v2_chat": "cohere",
}
_BROKEN = {
    "anthropic/ai__spliced-message-start.stream__00",
    "openai/ai__parallel-tool-call-wrapper.1.stream__00",
}
"""Two answers spliced into each other; lines that are no JSON."""
_WAYS = [(row["provider"], row["endpoint"], row["stream"]) for row in (found.index for found in recordings())]
WAYS = sorted({way for way in _WAYS if way[1] in _PROTOCOLS}) or [
    pytest.param("", "", False, marks=pytest.mark.skip(reason="recordings are not at hand"))
]


def _payloads(recording: Recording) -> Iterator[dict[str, Any]]:
    """The JSON objects of an answer, read without any code of ours. A few files hold several answers in a row, of
    which the first counts."""
    if "sse_text" not in recording.case["response"]:
        whole: Any = recording.reply
        yield from whole if isinstance(whole, list) else [whole]
        return
    for line in recording.case["response"]["sse_text"].splitlines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data.startswith("{"):
            payload = json.loads(data)
            yield payload
            if payload.get("type") in ("message_stop", "response.completed", "response.incomplete"):
                return


def _said(recording: Recording) -> tuple[int, int] | None:
    """Tokens in and out by the provider's own words: the last that it says."""
    counts: dict[str, Any] = {}
    for payload in _payloads(recording):
        inner = (payload.get(name) for name in ("message", "response", "x_groq", "delta"))
        for holder in (payload, *inner):
            for name in ("usage", "usageMetadata"):
                if isinstance(holder, dict) and isinstance(holder.get(name), dict):
                    counts |= {key: value for key, value in holder[name].items() if value is not None}
    return _TOTALS[recording.index["endpoint"]](counts) if counts else None


def _chat_total(counts: dict[str, Any]) -> tuple[int, int]:
    reasoning = (counts.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    given, made = counts["prompt_tokens"], counts.get("completion_tokens") or 0
    apart = reasoning and counts.get("total_tokens") == given + made + reasoning  # xAI
    return given, made + (reasoning if apart else 0)


def _messages_total(counts: dict[str, Any]) -> tuple[int, int]:
    cached = (counts.get("cache_read_input_tokens") or 0) + (counts.get("cache_creation_input_tokens") or 0)
    return counts["input_tokens"] + cached, counts["output_tokens"]


def _gemini_total(counts: dict[str, Any]) -> tuple[int, int]:
    given = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
    return given, counts.get("candidatesTokenCount", 0) + counts.get("thoughtsTokenCount", 0)


def _cohere_total(counts: dict[str, Any]) -> tuple[int, int]:
    return counts["tokens"]["input_tokens"], counts["tokens"]["output_tokens"]


_TOTALS = {
    "cohere_v2_chat": _cohere_total,
    "chat": _chat_total,
    "responses": lambda counts: (counts["input_tokens"], counts["output_tokens"]),
    "messages": _messages_total,
    "generateContent": _gemini_total,
}


def _record(recording: Recording) -> Record:
    """Through the exchange, as if the answer came just now."""
    protocol = _PROTOCOLS[recording.index["endpoint"]]
    backend = Backend(recording.index["provider"], protocol, "http://x.test/v1")
    streams = recording.index["stream"]
    one = attempt(Upstream(backend, recording.index["model"] or "m"), make_view=lambda: None)
    one.meter = Meter(lambda: NOON + 1)
    one.observers = (one.meter,)
    client: ProtocolName = protocol if protocol in CODECS else "openai_chat"
    if client != protocol:
        one.choice = LaneChoice(Lane.TRANSLATE, "no client speaks it")
        one.view = View("m", ChatRequest(client, "m", []))
    request = admitted(client, stream=streams)
    made = Exchange(request, CODECS[client], iter([one]), _raise, clock=lambda: NOON + 2)
    assert made.next_attempt() is one
    events = recording.stream
    if streams and not events:
        request.call.framing = "json_array"
    headers: HeaderList = [("content-type", "text/event-stream" if events else "application/json")]
    made.on_head(200, headers)
    made.on_data(events or json.dumps(recording.reply).encode())
    made.on_end()
    return record_of(made, ASKED, NO_PRICES)


def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(("provider", "endpoint", "stream"), WAYS)
def test_totals_are_those_of_the_providers(tmp_path: Path, provider: str, endpoint: str, stream: bool) -> None:
    expected: Counter[str] = Counter()
    records = []
    for recording in recordings():
        index = recording.index
        if (index["provider"], index["endpoint"], index["stream"], index["status"]) != (
            provider,
            endpoint,
            stream,
            200,
        ):
            continue
        record = _record(recording)
        if recording.id in _BROKEN:
            assert record.finish is None, recording.id
            continue
        failed = b"event: error" in recording.stream or b'"response.failed"' in recording.stream
        assert record.outcome == ("failed" if failed else "answered"), recording.id
        if failed:
            continue
        said = _said(recording)
        if said is None:
            assert record.source != "provider", recording.id
            continue
        counted = ((record.input or 0) + (record.cache_read or 0) + (record.cache_write or 0), record.output or 0)
        assert counted == said, recording.id
        expected.update(requests=1, given=said[0], made=said[1])
        records.append(record)
    if not records:  # no recording of this kind says what it used
        return
    engine = file_in(tmp_path).writer()
    with engine.begin() as connection:
        write(connection, records)
    (row,) = UsageReader(file_in(tmp_path)).grouped(Question(backend=provider), "backend")
    assert row["requests"] == expected["requests"]
    assert row["input_tokens"] + row["cache_read_tokens"] + row["cache_write_tokens"] == expected["given"]
    assert row["output_tokens"] == expected["made"]
