from __future__ import annotations

import random

import pytest

from proxy_core.errors import FaultKind
from proxy_core.protocols.contract import FrameKind
from proxy_core.protocols.gemini.frames import classify
from proxy_core.protocols.gemini.stream_read import GeminiReader
from proxy_core.turn.content import Opaque, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageReported,
)
from proxy_core.turn.fold import fold
from proxy_core.turn.reply import Usage
from proxy_core.wire.json import dumps, loads
from proxy_core.wire.sse import Frame
from tests.protocols.gemini.streams import chunk, frames, read, sse
from tests.recordings import cases

STREAMS = cases("generateContent", stream=True)


def stream_of(recording) -> bytes:
    if recording.stream:
        return recording.stream
    pytest.skip("recorded as a JSON array")


@pytest.mark.parametrize("recording", STREAMS)
def test_the_split_makes_no_difference(recording) -> None:
    data = stream_of(recording)
    whole = read(data)
    assert isinstance(whole[-1], Ended)
    assert read(*(data[i : i + 1] for i in range(len(data)))) == whole
    rng = random.Random(recording.id)
    cuts = sorted(rng.sample(range(len(data)), 9))
    assert read(*(data[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True))) == whole


@pytest.mark.parametrize("recording", STREAMS)
def test_all_text_and_calls_of_a_recording_arrive(recording) -> None:
    native = [loads(frame.data or b"{}") for frame in frames([stream_of(recording)])]
    parts = [
        part for one in native for candidate in one["candidates"] for part in candidate["content"].get("parts", [])
    ]
    reply = fold(read(stream_of(recording)))
    found = reply.choices[0].parts
    text = [p["text"] for p in parts if "text" in p and not p.get("thought")]
    thoughts = [p["text"] for p in parts if p.get("thought")]
    calls = [(p["functionCall"]["name"], p["functionCall"].get("args") or {}) for p in parts if "functionCall" in p]
    seals = [p["thoughtSignature"] for p in parts if "thoughtSignature" in p]
    assert "".join(p.text for p in found if isinstance(p, Text)) == "".join(text)
    assert "".join(p.text for p in found if isinstance(p, Thinking)) == "".join(thoughts)
    assert [(p.name, loads(p.arguments)) for p in found if isinstance(p, ToolCall)] == calls
    kept = [p.raw.get("thoughtSignature") if isinstance(p, Opaque) else _seal_of(p) for p in found]
    assert [seal for seal in kept if seal] == seals
    usage = native[-1]["usageMetadata"]
    assert reply.usage
    assert reply.usage.prompt + (reply.usage.output or 0) == usage["totalTokenCount"]


def _seal_of(part) -> str | None:
    return part.seal.data if isinstance(part, Text | Thinking | ToolCall) and part.seal else None


_GENERATED = (TextDelta, ThinkingDelta, ArgumentsDelta)


@pytest.mark.parametrize("recording", STREAMS)
def test_classify_agrees_with_the_reader(recording) -> None:
    reader = GeminiReader()
    kinds = []
    for frame in frames([stream_of(recording)]):
        events = list(reader.read(frame))
        kinds.append(kind := classify(frame))
        generated = any(
            isinstance(e, _GENERATED) or (isinstance(e, BlockStarted) and not _is_bare(e.part)) for e in events
        )
        assert kind is FrameKind.FINISH or generated == (kind is FrameKind.CONTENT)
        assert not any(isinstance(event, Failed | Ended) for event in events)
    assert FrameKind.FINISH in kinds
    assert any(isinstance(event, Finished) for event in reader.close())


def _is_bare(part) -> bool:
    return isinstance(part, Text | Thinking) and part.seal is None


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b": hello\n\n", FrameKind.PING),
        (b"\r\n\r\n", FrameKind.PING),
        (b"data: [DONE]\n\n", FrameKind.TERMINAL),
        (sse({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}), FrameKind.ERROR),
        (b'{"error": {"code": 500}}\n\n', FrameKind.ERROR),
        (sse({"promptFeedback": {"blockReason": "SAFETY"}}), FrameKind.FINISH),
        (sse({"usageMetadata": {"promptTokenCount": 3}}), FrameKind.OPENING),
        (sse(chunk({"text": ""})), FrameKind.OPENING),
        (sse(chunk({"text": 'he said "finishReason": \\"error\\":{'})), FrameKind.CONTENT),
        (sse(chunk({"text": ""}, {"text": "x"})), FrameKind.CONTENT),
        (sse(chunk({"text": "", "thoughtSignature": "c2ln"})), FrameKind.CONTENT),
        (sse(chunk({"functionCall": {"name": "f", "args": {"error": {"a": 1}}}})), FrameKind.CONTENT),
        (sse(chunk({"text": "bye"}, finishReason="STOP")), FrameKind.FINISH),
    ],
)
def test_classify(raw: bytes, kind: FrameKind) -> None:
    frame = Frame(raw)
    assert classify(frame) is kind
    reader = GeminiReader()
    events = [*reader.read(frame)]
    assert isinstance(events[-1] if events else None, Failed) == (kind is FrameKind.ERROR)
    assert isinstance(events[-1] if events else None, Ended) == (kind is FrameKind.TERMINAL)
    assert isinstance(events[-1] if events else None, Ping) == (kind is FrameKind.PING)
    finished = any(isinstance(event, Finished) for event in reader.close())
    assert finished == (kind is FrameKind.FINISH)


