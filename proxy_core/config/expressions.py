"""The user's own regular expressions: RE2's, which take linear time whatever text they are tried on."""

from __future__ import annotations

from typing import Any

import re2


def expression(text: str) -> Any:
    """`text` compiled; like a pattern of the standard library. Raises ValueError that says what is wrong with it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0]
        words = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"is no regular expression of RE2: {words}") from None
