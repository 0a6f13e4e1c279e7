"""From a name to its row: the first pattern that fits a model, a dialect by its name."""

from __future__ import annotations

import re
from functools import lru_cache

from proxy_core.profiles import anthropic, gemini, openai, others
from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.target import Dialect, ModelProfile

_ROWS: tuple[tuple[re.Pattern[str], ModelProfile], ...] = tuple(
    (re.compile(pattern), profile)
    for rows in (anthropic.MODELS, gemini.MODELS, openai.MODELS, others.MODELS)
    for pattern, profile in rows
)
_UNKNOWN = ModelProfile()


@lru_cache(maxsize=1024)
def profile_of(model: str) -> ModelProfile:
    """The profile of a model by its name, with or without a vendor in front (`anthropic/claude-…`)."""
    name = model.rpartition("/")[2].lower()
    for pattern, profile in _ROWS:
        if pattern.search(name):
            return profile
    return _UNKNOWN


def dialect_of(name: str) -> Dialect:
    """Raises KeyError for a dialect that has no row."""
    return DIALECTS[name]
