"""Every direction of translation over every recording: requests are carried, and a translated stream says the same
as the translated whole."""

from __future__ import annotations

import random
from itertools import product

import pytest

from proxy_core.errors import Fault, ParleyError
from proxy_core.pipeline.rendering import Rendered, render
from proxy_core.pipeline.stream import TranslatedStream
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call, Codec, View
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import Media, Opaque, ProtocolName, Refusal, Text, Thinking, ToolCall
from proxy_core.turn.fold import fold
from proxy_core.turn.reply import Reply
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.json import loads
from proxy_core.wire.sse import FrameSplitter
from tests.recordings import Recording, cases

PROTOCOL_OF_ENDPOINT: dict[str, ProtocolName] = {
    "chat": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic",
    "generateContent": "gemini",
}
MODELS: dict[ProtocolName, str] = {
    "openai_chat": "gpt-4o",
    "openai_responses": "gpt-5",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
}
DIALECTS: dict[ProtocolName, str] = {
    "openai_chat": "openai",
    "openai_responses": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
}
TARGETS = tuple(CODECS)


def all_cases(**filters):
    return [case for endpoint in PROTOCOL_OF_ENDPOINT for case in cases(endpoint, **filters)]


def protocol_of(recording: Recording) -> ProtocolName:
    return PROTOCOL_OF_ENDPOINT[recording.index["endpoint"]]


def view_for(protocol: ProtocolName) -> View:
    return View(model="asked", request=ChatRequest(protocol, "asked", [], include_usage=True), created=1)


def frames(data: bytes):
    splitter = FrameSplitter()
    return splitter.feed(data) + splitter.flush()


def read_stream(codec: Codec, data: bytes) -> Reply:
    reader = codec.stream_reader()
    events = [event for frame in frames(data) for event in reader.read(frame)]
    return fold([*events, *reader.close()])


def gist(reply: Reply) -> list[tuple]:
    """What a person and an agent would notice: texts, thoughts, calls, how it ended."""
    found = []
    for choice in reply.choices:
        text = "".join(part.text for part in choice.parts if isinstance(part, Text | Refusal))
        thoughts = "".join(part.text for part in choice.parts if isinstance(part, Thinking))
        calls = [(part.name, _arguments(part)) for part in choice.parts if isinstance(part, ToolCall)]
        media = [(part.kind, part.data, part.url) for part in choice.parts if isinstance(part, Media)]
        found.append((text, thoughts, calls, media, choice.finish))
    return found


def _arguments(call: ToolCall) -> object:
    """A custom call's free text travels as `input` where there are no custom calls."""
    try:
        value = loads(call.arguments)
    except ValueError:
        return call.arguments
    return value["input"] if isinstance(value, dict) and value.keys() == {"input"} else value


@pytest.mark.parametrize("recording", all_cases(stream=True))
def test_a_translated_stream_says_what_the_translated_whole_says(recording: Recording) -> None:
    origin = CODECS[protocol_of(recording)]
    try:
        whole = read_stream(origin, recording.stream)
    except ParleyError:
        pytest.skip("the recording itself ends in an error")
    for name in TARGETS:
        client = CODECS[name]
        translated = TranslatedStream(origin, client, view_for(name))
        out = b"".join(translated.feed(recording.stream)) + b"".join(translated.close())
        assert translated.complete
        assert translated.fault is None
        streamed = read_stream(client, out)
        written = client.read_reply(client.write_reply(whole, view_for(name)))
        assert gist(streamed) == gist(written), name


@pytest.mark.parametrize("recording", all_cases(stream=True))
def test_the_split_of_the_stream_makes_no_difference(recording: Recording) -> None:
    origin = CODECS[protocol_of(recording)]
    data = recording.stream
    portions = random.Random(recording.id)
    for name in TARGETS:
        in_one = TranslatedStream(origin, CODECS[name], view_for(name))
        expected = b"".join(in_one.feed(data)) + b"".join(in_one.close())
        split = TranslatedStream(origin, CODECS[name], view_for(name))
        out, position = b"", 0
        while position < len(data):
            size = portions.randint(1, 400)
            out += b"".join(split.feed(data[position : position + size]))
            position += size
        out += b"".join(split.close())
        assert _without_noise(out) == _without_noise(expected), name


def _without_noise(data: bytes) -> object:
    """Ids that a writer makes up differ between two runs; their places do not matter here."""
    return gist(read_stream_any(data))


def read_stream_any(data: bytes) -> Reply:
    for codec in CODECS.values():
        try:
            reply = read_stream(codec, data)
        except ParleyError:
            continue
        if reply.choices:
            return reply
    return Reply("", "", [])


@pytest.mark.parametrize("recording", all_cases(stream=False))
def test_whole_replies_keep_their_content_in_every_protocol(recording: Recording) -> None:
    origin = CODECS[protocol_of(recording)]
    body = recording.reply
    if not isinstance(body, dict):
        pytest.skip("the recording has no JSON body")
    try:
        reply = origin.read_reply(body)
    except ParleyError:
        pytest.skip("the recorded reply is an error")
    opaque = any(isinstance(part, Opaque) for choice in reply.choices for part in choice.parts)
    for name in TARGETS:
        client = CODECS[name]
        again = client.read_reply(client.write_reply(reply, view_for(name)))
        before, after = gist(reply), gist(again)
        texts = [entry[0] for entry in before[:1]]
        if not opaque:
            assert [entry[0] for entry in after[:1]] == texts, name
            assert [entry[2] for entry in after[:1]] == [entry[2] for entry in before[:1]], name


def rendered_or_fault(request: ChatRequest, upstream: Upstream, codec: Codec) -> Rendered | Fault:
    try:
        return render(request, upstream, codec)
    except ParleyError as error:
        return error.fault


@pytest.mark.parametrize(
    ("recording", "name"),
    [pytest.param(case.values[0], name, id=f"{case.id}-{name}") for case, name in product(all_cases(), TARGETS)],
)
def test_requests_reach_every_protocol(recording, name: ProtocolName) -> None:
    if not isinstance(recording, Recording):
        pytest.skip("recordings are not at hand")
    if not isinstance(recording.request, dict):
        pytest.skip("the request was not recorded")
    protocol = protocol_of(recording)
    request = CODECS[protocol].read_request(recording.request, Call(protocol, "chat", model=MODELS[protocol]))
    backend = Backend(name, name, "http://upstream.invalid/v1", ("key",), DIALECTS[name])
    rendered = rendered_or_fault(request, Upstream(backend, MODELS[name], "key"), CODECS[name])
    if isinstance(rendered, Fault):
        assert rendered.http_status == 400
        assert rendered.field
        return
    assert rendered.call.body
    for loss in rendered.losses.items:
        assert loss.path
        assert loss.why
