"""The benchmark's bytes are what the protocols say: a figure of refused requests would mean nothing."""

from __future__ import annotations

import re

import pytest

from proxy_core.protocols import CODECS, recognise
from proxy_core.turn.events import TextDelta
from proxy_core.turn.fold import Folder
from proxy_core.wire.json import loads
from proxy_core.wire.sse import FrameSplitter
from scripts.bench.measure import BARE, LANES, Figures, Lane, Memory
from scripts.bench.replies import STREAM_HEAD, streamed_reply, whole_reply
from scripts.bench.requests import PROTOCOLS, QUESTION, request
from scripts.bench.scenario import Scenario, word, words
from scripts.bench.table import table

PATHS = {"openai_chat": "/v1/chat/completions", "anthropic": "/v1/messages"}


@pytest.mark.parametrize("scenario", [Scenario("whole", 20), Scenario("stream", 100, 10_000), Scenario("hold")])
def test_a_scenario_is_found_in_its_models_name(scenario: Scenario) -> None:
    assert Scenario.named_in(b'{"model":"chat:%s"}' % scenario.model.encode()) == scenario


def test_other_models_are_no_scenario() -> None:
    assert Scenario.named_in(b'{"model":"gpt-bench"}') is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["whole", "stream"])
def test_requests_are_of_their_protocol(protocol: str, kind: str) -> None:
    scenario = Scenario(kind, 3)  # type: ignore[arg-type]
    head, _, body = request(protocol, scenario).partition(b"\r\n\r\n")
    path, _, query = head.split(b" ")[1].decode().partition("?")
    call = recognise("POST", path, {"alt": "sse"} if query else {})
    assert call is not None
    read = CODECS[call.protocol].read_request(loads(body), call)
    assert (call.model or read.model, QUESTION in str(read.turns)) == (scenario.model, True)
    assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"


@pytest.mark.parametrize("protocol", PATHS)
def test_streams_are_of_their_protocol(protocol: str) -> None:
    reply = streamed_reply(PATHS[protocol])
    raw = reply.opening.removeprefix(STREAM_HEAD) + reply.run(0, 3) + reply.closing
    frames = FrameSplitter().feed(b"".join(re.findall(rb"[0-9a-f]+\r\n(.*?\n\n)\r\n", raw, re.DOTALL)))
    reader, folder = CODECS[protocol].stream_reader(), Folder()  # type: ignore[index]
    events = [event for frame in frames for event in reader.read(frame)]
    for event in events:
        folder.add(event)
    assert [event.text for event in events if isinstance(event, TextDelta)] == [word(0), word(1), word(2)]
    assert (folder.done, folder.fault) == (True, None)


@pytest.mark.parametrize("protocol", PATHS)
def test_whole_replies_are_of_their_protocol(protocol: str) -> None:
    body = whole_reply(PATHS[protocol], Scenario("whole", 4)).partition(b"\r\n\r\n")[2]
    reply = CODECS[protocol].read_reply(loads(body))  # type: ignore[index]
    assert words(4) in str(reply.choices)


def test_the_table_says_which_aims_are_missed() -> None:
    bare = Figures([2.0], [20.0], [100.0], [2.0], Memory(95_000_000, 39_000.0))
    lane = Lane("x", aims=(1.15, 1.3))
    text = table({BARE: bare, lane: Figures([2.0, 9.0, 2.2], [30.0], [100.0], [3.5])}, direct=1.0)
    assert text.splitlines()[2] == "| bare mitmdump | 2.00 | 1.00 | 20 | 1.00 | 100 | 1.00 | 1.00 | 95 | 39 |"
    assert text.splitlines()[3] == (
        "| x | 2.20 | 1.10 (aim 1.15) | 30 | 1.50 (aim 1.3, missed) | 100 | 1.00 (aim 1.3) | 2.50 |  |  |"
    )


def test_every_client_protocol_has_a_lane() -> None:
    assert {lane.client for lane in LANES} == set(PROTOCOLS)
