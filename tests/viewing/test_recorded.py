"""What real clients asked and real providers answered is shown, all of it, whatever protocol it is in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from proxy_core.errors import Fault, ParleyError
from proxy_core.pipeline.whole import read_reply
from proxy_core.protocols import BACKENDS
from proxy_core.protocols.contract import Call
from proxy_core.turn.content import Part, Refusal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.reply import Reply
from proxy_core.viewing.bodies import call_of, show_fault, show_reply, show_request
from proxy_core.viewing.outline import usage_text
from proxy_core.wire.json import dumps, loads
from tests.recordings import Recording, cases, client_requests

ENDPOINTS = ("chat", "responses", "messages", "generateContent", "cohere_v2_chat")
SHOWN_THINKING = 400
REQUESTS = [case for endpoint in ENDPOINTS for case in cases(endpoint)]
WHOLE = [case for endpoint in ENDPOINTS for case in cases(endpoint, stream=False)]
UNADDRESSED = ("cohere/ai__cohere-text.stream__00",)
"""Whose address was not recorded."""
STREAMED = [case for name in ENDPOINTS for case in cases(name, stream=True) if case.id not in UNADDRESSED]
REFUSED = [case for endpoint in ENDPOINTS for status in (400, 401, 404, 429) for case in cases(endpoint, status=status)]


def called(request: dict[str, Any]) -> Call:
    parts = urlsplit(request["path"])
    call = call_of(request["method"], parts.path, dict(parse_qsl(parts.query)))
    assert call is not None
    return call


def bare(text: str) -> str:
    """Lines are broken and set in for people."""
    return "".join(text.split())


def words(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Text() | Refusal():
                yield part.text
            case Thinking():
                yield part.text[: SHOWN_THINKING - 1]
            case ToolCall():
                yield part.name
                yield from strings(part.arguments)
            case ToolResult():
                yield from words(part.content)
            case _:
                pass


def strings(arguments: str) -> Iterator[str]:
    try:
        value = loads(arguments)
    except ValueError:
        yield arguments
        return
    yield from (item for item in value.values() if isinstance(item, str)) if isinstance(value, dict) else ()


def shown_of(reply: Reply) -> list[str]:
    return [text for choice in reply.choices for text in words(choice.parts)]


def read(stream: bytes, call: Call) -> tuple[Reply, Fault | None]:
    try:
        return read_reply(stream, "text/event-stream", BACKENDS[call.protocol]), None
    except ParleyError as error:
        return Reply("", "", []), error.fault


def assert_shown(texts: Iterable[str], outline: str) -> None:
    squeezed = bare(outline)
    assert [text for text in texts if bare(text) not in squeezed] == []


def assert_request_shown(request: dict[str, Any]) -> None:
    call = called(request)
    outline = show_request(dumps(request["json"]), call, "summary", ["deed"])
    read = BACKENDS[call.protocol].read_request(request["json"], call)
    assert_shown([*words(read.system), *(text for turn in read.turns for text in words(turn.parts))], outline)
    assert_shown([tool.name for tool in read.tools], outline)
    assert "where the tokens go" in outline
    assert outline.endswith("\ndeed")


@pytest.mark.parametrize("recording", REQUESTS)
def test_requests(recording: Recording) -> None:
    if recording.request is not None:
        assert_request_shown(recording.case["request"])


@pytest.mark.parametrize("request_", client_requests())
def test_requests_of_agents(request_: dict[str, Any]) -> None:
    parts = urlsplit(request_["path"])
    if call_of(request_["method"], parts.path, dict(parse_qsl(parts.query))):
        assert_request_shown(request_)


@pytest.mark.parametrize("recording", WHOLE)
def test_whole_replies(recording: Recording) -> None:
    call = called(recording.case["request"])
    body = dumps(recording.reply)
    outline = show_reply(body, "application/json", call, "1.00 s in all", ["deed"])
    reply = read_reply(body, "application/json", BACKENDS[call.protocol])
    assert_shown(shown_of(reply), outline)
    assert "1.00 s in all" in outline.splitlines()[0]
    if reply.usage:
        assert f"usage: {usage_text(reply.usage)}" in outline


@pytest.mark.parametrize("recording", STREAMED)
def test_streams_whole_and_under_way(recording: Recording) -> None:
    call = called(recording.case["request"])
    stream, kind = recording.stream, "text/event-stream"
    whole = show_reply(stream, kind, call)
    reply, fault = read(stream, call)
    assert ("not complete" in whole) is (fault is not None)
    assert_shown([fault.message] if fault else shown_of(reply), whole)
    for portion in range(0, len(stream), max(1, len(stream) // 7)):
        assert "still streaming" in show_reply(stream[:portion], kind, call, over=False)


@pytest.mark.parametrize("recording", REFUSED)
def test_errors(recording: Recording) -> None:
    call = called(recording.case["request"])
    body, status = dumps(recording.reply), recording.index["status"]
    fault = BACKENDS[call.protocol].read_fault(status, {}, body)
    outline = show_fault(status, body, call, "", ["deed"])
    assert outline.startswith(f"# error {status}, {fault.kind}")
    assert_shown([fault.message, "deed"], outline)
