from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.protocols.gemini.reply import read_reply, write_reply
from proxy_core.protocols.gemini.usage import read_usage, write_usage
from proxy_core.turn.content import Opaque, Refusal, Seal, Text, Thinking, ToolCall
from proxy_core.turn.fold import fold, unfold
from proxy_core.turn.reply import Choice, Reply, Usage
from proxy_core.turn.seals import sealed_for, unsealed_from
from proxy_core.wire.json import loads
from tests.protocols.gemini.streams import chunk, counted, frames, read, view, written
from tests.recordings import cases

WHOLE = cases("generateContent", stream=False)


def normalise(body: dict[str, Any]) -> dict[str, Any]:
    """An empty text says nothing, an index of 0 is left out at will, and one recording has no total of its tokens."""
    usage = counted(body.get("usageMetadata", {}))
    usage.pop("totalTokenCount", None)
    candidates = [_normalised(candidate) for candidate in body.get("candidates", [])]
    return {**body, "candidates": candidates, "usageMetadata": usage}


def _normalised(candidate: dict[str, Any]) -> dict[str, Any]:
    parts = [part for part in candidate.get("content", {}).get("parts", []) if part != {"text": ""}]
    content = {"parts": parts, "role": "model"}
    return {"index": 0, **candidate, "content": content}


@pytest.mark.parametrize("recording", WHOLE)
def test_what_was_read_is_written_again(recording) -> None:
    if not isinstance(recording.reply, dict):
        pytest.skip("no JSON body")
    reply = read_reply(recording.reply)
    assert normalise(write_reply(reply, view(reply.model))) == normalise(recording.reply)


@pytest.mark.parametrize("recording", WHOLE)
def test_whole_and_streamed_are_the_same(recording) -> None:
    reply = read_reply(recording.reply)
    streamed = fold(read(*written(unfold(reply), view(reply.model))))
    assert normalise(write_reply(streamed, view(reply.model))) == normalise(write_reply(reply, view(reply.model)))


@pytest.mark.parametrize("recording", cases("generateContent"))
def test_usage_adds_up(recording) -> None:
    native = _last_usage(recording)
    usage = read_usage(native)
    assert usage
    total = usage.prompt + (usage.output or 0)
    assert total == native.get("totalTokenCount", total)
    assert counted(write_usage(usage, own=True)) == counted({**native, "totalTokenCount": total})


def _last_usage(recording) -> dict[str, Any]:
    body = recording.reply
    if isinstance(body, dict):
        return body["usageMetadata"]
    if body:
        return body[-1]["usageMetadata"]
    return loads(frames([recording.stream])[-1].data or b"")["usageMetadata"]


def test_t77_cached_tokens_are_counted_once() -> None:
    native = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 80,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "toolUsePromptTokenCount": 11,
        "totalTokenCount": 123,
    }
    usage = read_usage(native)
    assert usage
    assert (usage.input, usage.cache_read, usage.output, usage.reasoning) == (31, 80, 12, 7)
    assert write_usage(usage, own=True) == native
    theirs = Usage(input=10, cache_read=3, cache_write_5m=4, output=9, reasoning=2, extra={"service_tier": "x"})
    assert write_usage(theirs, own=False) == {
        "promptTokenCount": 17,
        "cachedContentTokenCount": 3,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 2,
        "totalTokenCount": 26,
    }


def test_t15_stop_beside_a_call_means_that_tools_are_to_run() -> None:
    reply = read_reply(chunk({"functionCall": {"name": "f"}}, finishReason="STOP"))
    assert (reply.choices[0].finish, reply.choices[0].raw_finish) == ("tool_calls", "STOP")


def test_t19_a_blocked_prompt_is_a_filter_and_comes_back_as_it_was() -> None:
    feedback = {"blockReason": "SAFETY", "safetyRatings": [{"category": "X", "probability": "HIGH"}]}
    body = {"promptFeedback": feedback, "modelVersion": "m", "responseId": "r"}
    reply = read_reply(body)
    assert reply.choices[0].finish == "content_filter"
    assert write_reply(reply, view("m")) == body


def test_t75_a_reply_without_candidates_is_no_success() -> None:
    with pytest.raises(ParleyError) as raised:
        read_reply({"usageMetadata": {"promptTokenCount": 3}, "responseId": "r"})
    assert raised.value.fault.kind is FaultKind.UPSTREAM


