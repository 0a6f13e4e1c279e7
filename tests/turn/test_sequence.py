from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy_core.errors import Fault, FaultKind
from proxy_core.turn.content import Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
    UsageReported,
)
from proxy_core.turn.fold import fold
from proxy_core.turn.reply import Usage
from proxy_core.turn.sequence import Sequencer


def _sequenced(events: list[Event]) -> list[Event]:
    sequencer = Sequencer()
    return [out for event in events for out in sequencer.feed(event)]


def _tool(block: int) -> BlockStarted:
    return BlockStarted(block, ToolCall(f"call_{block}", f"tool_{block}", ""))


@st.composite
def interleaved(draw: st.DrawFn) -> list[Event]:
    """Up to four tool calls whose events are shuffled against each other; the last ones may never be ended."""
    queues: list[list[Event]] = []
    for block in range(draw(st.integers(0, 4))):
        deltas = [ArgumentsDelta(block, piece) for piece in draw(st.lists(st.text(max_size=3), max_size=4))]
        queues.append([*deltas, *([BlockEnded(block)] if draw(st.booleans()) else [])])
    events: list[Event] = [Started("m", "model"), *(_tool(block) for block in range(len(queues)))]
    while any(queues):
        events.append(draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    return [*events, Finished("tool_calls"), Ended()]


@given(interleaved())
def test_blocks_come_one_after_another_and_lose_nothing(events: list[Event]) -> None:
    sequenced = _sequenced(events)
    assert fold(sequenced) == fold(events)
    open_block = None
    for event in sequenced:
        match event:
            case BlockStarted():
                assert open_block is None
                open_block = event.block
            case ArgumentsDelta():
                assert event.block == open_block
            case BlockEnded():
                assert event.block == open_block
                open_block = None
            case _:
                pass
    assert open_block is None


def test_t10_interleaved_arguments_go_to_their_own_call() -> None:
    sequenced = _sequenced(
        [_tool(0), _tool(1), ArgumentsDelta(1, "b"), ArgumentsDelta(0, "a"), BlockEnded(1), BlockEnded(0)]
    )
    assert sequenced == [
        _tool(0), ArgumentsDelta(0, "a"), BlockEnded(0), _tool(1), ArgumentsDelta(1, "b"), BlockEnded(1)
    ]  # fmt: skip


def test_a_single_open_block_is_passed_at_once() -> None:
    sequencer = Sequencer()
    for event in [BlockStarted(0, Text("")), TextDelta(0, "a"), BlockEnded(0), BlockStarted(1, Thinking(""))]:
        assert sequencer.feed(event) == [event]


def test_a_held_block_streams_as_soon_as_the_earlier_one_has_ended() -> None:
    sequencer = Sequencer()
    for event in [_tool(0), _tool(1), ArgumentsDelta(1, "held")]:
        sequencer.feed(event)
    assert sequencer.feed(BlockEnded(0)) == [BlockEnded(0), _tool(1), ArgumentsDelta(1, "held")]
    assert sequencer.feed(ArgumentsDelta(1, "live")) == [ArgumentsDelta(1, "live")]


def test_a_failure_ends_open_and_held_blocks_in_order() -> None:
    failed = Failed(Fault(FaultKind.CUT, "cut"))
    assert _sequenced([_tool(0), _tool(1), failed]) == [_tool(0), BlockEnded(0), _tool(1), BlockEnded(1), failed]


def test_events_without_a_block_pass_and_end_nothing() -> None:
    """Gemini reports usage with every chunk."""
    sequencer = Sequencer()
    sequencer.feed(_tool(0))
    for event in [Ping(), UsageReported(Usage(input=1)), Started("m", "model")]:
        assert sequencer.feed(event) == [event]
    assert sequencer.feed(ArgumentsDelta(0, "x")) == [ArgumentsDelta(0, "x")]


def test_t02_deltas_of_a_block_that_is_not_open_are_dropped() -> None:
    late = [TextDelta(0, "early"), _tool(1), BlockEnded(1), ArgumentsDelta(1, "late"), BlockEnded(1)]
    assert _sequenced([*late]) == [_tool(1), BlockEnded(1)]
    assert _sequenced([_tool(0), _tool(1), BlockEnded(1), ArgumentsDelta(1, "late"), BlockEnded(0)]) == [
        _tool(0), BlockEnded(0), _tool(1), BlockEnded(1)
    ]  # fmt: skip
