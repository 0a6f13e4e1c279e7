"""Every recorded exchange with Cohere."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.pipeline.rendering import render
from proxy_core.pipeline.stream import TranslatedStream
from proxy_core.pipeline.whole import translate_reply, translate_reply_to_stream
from proxy_core.protocols import CODECS
from proxy_core.protocols.cohere import COHERE
from proxy_core.protocols.contract import Call
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.serving.count import count_tokens
from proxy_core.turn.content import ToolCall, ToolResult
from proxy_core.turn.fold import fold, unfold
from proxy_core.turn.reply import BILLED_NOTE, Reply
from proxy_core.wire.json import dumps
from tests.live.strict.cohere import check_cohere
from tests.pipeline.test_translation import all_cases, gist, protocol_of, read_stream, rendered_or_fault, view_for
from tests.protocols.cohere.streams import read
from tests.recordings import Recording, cases

ENDPOINT = "cohere_v2_chat"
UPSTREAM = Upstream(Backend("cohere", "cohere", "http://upstream.invalid/v2", ("key",), "cohere"), "", "key")


def _portions(data: bytes, seed: str) -> list[bytes]:
    draw = random.Random(seed)
    portions, position = [], 0
    while position < len(data):
        size = draw.randint(1, 60)
        portions.append(data[position : position + size])
        position += size
    return portions


def _reply(recording: Recording) -> Reply:
    if recording.stream:
        return fold(read(recording.stream))
    assert recording.reply
    return COHERE.read_reply(recording.reply)


def _used(recording: Recording) -> dict[str, Any]:
    """Usage in the recording's own words."""
    if not recording.stream:
        assert recording.reply
        return recording.reply["usage"]
    lines = [line.removeprefix("data: ") for line in recording.case["response"]["sse_text"].splitlines()]
    return next(json.loads(line)["delta"]["usage"] for line in lines if '"message-end"' in line and line[0] == "{")


@pytest.mark.parametrize("recording", cases(ENDPOINT, stream=True))
def test_a_stream_is_the_same_however_it_comes(recording: Recording) -> None:
    data = recording.stream
    expected = read(data)
    assert read(data, [data[place : place + 1] for place in range(len(data))]) == expected
    for seed in range(5):
        assert read(data, _portions(data, f"{recording.id} {seed}")) == expected


@pytest.mark.parametrize("recording", cases(ENDPOINT))
def test_a_whole_reply_survives_its_events(recording: Recording) -> None:
    reply = _reply(recording)
    assert reply.origin == "cohere"
    assert reply.choices[0].finish
    assert fold(unfold(reply)) == reply


@pytest.mark.parametrize("recording", cases(ENDPOINT))
def test_totals_are_those_of_the_recording(recording: Recording) -> None:
    usage, used = _reply(recording).usage, _used(recording)
    assert usage
    assert (usage.prompt, usage.output) == (used["tokens"]["input_tokens"], used["tokens"]["output_tokens"])
    assert (usage.cache_read or 0) == used.get("cached_tokens", 0)
    assert usage.extra[BILLED_NOTE] == used["billed_units"]


@pytest.mark.parametrize("recording", cases(ENDPOINT))
def test_tokens_are_estimated_as_they_are_counted(recording: Recording) -> None:
    """Where there are tools, which is where clients ask; Command A+ has other words of its own around them."""
    body = recording.request
    if body is None or not body.get("tools") or "plus-05" in body["model"]:
        pytest.skip("no tools, or none of these models")
    estimated = count_tokens(COHERE.read_request(body, Call("cohere", "chat")))
    assert estimated == pytest.approx(_used(recording)["tokens"]["input_tokens"], rel=0.1)


@pytest.mark.parametrize("client", CODECS)
@pytest.mark.parametrize("recording", cases(ENDPOINT, stream=True))
def test_a_translated_stream_says_what_the_translated_whole_says(recording: Recording, client: Any) -> None:
    written = CODECS[client].read_reply(CODECS[client].write_reply(_reply(recording), view_for(client)))
    for portions in ([recording.stream], _portions(recording.stream, recording.id)):
        stream = TranslatedStream(COHERE, CODECS[client], view_for(client))
        out = b"".join(chunk for portion in portions for chunk in stream.feed(portion)) + b"".join(stream.close())
        assert stream.complete
        assert stream.fault is None
        assert gist(read_stream(CODECS[client], out)) == gist(written)


