"""Recorded replies, whole and streamed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from proxy_core.errors import ParleyError
from proxy_core.protocols.contract import FrameKind
from proxy_core.protocols.openai_responses import OPENAI_RESPONSES
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    ExtraDelta,
    Failed,
    SealDelta,
    TextDelta,
    ThinkingDelta,
    Unknown,
)
from proxy_core.turn.fold import fold
from proxy_core.wire.json import dumps
from tests.protocols.openai_responses.shapes import (
    folded,
    frames,
    payloads,
    read_stream,
    view,
    without_notes,
    write_stream,
)
from tests.recordings import Recording, cases

_RENEWED = ("encrypted_content", "fingerprint", "seal")


def normalise(value: Any) -> Any:
    """null is as good as absent; details of the output that the official SDK demands may be added as empty. OpenAI
    rounds logprobs, and encrypts anew, from one event to the next."""
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, list):
        return [normalise(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    fields = {name: normalise(entry) for name, entry in value.items() if entry is not None}
    for name in _RENEWED:
        if name in fields:
            fields[name] = "…"
    if fields.get("type") == "output_text" and not fields.get("logprobs"):
        fields.pop("logprobs", None)
    if not fields.get("cache_write_tokens"):
        fields.pop("cache_write_tokens", None)
    return fields


@pytest.mark.parametrize("recording", cases("responses", stream=False))
def test_a_recorded_reply_is_written_as_it_was(recording: Recording) -> None:
    body = recording.reply
    if body is None:
        pytest.skip("the recording has no JSON body")
    reply = OPENAI_RESPONSES.read_reply(body)
    written = OPENAI_RESPONSES.write_reply(reply, view(body["model"]))
    assert normalise(written) == normalise(body)


@pytest.mark.parametrize("recording", cases("responses", stream=True))
def test_the_portions_of_a_stream_make_no_difference(recording: Recording) -> None:
    expected = read_stream(recording.stream)
    assert read_stream(recording.stream, size=1) == expected
    assert read_stream(recording.stream, seed=recording.id) == expected


def native_events(recording: Recording) -> list[dict[str, Any]]:
    """The payloads of the first response in the recording; skips those that their recorder shortened."""
    events = read_stream(recording.stream)
    if isinstance(events[-1], Failed):
        pytest.skip("the recording itself ends in an error")
    native = payloads(recording.stream)
    native = native[: 1 + next(i for i, event in enumerate(native) if event["type"] in _TERMINALS)]
    streamed = "".join(event["delta"] for event in native if event["type"] == "response.output_text.delta")
    if streamed != "".join(event["text"] for event in native if event["type"] == "response.output_text.done"):
        pytest.skip("the recording lacks some deltas")
    kinds = [event["type"] for event in native]
    if kinds.count("response.output_item.added") != kinds.count("response.output_item.done"):
        pytest.skip("the recording lacks the end of some items")
    return [event for event in native if event["type"] != "response.queued"]


_TERMINALS = ("response.completed", "response.incomplete")


@pytest.mark.parametrize("recording", cases("responses", stream=True))
def test_a_recorded_stream_says_what_its_last_event_says(recording: Recording) -> None:
    last = native_events(recording)[-1]["response"]
    if not last["output"]:
        pytest.skip("the last event holds no output")
    whole = without_notes(OPENAI_RESPONSES.read_reply(last))
    streamed = folded(recording.stream)
    assert normalise(asdict(streamed)) == normalise(asdict(whole))


@pytest.mark.parametrize("recording", cases("responses", stream=True))
def test_a_recorded_stream_is_written_as_it_was(recording: Recording) -> None:
    native = native_events(recording)
    written = write_stream(read_stream(recording.stream), view(native[0]["response"]["model"]))
    assert folded(written) == folded(recording.stream)
    again = [event for event in payloads(written) if event["type"] != "response.queued"]
    assert [event["type"] for event in again] == [event["type"] for event in native]
    assert [_essence(event) for event in again] == [_essence(event) for event in native]


def _essence(event: dict[str, Any]) -> dict[str, Any]:
    """Snapshots of the response and padding are left out; items that begin may differ in what is still to come."""
    left_out = ["sequence_number", "obfuscation", "response", *_LEFT_OUT.get(event["type"], ())]
    return normalise({name: entry for name, entry in event.items() if name not in left_out})


_LEFT_OUT = {
    "response.output_item.added": ("item",),
    "response.content_part.added": ("part",),
    "response.content_part.done": ("part",),
}


@pytest.mark.parametrize("recording", cases("responses", stream=True))
def test_the_last_event_is_written_as_it_was(recording: Recording) -> None:
    native = native_events(recording)[-1]["response"]
    written = payloads(write_stream(read_stream(recording.stream), view(native["model"])))[-1]["response"]
    if not native["output"]:
        written["output"] = []
    assert normalise(written) == normalise(native)


_GENERATED = (TextDelta, ThinkingDelta, ArgumentsDelta, SealDelta, ExtraDelta, BlockStarted, BlockEnded, Unknown)


def _shown(kind: FrameKind, events: list[Event]) -> bool:
    """Whether the reader made of the frame what `classify` says it is."""
    match kind:
        case FrameKind.TERMINAL:
            return isinstance(events[-1], Ended)
        case FrameKind.ERROR:
            return isinstance(events[-1], Failed)
        case FrameKind.CONTENT:
            return not events or isinstance(events[0], _GENERATED)
        case _:
            return not any(isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta | Ended) for event in events)


@pytest.mark.parametrize("recording", cases("responses", stream=True))
def test_frames_are_what_the_reader_makes_of_them(recording: Recording) -> None:
    reader = OPENAI_RESPONSES.stream_reader()
    for frame in frames(recording.stream):
        events = list(reader.read(frame))
        kind = OPENAI_RESPONSES.classify(frame)
        assert _shown(kind, events), frame.raw
        if any(isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta) for event in events):
            assert kind is FrameKind.CONTENT
        if events and isinstance(events[-1], Ended | Failed):
            break


@pytest.mark.parametrize("recording", cases("responses", status=400))
def test_recorded_errors_name_their_field(recording: Recording) -> None:
    error = recording.case["response"]["json"]["error"]
    body = recording.case["response"]["json"]
    fault = OPENAI_RESPONSES.read_fault(400, {}, dumps(body))
    assert fault.http_status == 400
    assert fault.field == error["param"]
    assert OPENAI_RESPONSES.write_fault(fault)["error"]["message"] == error["message"]
    assert OPENAI_RESPONSES.write_fault(fault)["error"]["code"] == error["code"]


def test_a_stream_that_is_cut_is_no_success() -> None:
    with pytest.raises(ParleyError):
        fold(read_stream(b""))
