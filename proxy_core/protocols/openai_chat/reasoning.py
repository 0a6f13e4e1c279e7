"""Thoughts: OpenRouter's `reasoning_details`, the signatures in them, and Google's `thought_signature`.

https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
https://ai.google.dev/gemini-api/docs/thought-signatures#openai

Details that hold a signature or encrypted data become a seal of this protocol: the seal's data is their JSON, so that
they come back to the vendor as they were, whichever protocol the client speaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from proxy_core.protocols.openai_chat.tables import FIELD_NOTE, NAME
from proxy_core.turn.content import Extra, Part, Seal, Text, Thinking, ToolCall
from proxy_core.turn.seals import sealed_for, unsealed_from
from proxy_core.wire.json import dumps, loads

DETAILS_FIELD = "reasoning_details"
_OUR_FORMAT = "parley-v1"
_DETAILS_START = "[{"


def is_sealed(detail: Any) -> bool:
    return isinstance(detail, dict) and bool(detail.get("signature") or detail.get("data"))


def text_of_details(details: Any) -> str:
    if not isinstance(details, list):
        return ""
    texts = [detail.get("text") or detail.get("summary") for detail in details if isinstance(detail, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def seal_of_details(details: list[Extra]) -> Seal:
    return Seal(NAME, dumps(details).decode())


def read_details(details: Any, text: str, field: str) -> list[Thinking]:
    """The thoughts of a message whose plain reasoning is `text` ("" when it has none)."""
    entries = [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    foreign = [entry for entry in entries if entry.get("format") == _OUR_FORMAT]
    if foreign:
        return [_foreign_thinking(entry) for entry in foreign]
    if not text:
        text, field = text_of_details(entries), DETAILS_FIELD
    seal = seal_of_details(entries) if any(is_sealed(entry) for entry in entries) else None
    if not text and not seal:
        return []
    return [Thinking(text, seal, redacted=not text, extra={FIELD_NOTE: field})]


def _foreign_thinking(entry: Extra) -> Thinking:
    carried = entry.get("signature") or entry.get("data")
    seal = unsealed_from(carried, NAME) if isinstance(carried, str) and carried else None
    text = entry.get("text")
    return Thinking(text if isinstance(text, str) else "", seal, redacted=entry.get("type") == "reasoning.encrypted")


def own_details(seal: Seal | None) -> list[Extra]:
    """The details behind a seal of this protocol; none for any other."""
    if seal is None or seal.origin != NAME or not seal.data.startswith(_DETAILS_START):
        return []
    try:
        details = loads(seal.data)
    except orjson.JSONDecodeError:
        return []
    return [detail for detail in details if isinstance(detail, dict)]


def shown_details(thinking: Thinking, index: int) -> list[Extra]:
    """What a client is shown of a thought's seal: the vendor's own details, or an envelope for a foreign seal."""
    if thinking.seal is None:
        return []
    if own := own_details(thinking.seal):
        return own
    carried = sealed_for(thinking.seal, NAME)
    if thinking.redacted:
        return [{"type": "reasoning.encrypted", "data": carried, "format": _OUR_FORMAT, "index": index}]
    detail = {"type": "reasoning.text", "text": thinking.text, "signature": carried}
    return [{**detail, "format": _OUR_FORMAT, "index": index}]


def replayed_details(parts: Iterable[Part]) -> list[Extra]:
    """`reasoning_details` of a past assistant message, from wherever a client of another protocol kept them."""
    details: list[Extra] = []
    for part in parts:
        match part:
            case Thinking() | ToolCall() | Text() if own := own_details(part.seal):
                details += own
            case Thinking() if part.text:
                details.append({"type": "reasoning.text", "text": part.text, "format": "unknown", "index": 0})
            case _:
                pass
    return details


def read_thought_signature(extra_content: Any) -> Seal | None:
    google = extra_content.get("google") if isinstance(extra_content, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return unsealed_from(signature, NAME) if isinstance(signature, str) and signature else None


def shown_thought_signature(seal: Seal) -> Extra:
    return {"google": {"thought_signature": sealed_for(seal, NAME)}}


def replayed_thought_signature(seal: Seal | None) -> Extra | None:
    """`extra_content` for the backend: only a signature that a chat backend made."""
    if seal is None or seal.origin != NAME or seal.data.startswith(_DETAILS_START):
        return None
    return {"google": {"thought_signature": seal.data}}
