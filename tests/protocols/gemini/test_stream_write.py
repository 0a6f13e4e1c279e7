from __future__ import annotations

import random

import pytest

from proxy_core.errors import Fault, FaultKind
from proxy_core.turn.content import Media, Opaque, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    ExtraDelta,
    Failed,
    Finished,
    Ping,
    SealDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    Unknown,
    UsageReported,
)
from proxy_core.turn.fold import fold, unfold
from proxy_core.turn.reply import Usage
from proxy_core.turn.seals import sealed_for
from proxy_core.wire.json import loads
from tests.protocols.gemini.streams import chunk, chunks_of, counted, parts_of, read, sse, started, view, written
from tests.protocols.gemini.test_stream_read import STREAMS, stream_of

SEAL = Seal("gemini", "QQ==")
FAULT = Fault(FaultKind.UPSTREAM, "It broke.", status=503)


def text_events(*words: str) -> list[Event]:
    return [
        started(),
        BlockStarted(0, Text("")),
        *(TextDelta(0, word) for word in words),
        BlockEnded(0),
        Finished("stop", "stop"),
        UsageReported(Usage(input=3, cache_read=1, output=5, reasoning=2)),
        Ended(),
    ]


@pytest.mark.parametrize("recording", STREAMS)
def test_what_was_read_is_written_again(recording) -> None:
    events = read(stream_of(recording))
    before = fold(events)
    data = written(events, view(before.model))
    assert fold(read(*data)) == before


@pytest.mark.parametrize("recording", STREAMS)
def test_the_chunks_are_those_of_the_recording(recording) -> None:
    """Part by part; Gemini's empty texts say nothing, and the sources come with the last chunk."""
    data = stream_of(recording)
    native = [loads(raw[6:]) for raw in data.replace(b"\r\n", b"\n").split(b"\n\n") if raw]
    again = chunks_of(read(data), view(native[0]["modelVersion"]))
    assert native_parts(again) == native_parts(native)
    assert counted(again[-1]["usageMetadata"]) == counted(native[-1]["usageMetadata"])
    last, last_native = again[-1]["candidates"][0], native[-1]["candidates"][0]
    assert last["finishReason"] == last_native["finishReason"]
    assert last.get("groundingMetadata") == last_native.get("groundingMetadata")
    assert {(one["modelVersion"], one["responseId"]) for one in again} == {
        (one["modelVersion"], one["responseId"]) for one in native
    }


def native_parts(chunks: list[dict]) -> list[dict]:
    parts = [
        part for one in chunks for candidate in one["candidates"] for part in candidate["content"].get("parts", [])
    ]
    return [part for part in parts if part != {"text": ""}]


def test_a_text_goes_out_word_by_word() -> None:
    chunks = chunks_of(text_events("a", "b"))
    assert [part["text"] for part in parts_of(chunks)] == ["a", "b", ""]
    assert all("finishReason" not in one["candidates"][0] for one in chunks[:-1])
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    assert chunks[-1]["usageMetadata"] == {
        "promptTokenCount": 4,
        "cachedContentTokenCount": 1,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 2,
        "totalTokenCount": 9,
    }


def test_t07_usage_behind_the_finish_reason_stands_in_the_last_chunk() -> None:
    chunks = chunks_of(text_events("a"))
    assert sum("finishReason" in one["candidates"][0] for one in chunks) == 1
    assert [("usageMetadata" in one) for one in chunks] == [False, True]


def test_t20_the_model_is_the_one_that_was_asked_for() -> None:
    assert {one["modelVersion"] for one in chunks_of(text_events("a"), view("alias"))} == {"alias"}


def test_t08_nothing_follows_the_end() -> None:
    events = [*text_events("a"), TextDelta(0, "late"), Failed(FAULT), Ended(), Ping()]
    assert written(events)[len(written(text_events("a"))) :] == []


def test_a_json_array_is_closed() -> None:
    data = b"".join(written([*text_events("a", "b"), Ping()], view(framing="json_array")))
    assert [part["text"] for part in parts_of(loads(data))] == ["a", "b", ""]


def test_a_json_array_bears_pings_anywhere() -> None:
    events = [one for event in text_events("a", "b") for one in (Ping(), event)]
    assert len(loads(b"".join(written(events, view(framing="json_array"))))) == 3


def test_a_stream_begins_with_data() -> None:
    """Parsers that look for `^data:` find nothing behind an empty line."""
    events = text_events("a", "b")
    assert b"".join(written([Ping(), *events[:2], Ping(), *events[2:]])).startswith(b"data: ")
    assert written([*events[:3], Ping()])[-1] == b"\r\n"


@pytest.mark.parametrize("before", [0, 1, 3])
def test_an_error_closes_the_json_array(before: int) -> None:
    data = b"".join(written([*text_events("a", "b")[:before], Failed(FAULT), Ended()], view(framing="json_array")))
    assert loads(data)[-1]["error"]["code"] == 503