def test_text_of_several_chunks_is_one_block() -> None:
    events = read(sse(chunk({"text": "a"}), chunk({"text": "b"}, finishReason="STOP")))
    assert events == [
        Started("r", "gemini-x", origin="gemini"),
        BlockStarted(0, Text("")),
        TextDelta(0, "a"),
        TextDelta(0, "b"),
        BlockEnded(0),
        Finished("stop", "STOP"),
        Ended(),
    ]


def test_t05_content_beside_the_finish_reason_is_not_lost() -> None:
    reply = fold(read(sse(chunk({"text": "all of it"}, finishReason="STOP"))))
    assert reply.choices[0].parts == [Text("all of it")]


def test_t06_thoughts_text_and_calls_of_one_chunk_come_apart_in_order() -> None:
    parts = (
        {"text": "hm", "thought": True},
        {"text": "so"},
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "i"}},
    )
    events = read(sse(chunk(*parts, finishReason="STOP")))
    assert [type(event.part) for event in events if isinstance(event, BlockStarted)] == [Thinking, Text, ToolCall]
    assert fold(events).choices[0].parts == [Thinking("hm"), Text("so"), ToolCall("i", "f", '{"a":1}')]


def test_t09_an_empty_text_opens_no_block() -> None:
    events = read(sse(chunk({"text": ""}), chunk({"text": ""}, finishReason="STOP")))
    assert not any(isinstance(event, BlockStarted) for event in events)


def test_t15_stop_behind_a_call_means_that_tools_are_to_run() -> None:
    call = chunk({"functionCall": {"name": "f", "args": {}}})
    events = read(sse(call, chunk({"text": ""}, finishReason="STOP")))
    assert Finished("tool_calls", "STOP") in events
    late = read(sse(chunk({"text": "x"}, finishReason="STOP"), call))
    assert [event.reason for event in late if isinstance(event, Finished)] == ["tool_calls"]
    assert isinstance(late[-1], Ended)


def test_a_finish_reason_on_every_chunk_ends_nothing_early() -> None:
    events = read(sse(*(chunk({"text": word}, finishReason="STOP") for word in "abc")))
    assert fold(events).choices[0].parts == [Text("abc")]
    assert sum(isinstance(event, Finished) for event in events) == 1


@pytest.mark.parametrize("word", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII", "BLOCKLIST"])
def test_t19_a_filter_is_no_normal_end(word: str) -> None:
    assert Finished("content_filter", word) in read(sse(chunk(finishReason=word)))


def test_t19_a_blocked_prompt_is_a_filter() -> None:
    feedback = {"blockReason": "PROHIBITED_CONTENT"}
    events = read(sse({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 4}, "responseId": "r"}))
    assert events[1] == Finished("content_filter", "PROHIBITED_CONTENT", extra={"promptFeedback": feedback})
    assert isinstance(events[-1], Ended)


@pytest.mark.parametrize(
    ("word", "reason"),
    [("MAX_TOKENS", "length"), ("MALFORMED_FUNCTION_CALL", "error"), ("SOMETHING_NEW", "other")],
)
def test_finish_reasons(word: str, reason: str) -> None:
    finished = [event for event in read(sse(chunk(finishReason=word))) if isinstance(event, Finished)]
    assert [(event.reason, event.raw) for event in finished] == [(reason, word)]


def test_t31_signatures_stay_with_their_parts() -> None:
    data = sse(
        chunk({"text": "why", "thought": True}),
        chunk({"functionCall": {"name": "f", "args": {}, "id": "1"}, "thoughtSignature": "QQ=="}),
        chunk({"functionCall": {"name": "g", "args": {}, "id": "2"}}),
        chunk({"text": "said"}),
        chunk({"text": "", "thoughtSignature": "Qg=="}, finishReason="STOP"),
    )
    assert fold(read(data)).choices[0].parts == [
        Thinking("why"),
        ToolCall("1", "f", "{}", seal=Seal("gemini", "QQ==")),
        ToolCall("2", "g", "{}"),
        Text("said"),
        Text("", seal=Seal("gemini", "Qg==")),
    ]


