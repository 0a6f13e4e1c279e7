"""What is kept of an answer that repeats itself."""

from __future__ import annotations

import pytest

from proxy_core.loops.moving_on import before_repetition
from proxy_core.loops.text import TextLoop
from tests.loops.looping import LOOPING, Looping
from tests.loops.test_text import watch

OPENING = "There are several proofs of it.\n\n"


@pytest.mark.parametrize(
    ("said", "unit", "kept"),
    [
        ("One more time. " * 40, "One more time. ", "One more time. "),
        ("One more time. " * 40 + "One mo", "One more time. ", "One more time. "),
        ("ha" * 400, "ha", "ha"),
        ("Try A. Now B. Try A. So C. Try A. ", "Try A", "Try A"),
        ("no such thing", "something else", "no such thing"),
    ],
)
def test_what_was_repeated_stands_there_once(said: str, unit: str, kept: str) -> None:
    assert before_repetition(OPENING + said, TextLoop("text", "", 4, 100, unit)) == OPENING + kept


def test_thoughts_that_repeat_themselves_take_nothing_off_the_text() -> None:
    assert before_repetition("a a a a", TextLoop("thinking", "", 4, 8, "a ")) == "a a a a"


@pytest.mark.parametrize("loop", LOOPING, ids=lambda loop: loop.name)
def test_of_every_loop_that_is_found_something_is_taken_off_its_end(loop: Looping) -> None:
    cut = watch(loop.text)
    assert cut
    assert cut[1].found
    said = loop.text[: cut[0]]
    kept = before_repetition(said, cut[1].found)
    assert said.startswith(kept)
    assert len(kept) < len(said)
