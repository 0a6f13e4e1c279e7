from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from proxy_core.config.settings import LoopSettings
from proxy_core.loops.text import LoopObserver, TextLoop
from proxy_core.pipeline.observers import Cut
from proxy_core.turn.content import Text, Thinking, ToolCall
from proxy_core.turn.events import ArgumentsDelta, BlockEnded, BlockStarted, TextDelta, ThinkingDelta
from proxy_core.turn.fold import unfold
from proxy_core.turn.reply import Choice, Reply
from tests.loops.clean import CLEAN
from tests.loops.looping import LOOPING, OPENING, Looping
from tests.recordings import cases

WITHIN = 2000
ENDPOINTS = ("chat", "responses", "messages", "generateContent")


def watch(text: str, size: int = 4, settings: LoopSettings | None = None) -> tuple[int, LoopObserver] | None:
    """How many characters came before the cut, in deltas of `size`; None where nothing was cut."""
    observer = LoopObserver(settings or LoopSettings())
    assert observer.see(BlockStarted(0, Text(""))) is None
    for start in range(0, len(text), size):
        if observer.see(TextDelta(0, text[start : start + size])):
            return min(start + size, len(text)), observer
    return (len(text), observer) if observer.see(BlockEnded(0)) else None


def found(text: str, **settings: int) -> TextLoop | None:
    cut = watch(text, settings=replace(LoopSettings(), **settings))
    return cut[1].found if cut else None


def test_corpora_are_large_enough():
    assert len({loop.name for loop in LOOPING}) == len(LOOPING) >= 60
    assert len(CLEAN) >= 60


@pytest.mark.parametrize("loop", LOOPING, ids=lambda loop: loop.name)
@pytest.mark.parametrize("size", [1, 4, 37])
def test_loop_is_cut_in_time(loop: Looping, size: int):
    cut = watch(loop.text, size)
    assert cut, "not cut at all"
    assert len(loop.opening) < cut[0] <= loop.threshold + WITHIN


@pytest.mark.parametrize("loop", LOOPING, ids=lambda loop: loop.name)
def test_loop_in_one_delta_is_cut(loop: Looping):
    assert watch(loop.text, len(loop.text))


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("size", [3, 64, 5000])
def test_clean_text_is_left_alone(name: str, size: int):
    cut = watch(CLEAN[name], size)
    assert cut is None, cut[1].found


@pytest.mark.parametrize("seed", range(4))
def test_clean_texts_in_one_reply_are_left_alone(seed: int):
    texts = list(CLEAN.values())
    random.Random(seed).shuffle(texts)
    cut = watch("\n\nHere is the next example of what you asked for:\n\n".join(texts)[:60_000], 50)
    assert cut is None, cut[1].found


@pytest.mark.parametrize("name", ["clean.py", "looping.py", "test_text.py"])
def test_this_source_is_left_alone(name: str):
    assert watch(Path(__file__).with_name(name).read_text(encoding="utf-8"), 16) is None


@pytest.mark.parametrize("recording", [case for name in ENDPOINTS for case in cases(name)])
def test_recorded_replies_are_left_alone(recording):
    text = str(recording.reply) if recording.reply else recording.stream.decode()
    assert watch(text[:40_000], 200) is None


def test_chunking_does_not_matter():
    text = OPENING + "Let me check the result once more before I go on. " * 60
    ends = []
    for seed in range(8):
        chance = random.Random(seed)
        observer = LoopObserver(LoopSettings())
        observer.see(BlockStarted(0, Text("")))
        at = 0
        while at < len(text):
            size = chance.choice([1, 2, 5, 40, 300])
            cut = observer.see(TextDelta(0, text[at : at + size]))
            at += size
            if cut:
                break
        ends.append(at)
    assert max(ends) - min(ends) < 400
    assert max(ends) < 1200