@pytest.mark.parametrize("body", [{"candidates": 3}, {"candidates": [{"content": {"parts": [{"text": 4}]}}]}])
def test_what_is_no_reply_is_the_backends_fault(body: dict[str, Any]) -> None:
    with pytest.raises(ParleyError) as raised:
        read_reply(body)
    assert raised.value.fault.kind is FaultKind.UPSTREAM
    assert raised.value.fault.http_status == 502


def test_an_error_with_status_200_is_an_error() -> None:
    with pytest.raises(ParleyError) as raised:
        read_reply({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}})
    assert raised.value.fault.kind is FaultKind.RATE_LIMIT


def foreign(*parts, **choice) -> Reply:
    choice = {"finish": "stop", "raw_finish": "stop", **choice}
    return Reply("id-1", "gpt", [Choice(0, list(parts), **choice)], Usage(input=1, output=2), origin="openai_chat")


def test_a_foreign_reply_is_shown_as_geminis() -> None:
    seal = Seal("anthropic", "c2ln")
    reply = foreign(Thinking("hm", seal), Text("hi"), ToolCall("c1", "f", '{"a":1}'), finish="tool_calls")
    body = write_reply(reply, view("asked"))
    signature = body["candidates"][0]["content"]["parts"][0].pop("thoughtSignature")
    assert unsealed_from(signature, "gemini") == seal
    assert body == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "hm", "thought": True},
                        {"text": "hi"},
                        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
        "modelVersion": "asked",
        "responseId": "id-1",
    }
    assert read_reply(write_reply(reply, view())).choices[0].parts[0] == Thinking("hm", seal)


@pytest.mark.parametrize(
    ("arguments", "shown"), [("", {}), ("not json", {"input": "not json"}), ("[1]", {"input": [1]})]
)
def test_arguments_that_are_no_object(arguments: str, shown: dict[str, Any]) -> None:
    body = write_reply(foreign(ToolCall("c", "f", arguments)), view())
    assert body["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == shown


def test_refusals_are_words_and_foreign_parts_are_reported() -> None:
    shown = view()
    reply = foreign(Refusal("No."), Opaque("anthropic", "server_tool_use", {}), finish="refusal", extra={"x": 1})
    reply.extra["system_fingerprint"] = "fp"
    (candidate,) = write_reply(reply, shown)["candidates"]
    assert candidate["content"]["parts"] == [{"text": "No."}]
    assert candidate["finishReason"] == "SAFETY"
    lost = " ".join(loss.path + loss.why for loss in shown.losses.items)
    assert all(name in lost for name in ("server_tool_use", "system_fingerprint", "choices[0].x"))


def test_an_empty_reply_still_has_a_part() -> None:
    (candidate,) = write_reply(foreign(), view())["candidates"]
    assert candidate["content"]["parts"] == [{"text": ""}]


def test_candidates_keep_their_numbers() -> None:
    one, two = chunk({"text": "a"}, finishReason="STOP"), chunk({"text": "b"}, finishReason="MAX_TOKENS", index=1)
    body = {**one, "candidates": one["candidates"] + two["candidates"]}
    reply = read_reply(body)
    assert [(choice.index, choice.finish) for choice in reply.choices] == [(0, "stop"), (1, "length")]
    assert write_reply(reply, view(reply.model)) == body


def test_logprobs_come_back_with_their_token_ids() -> None:
    result = {"chosenCandidates": [{"token": "a", "tokenId": 7, "logProbability": -0.1}]}
    body = chunk({"text": "a"}, finishReason="STOP", avgLogprobs=-0.1, logprobsResult=result)
    reply = read_reply(body)
    (text,) = reply.choices[0].parts
    assert isinstance(text, Text)
    assert text.logprobs
    assert write_reply(reply, view(reply.model)) == body


def test_sealed_for_keeps_geminis_own_signature() -> None:
    body = chunk({"text": "a", "thoughtSignature": "QQ=="}, finishReason="STOP")
    part = read_reply(body).choices[0].parts[0]
    assert isinstance(part, Text)
    assert part.seal
    assert sealed_for(part.seal, "gemini") == "QQ=="
