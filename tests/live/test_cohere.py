"""Cohere's own protocol behind the program: by an aggregator's list, in a recording, and with what only it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.attacking import wait_for
from tests.live.clients.sdk import Drivers
from tests.live.conftest import config_for
from tests.live.program import CLIENT_KEY, Program
from tests.live.test_matrix import FINISHES, PROTOCOLS, ROME, TOOLS
from tests.live.test_replay import ask, asks
from tests.live.vendors.said import Said, named
from tests.live.vendors.upstream import Raw, Upstream

KEY = {"authorization": f"Bearer {CLIENT_KEY}"}
LISTED = [
    {"model_version": "cmd", "model_family": "Cohere", "handle": "/cohere/v2/chat", "prompt_price_1k": 1},
    {"model_version": "cmd-plain", "model_family": "Command", "handle": "/cohere/chat"},
    {"model_version": "cmd-past", "model_family": "Cohere", "handle": "/cohere/v1/chat"},
]
LISTED[0]["completion_price_1k"] = 2
PLAN = "I will look at the weather in Rome."
CITATION = {"start": 0, "end": 4, "text": "Noon", "sources": [{"type": "tool", "id": "clock_0:0"}]}


def _event(kind: str, index: int | None = None, **message: Any) -> bytes:
    place = {} if index is None else {"index": index}
    return named({"type": kind, **place, **({"delta": {"message": message}} if message else {})})


def _end(reason: str) -> bytes:
    used = {
        "billed_units": {"input_tokens": 5, "output_tokens": 3},
        "tokens": {"input_tokens": 31, "output_tokens": 17},
    }
    return named({"type": "message-end", "delta": {"finish_reason": reason, "usage": {**used, "cached_tokens": 8}}})


def _call(arguments: str) -> dict[str, Any]:
    return {"id": "weather_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}


START = named({"id": "r-1", "type": "message-start", "delta": {"message": {"role": "assistant"}}})
PLANNED = (
    START,
    *(_event("tool-plan-delta", tool_plan=piece) for piece in ("I will look at ", "the weather in Rome.")),
    _event("tool-call-start", 0, tool_calls=_call("")),
    _event("tool-call-delta", 0, tool_calls={"function": {"arguments": json.dumps(ROME[1])}}),
    _event("tool-call-end", 0),
    _end("TOOL_CALL"),
)
CITED = (
    START,
    _event("content-start", 0, content={"type": "text", "text": ""}),
    _event("content-delta", 0, content={"text": "Noon"}),
    _event("citation-start", 0, citations=CITATION),
    _event("citation-end", 0),
    _event("content-end", 0),
    _end("COMPLETE"),
)


def streamed(events: tuple[bytes, ...]) -> Raw:
    return Raw(list(events), content_type="text/event-stream")


def _wait_for_list(program: Program, http: httpx.Client, backend: str) -> None:
    wait_for(
        lambda: http.get(program.base + "/health").json()["backends"][backend]["models"]["status"],
        lambda status: status == "ok",
    )


@pytest.fixture(scope="module")
def listed(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory, http: httpx.Client) -> Iterator[Program]:
    """With nothing but an aggregator's list."""
    vendors.listings["/list/models"] = json.dumps({"models": LISTED}).encode()
    environ = {"MODEL_LIST_URL": f"{vendors.url('list')}/models", "MODEL_LIST_AUTH_TOKEN": "the-token-of-the-list"}
    program = Program(tmp_path_factory.mktemp("listed"), "", environ).wait()
    _wait_for_list(program, http, "aggregator")
    yield program
    program.stop()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("client", PROTOCOLS)
@pytest.mark.parametrize("model", ["aggregator:cmd", "cmd-plain"])
def test_an_aggregators_model_is_served(
    model: str, client: str, stream: bool, listed: Program, vendors: Upstream, sdks: Drivers
) -> None:
    vendors.will_say(Said("I look.", calls=(ROME,)), Said("Sunny."))
    answer = sdks[client].talk(
        client=client,
        base=listed.base,
        key=CLIENT_KEY,
        model=model,
        stream=stream,
        tools=TOOLS,
        steps=[{"user": "Weather?"}, {"results": ["18 degrees"]}],
    )
    assert vendors.problems == []
    assert [reply["text"] for reply in answer["replies"]] == ["I look.", "Sunny."]
    assert answer["replies"][0]["calls"] == [list(ROME)]
    handle = next(entry["handle"] for entry in LISTED if entry["model_version"] == model.rpartition(":")[2])
    assert {request.target for request in vendors.received} == {handle}
    assert {request.headers["authorization"] for request in vendors.received} == {"OAuth the-token-of-the-list"}
    assert {request.json["model"] for request in vendors.received} == {model.rpartition(":")[2]}