def test_equal_calls_without_ids_get_different_ids_that_do_not_change() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    data = sse(chunk(call, call), chunk(call, finishReason="STOP"))
    ids = [part.id for part in fold(read(data)).choices[0].parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 3
    assert all(ids)
    assert ids == [part.id for part in fold(read(data)).choices[0].parts if isinstance(part, ToolCall)]


@pytest.mark.parametrize(
    "end",
    [b"", sse(chunk({"text": ""})), b'data: {"candidates": [{"content": {"pa', b"\r\n"],
)
def test_t66_an_end_without_a_finish_reason_is_a_cut(end: bytes) -> None:
    events = read(sse({**chunk({"text": "half"}), "usageMetadata": {"promptTokenCount": 7}}) + end)
    assert isinstance(events[-1], Failed)
    assert events[-1].fault.kind is FaultKind.CUT
    assert sum(isinstance(event, Failed | Ended) for event in events) == 1


def test_t75_nothing_at_all_is_a_cut() -> None:
    (failed,) = read(b"")
    assert isinstance(failed, Failed)
    assert failed.fault.kind is FaultKind.CUT


@pytest.mark.parametrize("framed", [True, False])
def test_t63_an_error_inside_the_stream_is_known_by_its_kind(framed: bool) -> None:
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    data = sse(error) if framed else b'{\n  "error": {\n "code": 503,\n "message": "The model is overloaded."}\n}\n\n'
    events = read(sse(chunk({"text": "a"})) + data + sse(chunk({"text": "never"})))
    assert isinstance(events[-1], Failed)
    assert events[-1].fault.kind is FaultKind.OVERLOADED
    assert events[-1].fault.http_status == 503
    assert not any(isinstance(event, TextDelta) and event.text == "never" for event in events)


@pytest.mark.parametrize(
    "raw",
    [
        b"data: nonsense\n\n",
        b"data: 7\n\n",
        b'data: {"candidates": 7}\n\n',
        b'data: {"candidates": [{"content": "x"}]}\n\n',
        b'data: {"candidates": [{"content": {"parts": ["x"]}}]}\n\n',
        b'data: {"candidates": [{"content": {"parts": [{"functionCall": {"args": {}}}]}}]}\n\n',
        b'data: {"candidates": [], "usageMetadata": 3}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
    ],
)
def test_what_is_no_chunk_ends_the_stream_as_the_backends_fault(raw: bytes) -> None:
    events = read(raw, sse(chunk({"text": "x"}, finishReason="STOP")))
    assert isinstance(events[-1], Failed)
    assert events[-1].fault.kind is FaultKind.UPSTREAM


def test_a_stream_that_comes_as_a_json_array_is_read_too() -> None:
    body = dumps([chunk({"text": "a"}), chunk({"text": "b"}, finishReason="STOP")])
    assert fold(read(body[:30], body[30:])).choices[0].parts == [Text("ab")]


def test_candidates_are_choices() -> None:
    def both(first: str, second: str, **more):
        one, two = chunk({"text": first}, **more), chunk({"text": second}, **more)
        return {**one, "candidates": [one["candidates"][0], {**two["candidates"][0], "index": 1}]}

    reply = fold(read(sse(both("a", "x"), both("b", "y", finishReason="STOP"))))
    assert [(choice.index, choice.parts, choice.finish) for choice in reply.choices] == [
        (0, [Text("ab")], "stop"),
        (1, [Text("xy")], "stop"),
    ]


def test_usage_behind_the_finish_chunk_counts() -> None:
    usage = {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 5, "thoughtsTokenCount": 2}
    events = read(sse(chunk({"text": "a"}, finishReason="STOP"), {"usageMetadata": usage}))
    assert UsageReported(Usage(input=6, cache_read=4, output=7, reasoning=2)) in events


def test_sources_of_several_chunks_are_joined() -> None:
    one, two = {"web": {"uri": "a"}}, {"web": {"uri": "b"}}
    events = read(
        sse(
            chunk({"text": "a"}, groundingMetadata={"groundingChunks": [one], "webSearchQueries": ["q"]}),
            chunk({"text": "b"}, groundingMetadata={"groundingChunks": [one, two]}, finishReason="STOP"),
        )
    )
    (finished,) = [event for event in events if isinstance(event, Finished)]
    assert finished.extra == {"groundingMetadata": {"groundingChunks": [one, two], "webSearchQueries": ["q"]}}


def test_logprobs_are_carried() -> None:
    token = {"token": "a", "tokenId": 5, "logProbability": -0.5}
    result = {"chosenCandidates": [token], "topCandidates": [{"candidates": [token]}]}
    reply = fold(read(sse(chunk({"text": "a"}, logprobsResult=result, finishReason="STOP"))))
    (text,) = reply.choices[0].parts
    assert isinstance(text, Text)
    top = {"token": "a", "logprob": -0.5, "bytes": [97]}
    assert text.logprobs == [{**top, "top_logprobs": [top]}]


def test_lone_surrogates_do_not_break_the_stream() -> None:
    raw = rb'data: {"candidates":[{"content":{"parts":[{"text":"\ud83d"}]},"finishReason":"STOP"}]}' + b"\n\n"
    assert fold(read(raw)).choices[0].parts == [Text("\ud83d")]


def test_parts_that_only_gemini_knows_are_kept_whole() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "QQ=="}
    (part,) = fold(read(sse(chunk(code, finishReason="STOP")))).choices[0].parts
    assert part == Opaque("gemini", "executableCode", code)
