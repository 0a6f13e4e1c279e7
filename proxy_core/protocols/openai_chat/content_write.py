"""Parts of a message, written as `content`."""

from __future__ import annotations

from proxy_core.protocols.openai_chat.media import write_media
from proxy_core.protocols.openai_chat.tables import NAME, TITLE
from proxy_core.protocols.openai_chat.writing import Writing
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Text

type Content = str | list[Extra] | None


def write_parts(parts: list[Part], writing: Writing, path: str) -> list[Extra]:
    """Each part that may stand in content; empty texts of other protocols are left out, most backends refuse them."""
    written = (write_part(part, writing, f"{path}.content[{index}]") for index, part in enumerate(parts))
    return [part for part in written if part is not None]


def write_part(part: Part, writing: Writing, path: str) -> Extra | None:
    match part:
        case Text(text="") if not writing.own:
            return None
        case Text():
            return {"type": "text", "text": part.text, **writing.cached(part.cache), **writing.kept(part.extra, path)}
        case Refusal():
            return {"type": "text", "text": part.text}
        case Media():
            return _medium(part, writing, path)
        case Opaque(origin=origin) if origin == NAME and writing.own:
            return part.raw
        case Opaque():
            writing.losses.drop(path, f"{TITLE} has no '{part.kind}'")
        case _:
            writing.losses.drop(path, f"{TITLE} has no such part in a message")
    return None


def _medium(media: Media, writing: Writing, path: str) -> Extra:
    part = write_media(media, writing.dialect, writing.own, path, writing.losses)
    beside = {key: value for key, value in media.extra.items() if key != part["type"]} if writing.own else {}
    return {**part, **writing.cached(media.cache), **beside}


def compact(parts: list[Extra], joint: str | None = None) -> Content:
    """One plain text as a string, which every backend takes; several too where `joint` says how to join them."""
    if not parts:
        return None
    plain = all(part.get("type") == "text" and len(part) == 2 for part in parts)
    if plain and (len(parts) == 1 or joint is not None):
        return (joint or "").join(part["text"] for part in parts)
    return parts