def test_thoughts_are_watched_apart_from_the_text():
    observer = LoopObserver(LoopSettings())
    observer.see(BlockStarted(0, Thinking("")))
    observer.see(BlockStarted(1, Text("")))
    cut = None
    for number in range(300):
        assert observer.see(TextDelta(1, f"Word {number * number} follows. ")) is None
        cut = cut or observer.see(ThinkingDelta(0, "Hmm, let me think about it. "))
        if cut:
            break
    assert isinstance(cut, Cut)
    assert observer.found
    assert observer.found.channel == "thinking"
    assert "thoughts" in cut.notice


def test_loop_over_several_blocks_is_cut():
    observer = LoopObserver(LoopSettings())
    cuts = []
    for block in range(200):
        observer.see(BlockStarted(block, Text("")))
        cuts.append(observer.see(TextDelta(block, "I will now read the file again.\n")))
        cuts.append(observer.see(BlockEnded(block)))
    assert any(cuts)


def test_choices_are_told_apart():
    observer = LoopObserver(LoopSettings())
    for choice in range(100):
        observer.see(BlockStarted(choice, Text(""), choice))
        assert observer.see(TextDelta(choice, "The same answer, once for each of the choices asked for.")) is None


def test_text_that_stands_in_the_first_event_counts():
    observer = LoopObserver(LoopSettings())
    assert observer.see(BlockStarted(0, Text("again and " * 200)))


def test_arguments_are_not_looked_at():
    observer = LoopObserver(LoopSettings())
    observer.see(BlockStarted(0, ToolCall("a", "write", "")))
    assert not any(observer.see(ArgumentsDelta(0, "again and ")) for _ in range(2000))


def test_only_one_cut_is_made():
    observer = LoopObserver(LoopSettings())
    observer.see(BlockStarted(0, Text("")))
    cuts = [observer.see(TextDelta(0, "again and ")) for _ in range(2000)]
    assert len(list(filter(None, cuts))) == 1


def test_whole_replies_are_watched_the_same_way():
    observer = LoopObserver(LoopSettings())
    reply = Reply("r", "m", [Choice(0, [Text("again and " * 400)])])
    assert any(observer.see(event) for event in unfold(reply))


def test_switched_off():
    assert found("again and " * 1000) is not None
    cut = watch("again and " * 1000, settings=LoopSettings(enabled=False))
    assert cut is None


@pytest.mark.parametrize(
    ("unit", "setting"),
    [("again and ", "min_repetitions_short"), ("again and then ", "min_repetitions_medium")],
)
def test_repetitions_can_be_raised(unit: str, setting: str):
    assert found(unit * 150) is not None
    assert found(unit * 150, **{setting: 200}) is None
    assert found(unit * 300, **{setting: 200}) is not None


def test_repetitions_beyond_the_buffer_are_counted():
    """A run is counted on when its beginning is no longer remembered."""
    unit = "and then one word follows the other, but no sentence ever comes to an end, however long we wait "
    loop = found(unit * 60, min_repetitions_long=40, min_length=1500)
    assert loop
    assert loop.repetitions >= 40
    assert loop.length > 2048


def test_longest_pattern():
    unit = "".join(f"{chr(97 + n)}{n * n * 7919} " for n in range(26))
    assert found(unit * 30, max_pattern_length=len(unit))
    assert found(unit * 30, max_pattern_length=len(unit) - 1) is None


def test_notice_says_what_and_how_to_go_on():
    observer = LoopObserver(LoopSettings(), "%%set(loop-detection=false)")
    observer.see(BlockStarted(0, Text("")))
    cut = observer.see(TextDelta(0, OPENING + "Let me check once more. " * 100))
    assert cut
    assert cut.why == "loop"
    for part in ("%%set(loop-detection=false)", "repeat itself", "Let me check once more.", "go on"):
        assert part in cut.notice


def test_notice_without_commands_names_the_setting():
    observer = LoopObserver(LoopSettings(), None)
    observer.see(BlockStarted(0, Text("")))
    cut = observer.see(TextDelta(0, "Let me check once more. " * 100))
    assert cut
    assert "LOOP_DETECTION_ENABLED=false" in cut.notice
