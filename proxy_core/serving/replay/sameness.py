"""What of a request tells it apart, so that it is found again in a later run: ids, dates, times and the model's name
are different then."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from proxy_core.protocols import MESSAGES
from proxy_core.sessions.transcript import transcript
from proxy_core.turn.content import ProtocolName
from proxy_core.wire.json import dumps

_LEFT_OUT = frozenset(
    {
        "model",
        "user",
        "metadata",
        "client_metadata",
        "prompt_cache_key",
        "prompt_cache_retention",
        "previous_response_id",
        "safety_identifier",
        "session_id",
        "store",
        "service_tier",
        "stream_options",
        "cache_control",
    }
)
"""Fields that do not change what is asked."""

_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_VOLATILE = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|\b\d{4}-\d\d-\d\d(?:[T _]\d\d[:-]?\d\d(?:[:-]?\d\d)?(?:[.,]\d+)?(?:Z|\s?[+-]\d\d:?\d\d)?)?"
    r"|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b"
    r"|\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?:\s?[AP]M\b)?"
    rf"|\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?(?:{_MONTHS})[a-z]*\.?\s+\d{{1,2}}(?:,?\s+\d{{4}})?\b"
    rf"|\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?\d{{1,2}}\s+(?:{_MONTHS})[a-z]*(?:,?\s+\d{{4}})?\b"
    r"|\b(?:call|toolu|msg|chatcmpl|resp|fc|ctc|rs|req|item|run|sess|session|thread|conv)[_-]\w{6,}"
    r"|\b[0-9a-f]{16,}\b"
    r"|\b\d{10,13}(?:\.\d+)?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sameness:
    """`whole` stands for all that is asked; `conversation` for its system text and first user text, `opening` for the
    latter alone ("" where there is none). `steps` counts messages. `begins` is for people."""

    whole: str
    conversation: str
    opening: str
    steps: int
    begins: str


def sameness(body: dict[str, Any], protocol: ProtocolName) -> Sameness:
    settled = _settled(body)
    seen = transcript(settled, protocol)
    messages = settled.get(MESSAGES[protocol])
    opening = str(seen.texts[0]) if seen.texts else ""
    return Sameness(
        whole=hashlib.blake2b(dumps(settled), digest_size=16).hexdigest(),
        conversation=f"{seen.system}/{opening}",
        opening=opening,
        steps=len(messages) if isinstance(messages, list) else 1,
        begins=_beginning(messages),
    )


def _settled(value: Any) -> Any:
    """Without what differs from run to run. Fields in order, since a client's are not always in the same."""
    match value:
        case str():
            return _VOLATILE.sub("#", value).strip()
        case list():
            return [_settled(item) for item in value]
        case dict():
            return {key: _settled(value[key]) for key in sorted(value) if key not in _LEFT_OUT}
        case _:
            return value


def _beginning(messages: Any) -> str:
    """Of the newest text, in one line."""
    newest = messages[-1] if isinstance(messages, list) and messages else messages
    texts = [text for text in _texts(newest) if text]
    return " ".join(texts[-1].split())[:80] if texts else ""


def _texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for item in value for text in _texts(item)]
        case dict():
            named = ("content", "parts", "text", "output", "response", "input")
            return [text for name in named for text in _texts(value.get(name))]
        case _:
            return []