def test_an_error_is_the_last_event() -> None:
    chunks = chunks_of([*text_events("a")[:3], Failed(FAULT), TextDelta(0, "late"), Ended()])
    assert chunks[-1] == {"error": {"code": 503, "message": "It broke.", "status": "UNAVAILABLE"}}
    assert len(chunks) == 2


def test_t67_pings_are_no_comments_since_googles_sdk_takes_them_for_json() -> None:
    assert written([*text_events("a")[:3], Ping()])[1:] == [b"\r\n"]
    with_pings = [one for event in text_events("a", "b") for one in (event, Ping(), Ping())]
    assert chunks_of(with_pings) == chunks_of(text_events("a", "b"))


def call_events(*pieces: str, **more) -> list[Event]:
    return [
        started(),
        BlockStarted(0, ToolCall("call_1", "f", "", **more)),
        *(ArgumentsDelta(0, piece) for piece in pieces),
        BlockEnded(0),
        Finished("tool_calls", "tool_calls"),
        Ended(),
    ]


def test_a_call_goes_out_whole() -> None:
    chunks = chunks_of(call_events('{"a"', ":[1", "]}"))
    assert parts_of(chunks) == [{"functionCall": {"id": "call_1", "name": "f", "args": {"a": [1]}}}, {"text": ""}]
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_call_without_arguments() -> None:
    assert parts_of(chunks_of(call_events()))[0]["functionCall"]["args"] == {}


def test_half_a_call_is_not_shown() -> None:
    chunks = chunks_of([*call_events('{"rm"')[:3], Failed(FAULT)])
    assert [list(one) for one in chunks] == [["error"]]


def test_t10_interleaved_calls_keep_their_arguments() -> None:
    events = [
        started(),
        BlockStarted(0, ToolCall("a", "f", "")),
        BlockStarted(1, ToolCall("b", "g", "")),
        ArgumentsDelta(1, '{"y":'),
        ArgumentsDelta(0, '{"x":'),
        ArgumentsDelta(1, "2}"),
        ArgumentsDelta(0, "1}"),
        Finished("tool_calls"),
        Ended(),
    ]
    calls = [part["functionCall"] for part in parts_of(chunks_of(events)) if "functionCall" in part]
    assert [(call["name"], call["args"]) for call in calls] == [("f", {"x": 1}), ("g", {"y": 2})]


def test_interleaved_texts_are_put_in_order() -> None:
    events = [
        started(),
        BlockStarted(0, Thinking("")),
        BlockStarted(1, Text("")),
        TextDelta(1, "b1"),
        ThinkingDelta(0, "a1"),
        TextDelta(1, "b2"),
        ThinkingDelta(0, "a2"),
        BlockEnded(0),
        TextDelta(1, "b3"),
        Ended(),
    ]
    assert [part["text"] for part in parts_of(chunks_of(events))] == ["a1", "a2", "b1", "b2", "b3", ""]


def test_candidates_stream_side_by_side() -> None:
    events = [
        started(),
        BlockStarted(0, Text(""), 0),
        BlockStarted(1, Text(""), 1),
        TextDelta(1, "y"),
        TextDelta(0, "x"),
        Finished("stop", choice=1),
        Finished("length", choice=0),
        Ended(),
    ]
    chunks = chunks_of(events)
    assert [(one["candidates"][0]["index"], parts_of([one])[0]["text"]) for one in chunks[:-1]] == [(1, "y"), (0, "x")]
    assert [(one["index"], one["finishReason"]) for one in chunks[-1]["candidates"]] == [(0, "MAX_TOKENS"), (1, "STOP")]


@pytest.mark.parametrize(
    ("reason", "word"),
    [("content_filter", "SAFETY"), ("refusal", "SAFETY"), ("length", "MAX_TOKENS"), ("error", "OTHER")],
)
def test_t19_what_is_no_normal_end_is_not_shown_as_one(reason, word: str) -> None:
    events = [started(), BlockStarted(0, Text("")), TextDelta(0, "a"), Finished(reason, "their word"), Ended()]
    assert chunks_of(events)[-1]["candidates"][0]["finishReason"] == word


def test_t17_streams_do_not_share_state() -> None:
    events = text_events("a", "b")
    first, second = view(), view()
    alone = written(events, first)
    assert written(events, second) == alone


def test_a_foreign_seal_travels_in_its_envelope_behind_the_thoughts() -> None:
    seal = Seal("anthropic", "c2lnbmVk")
    events = [
        started("anthropic"),
        BlockStarted(0, Thinking("")),
        ThinkingDelta(0, "hm"),
        SealDelta(0, seal),
        BlockEnded(0),
        Finished("stop"),
        Ended(),
    ]
    parts = parts_of(chunks_of(events))
    assert parts[:2] == [
        {"thought": True, "text": "hm"},
        {"text": "", "thought": True, "thoughtSignature": sealed_for(seal, "gemini")},
    ]
    reply = fold(read(*written(events)))
    assert [part.seal for part in reply.choices[0].parts if isinstance(part, Thinking)] == [None, seal]


