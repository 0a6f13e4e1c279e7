"""Counts the tokens of answers that are no chat: embeddings, images, completions of a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Any

from proxy_core.exchange.meter import Meter
from proxy_core.turn.reply import Usage
from proxy_core.wire.sse import Frame, FrameSplitter

_USAGE = re.compile(rb'(?<!\\)"usage"\s*:\s*(?=\{)')
_LONGEST = 4096
"""Bytes that such an object takes at most."""
_DECODER = JSONDecoder()


@dataclass(slots=True)
class BodyMeter(Meter):
    """Knows what the provider says, and estimates nothing."""

    estimates: bool = False

    def scan(self, body: bytes) -> None:
        """Looks for the usage alone: the rest may be megabytes of vectors and pictures."""
        for found in _USAGE.finditer(body):
            self._count(_usage(body[found.end() : found.end() + _LONGEST]))


class TappedSplitter(FrameSplitter):
    """Shows each frame to a meter as it goes by."""

    def __init__(self, meter: BodyMeter) -> None:
        super().__init__()
        self._meter = meter

    def feed(self, data: bytes) -> list[Frame]:
        return self._seen(super().feed(data))

    def flush(self) -> list[Frame]:
        return self._seen(super().flush())

    def _seen(self, frames: list[Frame]) -> list[Frame]:
        for frame in frames:
            self._meter.scan(frame.raw)
        return frames


def _usage(data: bytes) -> Usage | None:
    """https://platform.openai.com/docs/api-reference: embeddings and completions say prompt_tokens, images say
    input_tokens."""
    try:
        raw, _ = _DECODER.raw_decode(data.decode("utf-8", "replace"))
    except (JSONDecodeError, RecursionError):
        return None
    prompt, output = _either(raw, "prompt_tokens", "input_tokens"), _either(raw, "completion_tokens", "output_tokens")
    if prompt is None and output is None:
        return None
    details = raw.get("prompt_tokens_details")
    cached = _either(details, "cached_tokens") if isinstance(details, dict) else None
    fresh = None if prompt is None else max(0, prompt - (cached or 0))
    return Usage(input=fresh, cache_read=cached, output=output)


def _either(raw: dict[str, Any], *names: str) -> int | None:
    found = (raw.get(name) for name in names)
    return next((count for count in found if isinstance(count, int) and not isinstance(count, bool)), None)