def test_its_price_is_the_lists_for_what_is_billed(listed: Program, vendors: Upstream, http: httpx.Client) -> None:
    vendors.will_say(Said("Hi"))
    body = {"model": "cmd", "messages": [{"role": "user", "content": "Hi"}]}
    assert http.post(f"{listed.base}/v1/chat/completions", json=body, headers=KEY).status_code == 200
    newest = http.get(f"{listed.base}/usage/recent?limit=1", headers=KEY).json()["data"][0]
    assert (newest["input_tokens"] + newest["cache_read_tokens"], newest["output_tokens"]) == (31, 17)
    assert newest["cost_usd"] == pytest.approx((5 * 1 + 16 * 2) / 1000)


def test_the_older_protocol_is_named(listed: Program, vendors: Upstream, http: httpx.Client) -> None:
    body = {"model": "cmd-past", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    answer = http.post(f"{listed.base}/v1/messages", json=body, headers=KEY)
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found_error"
    assert "Chat API v1" in answer.json()["error"]["message"]
    assert vendors.received == []


@pytest.mark.parametrize("client", PROTOCOLS)
def test_a_plan_is_shown_as_thoughts_and_goes_back_as_one(
    client: str, parley: Program, vendors: Upstream, sdks: Drivers
) -> None:
    vendors.will_say(streamed(PLANNED), Said("Sunny."))
    answer = sdks[client].talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model="cohere:command-a-03-2025",
        stream=True,
        tools=TOOLS,
        steps=[{"user": "Weather?"}, {"results": ["18 degrees"]}],
    )
    assert vendors.problems == []
    assert answer["replies"][0] == {
        "text": "",
        "thinking": PLAN,
        "calls": [list(ROME)],
        "finish": FINISHES[client]["tool_calls"],
        "usage": {"prompt": 31, "cached": 8, "output": 17},
    }
    assistant = vendors.received[1].json["messages"][1]
    assert assistant["tool_plan"] == PLAN
    assert assistant["tool_calls"][0]["id"] == "weather_1"


@pytest.mark.parametrize("client", PROTOCOLS)
def test_citations_do_no_harm(client: str, parley: Program, vendors: Upstream, sdks: Drivers) -> None:
    vendors.will_say(streamed(CITED))
    answer = sdks[client].talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model="cohere:command-a-03-2025",
        stream=True,
        steps=[{"user": "Time?"}],
    )
    assert [reply["text"] for reply in answer["replies"]] == ["Noon"]


def test_its_models_are_listed(vendors: Upstream, tmp_path: Path, http: httpx.Client) -> None:
    models = [{"name": "command-a-03-2025", "endpoints": ["chat"]}, {"name": "rerank-v4", "endpoints": ["rerank"]}]
    vendors.listings["/cohere/v1/models"] = json.dumps({"models": models}).encode()
    program = Program(tmp_path, config_for(vendors)).wait()
    try:
        _wait_for_list(program, http, "cohere")
        found = http.get(f"{program.base}/v1/models", headers=KEY).json()["data"]
    finally:
        program.stop()
        del vendors.listings["/cohere/v1/models"]
    assert [entry["id"] for entry in found if entry["id"].startswith("cohere:")] == ["cohere:command-a-03-2025"]


def test_what_it_answered_is_replayed_byte_for_byte(vendors: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "run.flow"
    for name in ("record", "replay"):
        (tmp_path / name).mkdir()
    program = Program(tmp_path / "record", config_for(vendors), {"PARLEY_RECORD": str(file)}).wait()
    try:
        said = [ask(program, *each) for each in asks("cohere:command-a-03-2025")]
    finally:
        program.stop()
    assert {answer.status_code for answer in said} == {200}
    vendors.will_say()
    program = Program(tmp_path / "replay", "", {"PARLEY_REPLAY": str(file), "PARLEY_REPLAY_FAST": "true"}).wait()
    try:
        again = [ask(program, *each) for each in asks("cohere:command-a-03-2025")]
    finally:
        program.stop()
    assert [answer.content for answer in again] == [answer.content for answer in said]
    assert vendors.received == []
