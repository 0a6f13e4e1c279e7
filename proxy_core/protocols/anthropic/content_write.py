"""Parts written as content blocks."""

from __future__ import annotations

import base64
from typing import Any

from proxy_core.protocols.anthropic.names import GIVEN, ORIGIN, PREVIOUS, public
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.seals import sealed_for
from proxy_core.wire.json import loads


def write_block(part: Part, *, own: bool = False) -> dict[str, Any] | None:
    """`part` as a content block; None where this protocol has none for it.

    `own`: the part was read from this protocol, so its extras are written back. Foreign seals on thoughts go out
    in their envelope; seals on other parts need a block of their own (`carrier_block`).
    """
    block = _written(part, own)
    if block is None or isinstance(part, Opaque):
        return block
    if own:
        block |= public(part.extra)
    if not isinstance(part, Thinking | Refusal) and part.cache is not None:
        block["cache_control"] = part.cache
    return block


def carrier_block(seal: Seal, *, previous: bool = False) -> dict[str, Any]:
    """A thinking block without text that carries a part's foreign seal through a client.

    It stands right before the part, or with `previous` right after it.
    """
    carried = Seal(seal.origin, PREVIOUS + seal.data) if previous else seal
    return {"type": "thinking", "thinking": "", "signature": sealed_for(carried, ORIGIN)}


def _written(part: Part, own: bool) -> dict[str, Any] | None:
    match part:
        case Text():
            return _text_block(part, own)
        case Thinking():
            return _thinking_block(part)
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": tool_input(part)}
        case ToolResult():
            return _result_block(part, own)
        case Media():
            return _media_block(part, own)
        case Refusal():
            return {"type": "text", "text": part.text}
        case Opaque():
            return part.raw if part.origin == ORIGIN else None


def _text_block(part: Text, own: bool) -> dict[str, Any]:
    given = part.extra.get(GIVEN) if own else None
    if given and given["text"] == part.text:
        return dict(given["block"])
    return {"type": "text", "text": part.text}


def _thinking_block(part: Thinking) -> dict[str, Any]:
    sealed = sealed_for(part.seal, ORIGIN) if part.seal else ""
    if part.redacted:
        return {"type": "redacted_thinking", "data": sealed}
    return {"type": "thinking", "thinking": part.text, "signature": sealed}


def tool_input(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object. Free text, and what is no JSON object, becomes the argument `input`."""
    if call.custom:
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        value = loads(call.arguments)
    except (ValueError, RecursionError):
        return {"input": call.arguments}
    return value if isinstance(value, dict) else {"input": value}


def _result_block(part: ToolResult, own: bool) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id}
    content = [written for inner in part.content if (written := write_block(inner, own=own)) is not None]
    if content:
        block["content"] = content
    if part.is_error is not None:
        block["is_error"] = part.is_error
    return block


def _media_block(part: Media, own: bool) -> dict[str, Any] | None:
    if part.kind not in ("image", "document"):
        return None
    block: dict[str, Any] = {"type": part.kind, "source": media_source(part, own)}
    if part.kind == "document" and part.name:
        block["title"] = part.name
    return block


def media_source(part: Media, own: bool = False) -> Extra:
    if own and GIVEN in part.extra:
        return part.extra[GIVEN]
    if part.url is not None:
        return {"type": "url", "url": part.url}
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    text = decoded_text(part) if part.kind == "document" and part.media_type == "text/plain" else None
    if text is not None:
        return {"type": "text", "media_type": "text/plain", "data": text}
    return {"type": "base64", "media_type": part.media_type, "data": part.data or ""}


def decoded_text(part: Media) -> str | None:
    """The text of a document; None when its bytes are no UTF-8."""
    try:
        return base64.b64decode(part.data or "", validate=True).decode("utf-8", "surrogatepass")
    except ValueError:  # bytes that are no UTF-8, characters that are no base64
        return None
