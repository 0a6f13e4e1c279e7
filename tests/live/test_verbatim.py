"""Same protocol and nothing to change: not a byte of request or answer is touched, over every recorded exchange."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from proxy_core.config.options import PROVIDERS
from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.upstream import Raw, Received, Upstream
from tests.recordings import Recording, cases

PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/{model}:{method}",
}
ENDPOINTS = {
    "openai_chat": "chat",
    "openai_responses": "responses",
    "anthropic": "messages",
    "gemini": "generateContent",
}


def recorded() -> list[Any]:
    """Protocol and recording; only those whose request is known."""
    return [
        pytest.param(protocol, *param.values, id=param.id, marks=param.marks)
        for protocol, endpoint in ENDPOINTS.items()
        for param in cases(endpoint)
        if param.values[0] is None or isinstance(param.values[0].request, dict)
    ]


UNGUARDED = {"LOOP_DETECTION_ENABLED": "false"}
"""One recorded model calls the same tool five times over, and would be told so."""


def _config(protocol: str, vendors: Upstream) -> str:
    off = "".join(f"  {name}: {{enabled: false}}\n" for name in PROVIDERS)
    only = f"{{protocol: {protocol}, base_url: {vendors.url(protocol)}, api_key: sk-upstream}}"
    return f"settings: {{default_backend: only}}\nbackends:\n{off}  only: {only}\n"


@pytest.fixture(scope="module")
def programs(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Program]]:
    """One for each protocol, with a single backend: so no model's name means anything else."""
    started = {
        protocol: Program(tmp_path_factory.mktemp(protocol), _config(protocol, vendors), UNGUARDED)
        for protocol in PATHS
    }
    for program in started.values():
        program.wait()
    yield started
    for program in started.values():
        program.stop()


KEY = {"authorization": f"Bearer {CLIENT_KEY}", "content-type": "application/json"}


def odd(value: Any) -> bytes:
    """JSON as no serializer of ours would write it."""
    return json.dumps(value, indent=1, separators=(" ,", ": ")).encode() + b"   \n"


def answer_of(recording: Recording) -> Raw:
    stream = recording.stream
    if stream:
        return Raw(
            [stream[start : start + 700] for start in range(0, len(stream), 700)], content_type="text/event-stream"
        )
    return Raw([odd(recording.reply)])


def path_of(protocol: str, recording: Recording) -> str:
    sent = recording.case["request"]["path"]
    if protocol != "gemini":
        return PATHS[protocol]
    return PATHS[protocol].format(model=model_of(sent), method=sent.rpartition(":")[2])


def model_of(path: str) -> str:
    return path.rpartition("/")[2].partition(":")[0]


@pytest.mark.parametrize(("protocol", "recording"), recorded())
def test_a_recorded_exchange_passes_untouched(
    protocol: str, recording: Recording, programs: dict[str, Program], vendors: Upstream, http: httpx.Client
) -> None:
    program, body, answer = programs[protocol], odd(recording.request), answer_of(recording)
    vendors.will_say(answer)
    vendors.checks = False
    heard = http.post(
        program.base + path_of(protocol, recording),
        content=body,
        headers={**KEY, "x-session-id": recording.id.replace("/", "-")},
    )
    assert heard.status_code == 200, heard.text
    received = vendors.next_request()
    assert received.vendor == protocol
    assert_untouched(body, received)
    assert heard.content == b"".join(answer.chunks)


def assert_untouched(body: bytes, received: Received) -> None:
    assert received.body == body
    assert received.headers["content-type"] == "application/json"
    assert received.headers["content-length"] == str(len(body))
