"""A whole reply. The same content as it streams is in `turn.events`; `turn.fold` turns one into the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from proxy_core.turn.content import Extra, Part, ProtocolName

type FinishReason = Literal[
    "stop", "length", "tool_calls", "content_filter", "refusal", "stop_sequence", "pause", "error", "other"
]


BILLED_NOTE = "_billed"
"""Extra of a usage: what is paid for, `{"input_tokens", "output_tokens"}`, where that is not what was read (Cohere)."""


@dataclass(slots=True)
class Usage:
    """Token counts. None means the provider did not say.

    `input` is what was neither read from nor written to a cache. `output` includes `reasoning`.
    OpenAI's prompt_tokens and Gemini's promptTokenCount include cached tokens, Anthropic's exclude them;
    Gemini's candidatesTokenCount excludes thoughts: the readers even this out.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None
    extra: Extra = field(default_factory=dict)

    @property
    def cache_write(self) -> int:
        return (self.cache_write_5m or 0) + (self.cache_write_1h or 0)

    @property
    def prompt(self) -> int:
        """All input tokens, cached or not."""
        return (self.input or 0) + (self.cache_read or 0) + self.cache_write


@dataclass(slots=True)
class Choice:
    index: int
    parts: list[Part]
    finish: FinishReason | None = None
    raw_finish: str | None = None
    stop_sequence: str | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Reply:
    """`created` is in seconds since 1970; None where the protocol does not say."""

    id: str
    model: str
    choices: list[Choice]
    usage: Usage | None = None
    created: int | None = None
    extra: Extra = field(default_factory=dict)
    origin: ProtocolName | None = None
    """The protocol whose reader made it: only its writer puts extras and raw finish reasons back."""
