from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.protocols.anthropic.content_read import with_carried_seals
from proxy_core.protocols.anthropic.reply import read_reply, write_reply
from proxy_core.turn.content import Media, Opaque, Part, ProtocolName, Refusal, Seal, Text, Thinking, ToolCall
from proxy_core.turn.fold import fold, unfold
from proxy_core.turn.reply import Choice, FinishReason, Reply, Usage
from proxy_core.turn.seals import FOREIGN_MARK, sealed_for
from tests.protocols.anthropic.streams import content_of, payloads, view, write
from tests.recordings import Recording, cases

_SEAL = Seal("gemini", "c2lnbmF0dXJl")


def _reply(*parts: Part, finish: FinishReason | None = "stop", origin: ProtocolName = "openai_chat") -> Reply:
    return Reply("id-1", "gpt", [Choice(0, list(parts), finish)], Usage(input=1, output=2), origin=origin)


def _normalised(value: Any) -> Any:
    """Absent equals null; counts of the cache that are not said are 0."""
    if isinstance(value, list):
        return [_normalised(element) for element in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _normalised(element) for key, element in value.items() if element is not None}
    if "input_tokens" in kept and "output_tokens" in kept:
        shares = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
        zeros = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation": shares}
        return zeros | kept
    return kept


@pytest.mark.parametrize("recording", cases("messages", stream=False))
def test_recorded_replies_are_written_back(recording: Recording):
    native = recording.reply
    assert native
    shown = view(native["model"])
    assert _normalised(write_reply(read_reply(native), shown)) == _normalised(native)
    assert shown.losses.items == []


@pytest.mark.parametrize("recording", cases("messages", stream=False))
def test_recorded_replies_stream_as_they_are(recording: Recording):
    native = recording.reply
    assert native
    reply = read_reply(native)
    assert fold(unfold(reply)) == reply
    assert _normalised(content_of(write(unfold(reply)))) == _normalised(native["content"])


_PARTS: list[Part] = [
    Text("Hello"),
    Refusal("No."),
    Thinking("Hm"),
    Thinking("Hm", Seal("openai_responses", "enc")),
    Thinking("", Seal("openai_responses", "enc"), redacted=True),
    Thinking(""),
    Text(""),
    Text("x", seal=_SEAL),
    ToolCall("a", "f", '{"x":1}'),
    ToolCall("a", "f", '{"x":1}', seal=_SEAL),
    ToolCall("a", "f", "free", custom=True),
    ToolCall("functions.f:0", "f", "{}"),
    Opaque("gemini", "executableCode", {}),
    Media("image", "image/png", data="AA=="),
]


@pytest.mark.parametrize("part", _PARTS, ids=lambda part: f"{type(part).__name__}-{_PARTS.index(part)}")
def test_whole_and_streamed_replies_look_alike(part: Part):
    reply = _reply(Text("first"), part, Text("last"), finish="stop")
    whole, streamed = view(), view()
    written = write_reply(reply, whole)
    stream = write(unfold(reply), streamed)
    assert content_of(stream) == written["content"]
    end = payloads(stream)[-2]
    assert (end["delta"]["stop_reason"], end["usage"]["output_tokens"]) == (written["stop_reason"], 2)
    assert {(loss.path, loss.action) for loss in whole.losses.items} == {
        (loss.path, loss.action) for loss in streamed.losses.items
    }


def test_required_fields_are_there():
    written = write_reply(Reply("", "", []), view("alias"))
    assert written["id"].startswith("msg_")
    assert (written["type"], written["role"], written["model"], written["content"]) == (
        "message",
        "assistant",
        "alias",
        [],
    )
    assert (written["stop_reason"], written["stop_sequence"]) == ("end_turn", None)
    assert written["usage"]["input_tokens"] == written["usage"]["output_tokens"] == 0


