"""Text that is nothing but blanks for a long stretch: looking for an end must not begin anew at each of them."""

from __future__ import annotations

import pytest

from proxy_core.commands.wrappers import BRACKETS
from proxy_core.protocols.anthropic import faults


@pytest.mark.parametrize("before", ["", "text", "text\n\n   ", "\n \n"])
def test_the_end_of_pasted_files_is_found_behind_blanks(before: str) -> None:
    ending = BRACKETS[0][1]
    assert ending.search(f"{before}--- End of content ---")
    assert bool(ending.match(f"{before}--- End of content ---")) is not before.startswith("text")


def test_long_stretches_are_read_once() -> None:
    """Each of these took minutes."""
    assert BRACKETS[0][1].search("x" + " \n" * 200_000) is None
    assert faults._PROMPT.search("1" * 200_000) is None
    assert faults._COMPLETION.search("1" * 200_000) is None
