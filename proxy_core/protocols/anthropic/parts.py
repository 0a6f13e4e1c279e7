"""Parts of other protocols made into such as Anthropic takes.

https://platform.claude.com/docs/en/build-with-claude/vision and /pdf-support
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import replace

from proxy_core.protocols.anthropic.content_write import decoded_text
from proxy_core.protocols.anthropic.names import ORIGIN
from proxy_core.protocols.anthropic.writing import API, Writing
from proxy_core.turn.content import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult

UNSIGNED = "thinking"
"""The path under which dropped thoughts are reported."""
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_TYPE_OF_START: dict[str, str] = {
    "/9j/": "image/jpeg",
    "iVBORw0KGgo": "image/png",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi0": "application/pdf",
}
"""How base64 of these formats begins. An image whose type is named wrongly is refused."""
_TEXTS = re.compile(r"text/.+|application/(json|xml|yaml|x-yaml|javascript|toml|sql)|.+\+(json|xml)")


def fitted_parts(parts: Iterable[Part], path: str, writing: Writing) -> list[Part]:
    """The parts of one message (`path` is that of its content), with what cannot be carried reported."""
    fitted: list[Part] = []
    for index, part in enumerate(parts):
        fitted += _fitted(part, f"{path}[{index}]", writing)
    return fitted


def _fitted(part: Part, path: str, writing: Writing) -> list[Part]:
    if not isinstance(part, Opaque):
        writing.kept(part.extra, path)
    match part:
        case Text():
            if part.logprobs:
                writing.losses.drop(f"{path}.logprobs", f"{API} has no such field")
            return [Text(part.text, cache=part.cache)] if part.text.strip() else []
        case Refusal():
            return [Text(part.text)] if part.text.strip() else []
        case Thinking():
            return [part] if readable(part, writing) else []
        case ToolCall():
            return [part]
        case ToolResult():
            return [replace(part, content=fitted_parts(part.content, f"{path}.content", writing))]
        case Media():
            return [_fitted_media(part, path, writing)]
        case Opaque():
            if part.origin == ORIGIN:
                return [part]
            writing.losses.drop(path, f"'{part.kind}' is known to its own provider only")
            return []


def readable(part: Thinking, writing: Writing) -> bool:
    """Thoughts come back to Anthropic only with Anthropic's own signature (T36: their text may be empty)."""
    if part.seal and part.seal.origin == ORIGIN and part.seal.data:
        return True
    if part.text or part.seal:
        writing.losses.drop(UNSIGNED, "Anthropic takes back only thoughts that it has signed")
    return False


def _fitted_media(part: Media, path: str, writing: Writing) -> Part:
    fitted = _typed(part)
    if fitted is None:
        writing.losses.drop(path, f"{API} does not take this {part.kind} ({part.media_type or 'of unknown type'})")
        named = f" '{part.name}'" if part.name else ""
        return Text(f"[An attached {part.kind}{named} was left out, since this model cannot take it.]")
    return fitted


def _typed(part: Media) -> Media | None:
    """The image or document with its true type; None when Anthropic does not take it."""
    if part.kind not in ("image", "document") or part.file_id is not None:
        return None
    if part.url is not None:
        return part if part.url.startswith(("https://", "http://")) else None
    data = _clean_base64(part.data or "")
    if data is None:
        return None
    found = next((kind for start, kind in _TYPE_OF_START.items() if data.startswith(start)), part.media_type)
    if found in _IMAGES:
        return replace(part, kind="image", media_type=found, data=data, name=None)
    if found == "application/pdf":
        return replace(part, kind="document", media_type=found, data=data)
    return _text_document(replace(part, data=data, media_type=found))


def _text_document(part: Media) -> Media | None:
    kind = (part.media_type or "").partition(";")[0].strip()
    if part.kind != "document" or not _TEXTS.fullmatch(kind) or decoded_text(part) is None:
        return None
    return replace(part, media_type="text/plain")


def _clean_base64(data: str) -> str | None:
    """Standard, padded base64; Gemini's clients send the URL-safe alphabet too."""
    data = "".join(data.split()).replace("-", "+").replace("_", "/").rstrip("=")
    data += "=" * (-len(data) % 4)
    try:
        return data if base64.b64decode(data, validate=True) else None
    except ValueError:  # also for characters that are no ASCII
        return None
