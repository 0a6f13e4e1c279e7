"""One part, written as Gemini's, for a request or a reply (https://ai.google.dev/api/caching#Part)."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.gemini.names import MADE_UP_ID, ORIGIN, public
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.seals import sealed_for
from proxy_core.wire.json import loads

_MEDIA_TYPES = {"image": "image/png", "document": "application/pdf", "audio": "audio/wav", "video": "video/mp4"}


def write_part(part: Part, *, own_extra: bool = True, foreign_seals: bool = True) -> dict[str, Any] | None:
    """None for what Gemini has no part for: a foreign Opaque, a ToolResult, a file without data or address.

    `own_extra`: the part's extra was read from Gemini and may be written back. `foreign_seals`: a client is to keep
    other providers' signatures, in their envelopes; a backend gets its own only.
    """
    match part:
        case Text():
            written: dict[str, Any] = (
                {} if "_no_text" in part.extra and own_extra and not part.text else {"text": part.text}
            )
        case Thinking():
            written = {"text": part.text, "thought": True}
        case Refusal():
            written = {"text": part.text}
        case ToolCall():
            written = {"functionCall": _call(part)}
        case Media():
            written = _media(part)
        case Opaque():
            return dict(part.raw) if part.origin == ORIGIN else None
        case ToolResult():
            return None
    if not written and not isinstance(part, Text):
        return None
    seal = None if isinstance(part, Refusal) else part.seal
    if seal and seal.origin != ORIGIN and not foreign_seals:
        seal = None
    return finished(written, part.extra if own_extra else {}, seal)


def finished(written: dict[str, Any], extra: Extra, seal: Seal | None) -> dict[str, Any]:
    """`written` with its signature and with the fields that only Gemini knows."""
    for name, value in public(extra).items():
        if name in written and isinstance(written[name], dict):
            written[name] |= value
        else:
            written.setdefault(name, value)
    if seal is not None:
        written["thoughtSignature"] = sealed_for(seal, ORIGIN)
    return written


def _call(call: ToolCall) -> dict[str, Any]:
    named: dict[str, Any] = {"name": call.name, "args": arguments_of(call)}
    return {"id": call.id, **named} if call.id and MADE_UP_ID not in call.extra else named


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Gemini's arguments are an object; free text, or what a model wrote wrongly, goes under `input`."""
    if call.custom:
        return {"input": call.arguments}
    try:
        value = loads(call.arguments) if call.arguments.strip() else {}
    except ValueError:
        return {"input": call.arguments}
    return value if isinstance(value, dict) else {"input": value}


def _media(media: Media) -> dict[str, Any]:
    named = {"displayName": media.name} if media.name is not None else {}
    if media.data is not None:
        return {"inlineData": {"mimeType": media_type_of(media), "data": media.data, **named}}
    uri = media.url or media.file_id
    if not uri:
        return {}
    typed = {"mimeType": media.media_type} if media.media_type else {}
    return {"fileData": {**typed, "fileUri": uri, **named}}


def media_type_of(media: Media) -> str:
    return media.media_type or _MEDIA_TYPES[media.kind]
