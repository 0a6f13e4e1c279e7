"""What was recorded comes out as it went in, when it is read and written by the same protocol."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from proxy_core.errors import ParleyError
from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import FrameKind
from proxy_core.protocols.openai_chat import OPENAI_CHAT, endpoints
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockStarted,
    Ended,
    Failed,
    Finished,
    Ping,
    SealDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageReported,
)
from proxy_core.turn.fold import fold, unfold
from proxy_core.turn.losses import Losses
from proxy_core.wire.sse import FrameSplitter
from tests.protocols.openai_chat.material import events_of, frames, request_of, stream_of, view
from tests.recordings import Recording, cases, client_requests

_THINKING = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget")
_GENERATED = (BlockStarted, TextDelta, ThinkingDelta, ArgumentsDelta, SealDelta)


def plain(value: Any) -> Any:
    """Without what says the same as its absence: nulls, empty things, zeroes of usage, numbers of whole calls."""
    match value:
        case dict():
            fields = {key: plain(item) for key, item in value.items() if key != "index"}
            return {key: item for key, item in fields.items() if item not in (None, [], {}, "", 0, False)}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


def settings(body: dict[str, Any], lost: Losses) -> dict[str, Any]:
    """A request's fields in the words of today; what is reported as lost does not count."""
    fields = {key: value for key, value in body.items() if key not in ("messages", "stream_options", *_THINKING)}
    fields["max_tokens"] = fields.pop("max_completion_tokens", None) or fields.get("max_tokens")
    if isinstance(fields.get("stop"), str):
        fields["stop"] = [fields["stop"]]
    if functions := fields.pop("functions", None):
        fields["tools"] = [{"type": "function", "function": function} for function in functions]
        fields["tool_choice"] = fields.pop("function_call", None)
    fields["tools"] = [tool_of(tool) for tool in fields.get("tools") or ()]
    if fields.get("n") == 1:
        del fields["n"]
    gone = {loss.path.rpartition(".")[2] for loss in lost.items}
    return {key: value for key, value in plain(fields).items() if key not in gone}


def tool_of(tool: dict[str, Any]) -> dict[str, Any]:
    function = {key: value for key, value in (tool.get("function") or {}).items() if key != "strict"}
    return {"type": "function", **tool, "function": function} if function else tool


def message_of(message: dict[str, Any]) -> dict[str, Any]:
    """One text part is its text; thoughts may be sent under the backend's name for them."""
    fields = plain(message)
    for name in ("reasoning", "reasoning_content", "function_call"):
        fields.pop(name, None)
    content = fields.get("content")
    if isinstance(content, list):
        fields["content"] = [part_of(part) for part in content]
        if len(content) == 1 and content[0].get("type") == "text" and len(content[0]) == 2:
            fields["content"] = content[0]["text"]
    return fields


def part_of(part: dict[str, Any]) -> dict[str, Any]:
    url = part.get("image_url")
    return {**part, "image_url": {"url": url}} if isinstance(url, str) else part


@pytest.mark.parametrize("recording", cases("chat"))
def test_requests(recording: Recording) -> None:
    body = recording.request
    if not isinstance(body, dict) or not body.get("messages"):
        pytest.skip("no request that could be read")
    request, lost = request_of(body), Losses()
    again = OPENAI_CHAT.write_request(request, Target(body["model"], DIALECTS[recording.index["provider"]]), lost).body
    assert settings(again, lost) == settings(body, lost)
    assert list(map(message_of, again["messages"])) == list(map(message_of, body["messages"]))
    assert thoughts_asked(again) == thoughts_asked(body)


def thoughts_asked(body: dict[str, Any]) -> Any:
    """An effort of none is thinking switched off."""
    reasoning = request_of(body).reasoning
    if reasoning and (reasoning.enabled is False or reasoning.effort == "none"):
        return "none"
    return reasoning and (reasoning.effort, reasoning.budget)


def is_chat(sent: dict[str, Any] | None) -> bool:
    call = sent and endpoints.recognise(sent["method"], sent["path"].partition("?")[0], {})
    return sent is None or (call is not None and call.operation == "chat")


@pytest.mark.parametrize("sent", [param for param in client_requests() if is_chat(param.values[0])])
def test_requests_of_clients(sent: dict[str, Any]) -> None:
    call = endpoints.recognise(sent["method"], sent["path"].partition("?")[0], {})
    assert call
    body, lost = sent["json"], Losses()
    request = OPENAI_CHAT.read_request(body, call)
    again = OPENAI_CHAT.write_request(request, Target(body["model"], DIALECTS["openai"]), lost).body
    assert settings(again, lost) == settings(body, lost)
    assert list(map(message_of, again["messages"])) == list(map(message_of, body["messages"]))


