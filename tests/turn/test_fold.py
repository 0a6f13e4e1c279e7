from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.turn.content import Media, Opaque, Part, Refusal, Seal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    BlockEnded,
    BlockStarted,
    Ended,
    ExtraDelta,
    Failed,
    SealDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageReported,
)
from proxy_core.turn.fold import Folder, fold, unfold
from proxy_core.turn.reply import Choice, Reply, Usage

SEALS = st.none() | st.builds(Seal, st.sampled_from(["anthropic", "gemini"]), st.text(max_size=8))
EXTRAS: Any = st.dictionaries(st.text(max_size=4), st.integers() | st.lists(st.integers(), max_size=2), max_size=2)
LOGPROBS = st.none() | st.lists(st.just({"token": "a"}), max_size=2)
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, st.text(), SEALS, logprobs=LOGPROBS, extra=EXTRAS),
    st.builds(Thinking, st.text(), SEALS, st.just(False), EXTRAS),
    st.builds(Thinking, st.just(""), SEALS, st.just(True), EXTRAS),
    st.builds(ToolCall, st.text(), st.text(), st.text(), st.booleans(), SEALS, extra=EXTRAS),
    st.builds(Refusal, st.text(), EXTRAS),
    st.builds(Media, st.just("image"), data=st.just("aGk="), seal=SEALS, extra=EXTRAS),
    st.builds(Opaque, st.just("anthropic"), st.just("server_tool_use"), EXTRAS, EXTRAS),
)
COUNTS = st.none() | st.integers(0, 9)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, EXTRAS)
FINISHES = st.tuples(st.sampled_from(["stop", "length", "tool_calls"]), st.none() | st.text(max_size=4))


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    choices = []
    for index in range(draw(st.integers(0, 3))):
        finish, raw = draw(FINISHES)
        choices.append(Choice(index, draw(st.lists(PARTS, max_size=4)), finish, raw, extra=draw(EXTRAS)))
    created = draw(st.none() | st.integers(0, 9))
    return Reply(draw(st.text()), draw(st.text()), choices, draw(st.none() | USAGES), created, draw(EXTRAS))


@given(replies())
def test_a_reply_survives_being_streamed(reply: Reply) -> None:
    assert fold(unfold(reply)) == reply


@given(replies())
def test_unfolding_leaves_the_reply_alone_and_numbers_blocks_from_zero(reply: Reply) -> None:
    before = repr(reply)
    blocks = [event.block for event in unfold(reply) if isinstance(event, BlockStarted)]
    fold(unfold(reply))
    assert repr(reply) == before
    assert blocks == list(range(sum(len(choice.parts) for choice in reply.choices)))


def test_interleaved_blocks_are_collected_apart() -> None:
    reply = fold(
        [
            Started("m", "model"),
            BlockStarted(0, Thinking("")),
            BlockStarted(1, Text("")),
            TextDelta(1, "b"),
            ThinkingDelta(0, "a"),
            SealDelta(0, Seal("anthropic", "first")),
            SealDelta(0, Seal("anthropic", "sig")),
            ExtraDelta(1, {"citations": [1]}),
            ExtraDelta(1, {"citations": [2], "x": 1}),
            BlockEnded(1),
            BlockEnded(0),
            Ended(),
        ]
    )
    assert reply.choices[0].parts == [
        Thinking("a", Seal("anthropic", "sig")),
        Text("b", extra={"citations": [1, 2], "x": 1}),
    ]


def test_later_usage_replaces_only_what_it_says() -> None:
    first, second = Usage(input=5, output=1, extra={"a": 1}), Usage(output=7, extra={"b": 2})
    reply = fold([Started("m", "model", usage=first), UsageReported(second), Ended()])
    assert reply.usage == Usage(input=5, output=7, extra={"a": 1, "b": 2})
    assert first == Usage(input=5, output=1, extra={"a": 1})


def test_t66_a_stream_without_its_terminal_event_is_an_error() -> None:
    with pytest.raises(ParleyError) as error:
        fold([Started("m", "model"), BlockStarted(0, Text("")), TextDelta(0, "a")])
    assert error.value.fault.kind is FaultKind.CUT


def test_a_failed_stream_raises_its_own_fault_and_keeps_what_came() -> None:
    fault = Fault(FaultKind.OVERLOADED, "busy")
    events = [Started("m", "model"), BlockStarted(0, Text("")), TextDelta(0, "a"), Failed(fault)]
    with pytest.raises(ParleyError) as error:
        fold(events)
    assert error.value.fault is fault
    folder = Folder()
    for event in events:
        folder.add(event)
    assert folder.reply.choices[0].parts == [Text("a")]