def test_seals_return_to_the_parts_they_were_on():
    reply = _reply(Text("x", seal=_SEAL), ToolCall("a", "f", "{}", seal=_SEAL), origin="gemini")
    native = write_reply(reply, view())
    assert with_carried_seals(read_reply(native).choices[0].parts) == reply.choices[0].parts


def test_a_seal_on_an_empty_text_needs_a_block_behind_it():
    shown = view()
    written = write_reply(_reply(Text("x"), Text("", seal=_SEAL), origin="gemini"), shown)
    assert written["content"] == [{"type": "text", "text": "x"}]
    assert [loss.path for loss in shown.losses.items] == ["content[1].signature"]
    call = ToolCall("a", "f", "{}")
    native = write_reply(_reply(Text("x"), Text("", seal=_SEAL), call, origin="gemini"), view())
    assert with_carried_seals(read_reply(native).choices[0].parts) == [Text("x", seal=_SEAL), call]


def test_foreign_thoughts_are_known_when_they_come_back():
    signed, bare = write_reply(
        _reply(Thinking("a", Seal("openai_responses", "enc")), Thinking("b"), origin="openai_responses"), view()
    )["content"]
    assert signed["signature"] == sealed_for(Seal("openai_responses", "enc"), "anthropic")
    assert bare["signature"].startswith(FOREIGN_MARK.decode())


def test_t15_t16_stop_reason_fits_what_is_shown():
    assert write_reply(_reply(ToolCall("a", "f", "{}"), finish="stop"), view())["stop_reason"] == "tool_use"
    assert write_reply(_reply(Text("x"), finish="tool_calls"), view())["stop_reason"] == "end_turn"


def test_t19_a_filtered_answer_is_no_finished_turn():
    written = write_reply(_reply(Text("x"), finish="content_filter"), view())
    assert written["stop_reason"] == "refusal"
    assert written["stop_details"]["type"] == "refusal"
    assert "filter" in written["stop_details"]["explanation"]


def test_an_answer_that_ended_in_an_error_is_no_message():
    with pytest.raises(ParleyError) as raised:
        write_reply(_reply(Text("half"), finish="error"), view())
    assert raised.value.fault.kind is FaultKind.UPSTREAM


def test_only_the_first_choice_is_shown():
    shown = view()
    reply = Reply("r", "m", [Choice(0, [Text("one")]), Choice(1, [Text("two")])], origin="openai_chat")
    assert write_reply(reply, shown)["content"] == [{"type": "text", "text": "one"}]
    assert [loss.path for loss in shown.losses.items] == ["choices[1]"]


def test_t77_input_tokens_leave_out_the_cache():
    usage = write_reply(
        Reply("r", "m", [], Usage(input=10, cache_read=5, cache_write_5m=2, cache_write_1h=3, output=4)), view()
    )["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (10, 5, 5)
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}
    read = read_reply({"type": "message", "content": [], "usage": usage}).usage
    assert read
    assert (read.prompt, read.cache_write_1h) == (20, 3)


def test_an_error_in_place_of_a_message():
    with pytest.raises(ParleyError) as raised:
        read_reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert raised.value.fault.kind is FaultKind.OVERLOADED


@pytest.mark.parametrize("body", [{}, {"content": "text"}, {"content": [{"type": "text", "text": 5}]}])
def test_a_wrong_reply_is_the_backends_fault(body: dict[str, Any]):
    with pytest.raises(ParleyError, match="content") as raised:
        read_reply(body)
    assert raised.value.fault.kind is FaultKind.UPSTREAM


@pytest.mark.parametrize("origin", ["openai_chat", "openai_responses", "gemini"])
def test_the_mark_of_unsigned_thoughts_goes_to_no_backend(origin: ProtocolName):
    """Wherever the thoughts came from: an empty signature is refused as much as a wrong one."""
    (block,) = write_reply(_reply(Thinking("Hm"), origin=origin), view())["content"]
    (part,) = read_reply({"content": [block]}).choices[0].parts
    assert isinstance(part, Thinking)
    assert part.seal == Seal("openai_chat", "")