@pytest.mark.parametrize("recording", cases("chat", stream=False))
def test_replies(recording: Recording) -> None:
    body = recording.reply
    assert body
    reply = OPENAI_CHAT.read_reply(body)
    shown = view(request_of(recording.request or {"model": "m", "messages": [{"role": "user", "content": "?"}]}))
    again = OPENAI_CHAT.write_reply(reply, shown)
    assert again["model"] == shown.model
    assert reply_body({**again, "model": body["model"]}) == reply_body(body)
    assert not shown.losses.items


def reply_body(body: dict[str, Any]) -> dict[str, Any]:
    """Where a vendor leaves reasoning out of completion_tokens, or counts more cached than all, the count is mended.
    Mistral's thoughts inside the content have a field of their own for the client."""
    fields = plain(body)
    for key in ("completion_tokens", "prompt_tokens", "total_tokens", "prompt_tokens_details"):
        fields.get("usage", {}).pop(key, None)
    for choice in fields["choices"]:
        message = choice["message"]
        for call in message.get("tool_calls", ()):
            call["type"] = "function"
        for name in ("reasoning", "reasoning_content"):
            message.pop(name, None)
        if isinstance(message.get("content"), list):
            message["content"] = "".join(part.get("text", "") for part in message["content"])
    return fields


@pytest.mark.parametrize("recording", cases("chat", stream=True))
def test_streams(recording: Recording) -> None:
    events = events_of(recording.stream)
    assert [type(event) for event in events].count(Started) == 1
    assert isinstance(events[-1], Ended)
    reply = fold(events)
    shown = view()
    again = fold(events_of(stream_of(events, shown)))
    again.model = reply.model
    assert again == reply
    assert not shown.losses.items


@pytest.mark.parametrize("recording", cases("chat", stream=True))
def test_a_whole_reply_streams_as_it_would_have(recording: Recording) -> None:
    reply = fold(events_of(recording.stream))
    assert fold(unfold(reply)) == reply
    again = fold(events_of(stream_of(list(unfold(reply)))))
    again.model = reply.model
    assert again == reply


@pytest.mark.parametrize("recording", cases("chat", stream=True))
def test_the_split_of_a_stream_makes_no_difference(recording: Recording) -> None:
    whole = events_of(recording.stream)
    portions = random.Random(recording.id)
    assert split_events(recording.stream, lambda: portions.randint(1, 300)) == whole
    if len(recording.stream) < 20_000:
        assert split_events(recording.stream, lambda: 1) == whole


def split_events(data: bytes, size: Any) -> list[Any]:
    reader, splitter = OPENAI_CHAT.stream_reader(), FrameSplitter()
    events, position = [], 0
    while position < len(data):
        step = size()
        for frame in splitter.feed(data[position : position + step]):
            events += reader.read(frame)
        position += step
    for frame in splitter.flush():
        events += reader.read(frame)
    return events + list(reader.close())


@pytest.mark.parametrize("recording", cases("chat", stream=True))
def test_classify_agrees_with_the_reader(recording: Recording) -> None:
    reader = OPENAI_CHAT.stream_reader()
    for frame in frames(recording.stream):
        events = list(reader.read(frame))
        match OPENAI_CHAT.classify(frame):
            case FrameKind.CONTENT:
                assert any(isinstance(event, _GENERATED) for event in events) or is_piece(frame.raw), frame.raw
            case FrameKind.FINISH:
                assert any(isinstance(event, Finished | UsageReported) for event in events), frame.raw
            case FrameKind.TERMINAL:
                assert isinstance(events[-1], Ended)
            case FrameKind.ERROR:
                assert isinstance(events[-1], Failed)
            case FrameKind.PING:
                assert events == [Ping()]
            case FrameKind.OPENING:
                assert not any(isinstance(event, _GENERATED) for event in events), frame.raw


def is_piece(raw: bytes) -> bool:
    """Pieces that say nothing alone: encrypted thoughts are given out when complete, arguments may be empty."""
    return b'"reasoning_details":[{' in raw or b'"arguments":""' in raw


@pytest.mark.parametrize(
    "recording", [case for status in (400, 401, 404, 429) for case in cases("chat", status=status)]
)
def test_refusals_are_read(recording: Recording) -> None:
    answer = recording.case["response"]
    assert recording.reply
    fault = OPENAI_CHAT.read_fault(answer["status"], answer["headers"], json.dumps(recording.reply).encode())
    assert fault.http_status == answer["status"]
    assert fault.message
    with pytest.raises(ParleyError):
        OPENAI_CHAT.read_reply(recording.reply)