def test_a_seal_known_at_the_start_does_not_hold_the_thoughts_back() -> None:
    seal = Seal("openai_responses", "gAAAA")
    started_block = [started("openai_responses"), BlockStarted(0, Thinking("", seal=seal)), ThinkingDelta(0, "hm")]
    assert parts_of(chunks_of(started_block)) == [{"thought": True, "text": "hm"}]


def test_t36_a_signature_without_text_survives() -> None:
    seal = Seal("openai_responses", "gAAAA")
    events = [started(), BlockStarted(0, Thinking("", seal=seal)), BlockEnded(0), Finished("stop"), Ended()]
    assert parts_of(chunks_of(events))[0]["thoughtSignature"] == sealed_for(seal, "gemini")


def test_t31_a_signature_on_a_call_is_written_with_it() -> None:
    events = call_events("{}", seal=Seal("gemini", "QQ=="))
    assert parts_of(chunks_of(events))[0]["thoughtSignature"] == "QQ=="


def test_a_call_that_had_no_id_has_none_again() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    assert parts_of(chunks_of(read(sse(chunk(call, finishReason="STOP")))))[0] == call


def test_what_gemini_has_no_place_for_is_reported() -> None:
    shown = view()
    events = [
        started("anthropic"),
        BlockStarted(0, Opaque("anthropic", "web_search_tool_result", {})),
        BlockEnded(0),
        BlockStarted(1, Text("", extra={"citations": []})),
        TextDelta(1, "x"),
        ExtraDelta(1, {"annotations": []}),
        Unknown("anthropic", "odd_event", {}),
        Finished("stop", extra={"container": {}}),
        UsageReported(Usage(input=1, extra={"service_tier": "x"})),
        Ended({"diagnostics": {}}),
    ]
    assert [part["text"] for part in parts_of(chunks_of(events, shown))] == ["x", ""]
    lost = " ".join(loss.path + loss.why for loss in shown.losses.items)
    for name in ("web_search_tool_result", "citations", "annotations", "odd_event", "container", "service_tier"):
        assert name in lost
    assert "diagnostics" in lost


def test_media_and_blocked_prompts() -> None:
    image = Media("image", "image/png", data="aGk=")
    events = [started(), BlockStarted(0, image), BlockEnded(0), Finished("stop"), Ended()]
    assert parts_of(chunks_of(events))[0] == {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "asked", "responseId": "r"}
    assert chunks_of(read(sse(blocked))) == [blocked]


def test_logprobs_of_another_protocol_are_shown() -> None:
    logprob = {"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -2.0}]}
    events = [started(), BlockStarted(0, Text("")), TextDelta(0, "a", [logprob]), Finished("stop"), Ended()]
    assert chunks_of(events)[0]["candidates"][0]["logprobsResult"] == {
        "chosenCandidates": [{"token": "a", "logProbability": -1.0}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -2.0}]}],
    }


@pytest.mark.parametrize("text", ['"quoted"\n\\', "\u2028 é 🐈", "\ud83d", "x" * 100_000])
def test_any_text_arrives_as_it_was(text: str) -> None:
    assert fold(read(*written(text_events(text)))).choices[0].parts == [Text(text)]


def test_a_whole_reply_streams_as_the_same() -> None:
    reply = fold(text_events("a", "b"))
    assert parts_of(chunks_of(unfold(reply))) == [{"text": "ab"}, {"text": ""}]


@pytest.mark.parametrize("seed", range(60))
def test_whatever_comes_there_is_one_end(seed: int) -> None:
    """Events in any order: the array stays JSON, and only its last element ends the reply."""
    rng = random.Random(seed)
    events: list[Event] = [*text_events("a", "b"), *call_events('{"a":1}')[1:], Failed(FAULT), SealDelta(0, SEAL)]
    events += [BlockStarted(5, Thinking(""), 1), ThinkingDelta(5, "t"), TextDelta(9, "x"), ExtraDelta(5, {"k": [1]})]
    rng.shuffle(events)
    chunks = loads(b"".join(written([*events, Ended()], view(framing="json_array"))))
    ends = [_is_end(one) for one in chunks]
    assert ends == [False] * (len(chunks) - 1) + [True]


def _is_end(one: dict) -> bool:
    return "error" in one or any("finishReason" in candidate for candidate in one["candidates"])


def test_an_end_without_anything_is_still_a_reply() -> None:
    (only,) = chunks_of([Started("", "m"), Ended()])
    assert only["candidates"][0]["finishReason"] == "STOP"
    assert only["responseId"]
