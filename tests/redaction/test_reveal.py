"""Placeholders in a stream, however it is cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proxy_core.errors import Fault, FaultKind
from proxy_core.redaction.reveal import RevealStage, reveal_text
from proxy_core.redaction.vault import Vault
from proxy_core.turn.content import Part, Refusal, Text, Thinking, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Event,
    Failed,
    TextDelta,
    ThinkingDelta,
)
from tests.redaction.samples import GITHUB, KEY_BLOCK, PASSWORD

VAULT = Vault("stream")
HIDDEN = [
    VAULT.stand_in(secret.encode(), rule).decode()
    for secret, rule in (
        (GITHUB, "github-token"),
        (KEY_BLOCK, "private-key"),
        (PASSWORD, "credential"),
    )
]
WORDS = [
    *HIDDEN,
    *(word[:size] for word in HIDDEN for size in (1, 7, 12, 25)),
    "S",
    "SECRET_",
    " ",
    "a",
    "é😀",
    '"',
    "\\n",
]


def streamed(part: Part, deltas: Iterable[Event], stage: RevealStage | None = None) -> list[Event]:
    stage = stage or RevealStage(VAULT)
    events = [BlockStarted(0, part), *deltas, BlockEnded(0)]
    return [out for event in events for out in stage.feed(event)]


def text_of(events: list[Event]) -> str:
    match events[0]:
        case BlockStarted(part=Text(text=start) | Refusal(text=start) | ToolCall(arguments=start)):
            return start + "".join(event.text for event in events if isinstance(event, TextDelta | ArgumentsDelta))
        case first:
            raise AssertionError(first)


def chunks(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[a:b] for a, b in pairwise(places)]


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.lists(st.integers(0, 10_000), max_size=40))
def test_all_chunkings_of_text_give_the_same(words: list[str], cuts: list[int]) -> None:
    text = "".join(words)
    pieces = chunks(text, cuts)
    events = streamed(Text(pieces[0]), [TextDelta(0, piece) for piece in pieces[1:]])
    assert text_of(events) == reveal_text(text, VAULT)
    assert isinstance(events[-1], BlockEnded)


@given(
    st.lists(st.sampled_from([*HIDDEN, "x", "S", "é", '"', "\\", "\n"]), max_size=8),
    st.lists(st.integers(0, 10_000), max_size=40),
)
def test_arguments_stay_json_however_they_are_cut(words: list[str], cuts: list[int]) -> None:
    command = "".join(words)
    pieces = chunks(json.dumps({"command": command}), cuts)
    events = streamed(ToolCall("1", "bash", pieces[0]), [ArgumentsDelta(0, piece) for piece in pieces[1:]])
    assert json.loads(text_of(events)) == {"command": reveal_text(command, VAULT)}


def test_one_character_at_a_time() -> None:
    text = f"export A={HIDDEN[0]}; echo SECRET_GITHUB_ {HIDDEN[2]}"
    events = streamed(Text(""), [TextDelta(0, letter) for letter in text])
    assert text_of(events) == f"export A={GITHUB}; echo SECRET_GITHUB_ {PASSWORD}"


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8))
def test_no_more_is_held_back_than_the_beginning_of_a_placeholder(words: list[str]) -> None:
    stage, text, out = RevealStage(VAULT), "", ""
    list(stage.feed(BlockStarted(0, Text(""))))
    for letter in "".join(words):
        text += letter
        out += "".join(event.text for event in stage.feed(TextDelta(0, letter)) if isinstance(event, TextDelta))
        shown = reveal_text(text, VAULT)
        held = shown[len(out) :]
        assert shown.startswith(out)
        assert held == "" or any(word.startswith(held) and word != held for word in HIDDEN)


def test_custom_calls_and_refusals_get_the_secret_as_it_is() -> None:
    call = ToolCall("1", "shell", "", custom=True)
    assert text_of(streamed(call, [ArgumentsDelta(0, HIDDEN[2])])) == PASSWORD
    assert text_of(streamed(Refusal(""), [TextDelta(0, HIDDEN[0])])) == GITHUB


def test_an_answer_in_json_stays_json() -> None:
    stage = RevealStage(VAULT, json_answer=True)
    events = streamed(Text(""), [TextDelta(0, json.dumps({"p": HIDDEN[2]}))], stage)
    assert json.loads(text_of(events)) == {"p": PASSWORD}


def test_thinking_keeps_its_placeholders_since_signatures_cover_it() -> None:
    delta = ThinkingDelta(0, HIDDEN[0])
    assert streamed(Thinking(""), [delta])[1] is delta


def test_blocks_that_interleave_do_not_mix() -> None:
    stage, half = RevealStage(VAULT), len(HIDDEN[0]) // 2
    events: list[Event] = [
        BlockStarted(0, Text("")),
        BlockStarted(1, Text("")),
        TextDelta(0, HIDDEN[0][:half]),
        TextDelta(1, HIDDEN[1][:half]),
        TextDelta(0, HIDDEN[0][half:]),
        TextDelta(1, "?"),
    ]
    out = [event for given in events for event in stage.feed(given) if isinstance(event, TextDelta)]
    assert out == [TextDelta(0, GITHUB), TextDelta(1, HIDDEN[1][:half] + "?")]


def test_a_stream_that_breaks_off_loses_nothing() -> None:
    stage = RevealStage(VAULT)
    list(stage.feed(BlockStarted(0, Text(""))))
    assert list(stage.feed(TextDelta(0, "SECRET_GIT"))) == []
    failed = Failed(Fault(FaultKind.UPSTREAM, "gone"))
    assert list(stage.feed(failed)) == [TextDelta(0, "SECRET_GIT"), failed]


def test_a_delta_with_nothing_in_it_passes_untouched() -> None:
    stage = RevealStage(VAULT)
    list(stage.feed(BlockStarted(0, Text(""))))
    delta = TextDelta(0, "plain", logprobs=[{"token": "plain"}])
    (out,) = stage.feed(delta)
    assert out is delta