@pytest.mark.parametrize("client", CODECS)
@pytest.mark.parametrize("recording", cases(ENDPOINT, stream=False))
def test_whole_replies_reach_every_client_whole_and_streamed(recording: Recording, client: Any) -> None:
    reply, codec = _reply(recording), CODECS[client]
    body = dumps(recording.reply)
    whole = codec.read_reply(json.loads(translate_reply(body, "application/json", COHERE, codec, view_for(client))))
    chunks = translate_reply_to_stream(body, "application/json", COHERE, codec, view_for(client))
    assert gist(read_stream(codec, b"".join(chunks))) == gist(whole)
    text, thoughts, calls, *_ = gist(whole)[0]
    expected_text, expected_thoughts, expected_calls, *_ = gist(reply)[0]
    assert (text, calls) == (expected_text, expected_calls)
    assert thoughts in (expected_thoughts, "")  # OpenAI's own chat shows none
    assert whole.usage
    assert reply.usage
    assert (whole.usage.prompt, whole.usage.output) == (reply.usage.prompt, reply.usage.output)


@pytest.mark.parametrize("recording", cases(ENDPOINT, status=None))
def test_recorded_requests_are_read_and_written_again(recording: Recording) -> None:
    body = recording.request
    if body is None:
        pytest.skip("the request was not recorded")
    request = COHERE.read_request(body, Call("cohere", "chat"))
    sent = render(request, Upstream(UPSTREAM.backend, body["model"], "key"), COHERE).call.body
    check_cohere(sent)
    assert sent.get("tools") == body.get("tools")
    assert sent.get("tool_choice") == body.get("tool_choice")
    assert sent.get("response_format") == body.get("response_format")
    assert [message["role"] for message in sent["messages"]] == [message["role"] for message in body["messages"]]
    ids = [part for turn in request.turns for part in turn.parts if isinstance(part, ToolCall | ToolResult)]
    assert len(ids) == len(list(_ids(body)))


def _ids(body: dict[str, Any]) -> Iterator[str]:
    for message in body["messages"]:
        if message["role"] == "tool":
            yield message["tool_call_id"]
        yield from (call["id"] for call in message.get("tool_calls") or ())


@pytest.mark.parametrize("model", ["command-a-03-2025", "command-a-reasoning-08-2025"])
@pytest.mark.parametrize("recording", all_cases())
def test_requests_of_every_other_vendor_become_valid_ones(recording: Recording, model: str) -> None:
    if not isinstance(recording.request, dict):
        pytest.skip("the request was not recorded")
    client = protocol_of(recording)
    request = CODECS[client].read_request(recording.request, Call(client, "chat", model="m"))
    rendered = rendered_or_fault(request, Upstream(UPSTREAM.backend, model, "key"), COHERE)
    if isinstance(rendered, Fault):  # what only its own vendor has: earlier turns, answers in the background
        assert (rendered.http_status, bool(rendered.field)) == (400, True)
        return
    check_cohere(rendered.call.body)
    assert all(loss.path and loss.why for loss in rendered.losses.items)


@pytest.mark.parametrize("recording", cases(ENDPOINT, status=400) + cases(ENDPOINT, status=401))
def test_recorded_errors(recording: Recording) -> None:
    fault = COHERE.read_fault(recording.index["status"], {}, dumps(recording.reply))
    kinds = {400: FaultKind.CONTEXT_LENGTH, 401: FaultKind.AUTHENTICATION}
    assert (fault.kind, fault.status) == (kinds[recording.index["status"]], recording.index["status"])
    assert recording.reply
    assert fault.message == recording.reply["message"]
    with pytest.raises(ParleyError):
        COHERE.read_reply(recording.reply)
