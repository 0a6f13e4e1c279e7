"""Parts of a message, written as `content`."""

from __future__ import annotations

from proxy_core.protocols.cohere.names import API
from proxy_core.protocols.cohere.writing import Writing
from proxy_core.turn.content import Extra, Media, Opaque, Part, Text
from proxy_core.turn.media import data_url, marker, plain_text

_FOLLOWS = "[image {number} of this result is in the next user message]"


def write_parts(parts: list[Part], writing: Writing, path: str) -> list[Extra]:
    """Each part that may stand in content; a text that says nothing is refused (https://docs.cohere.com/reference/errors)."""
    written = (_written(part, writing, f"{path}.content[{index}]") for index, part in enumerate(parts))
    return [part for part in written if part is not None]


def _written(part: Part, writing: Writing, path: str) -> Extra | None:
    match part:
        case Text(text=""):
            return None
        case Text():
            writing.lose(part.extra, path)
            writing.lose_cache(part.cache)
            return {"type": "text", "text": part.text}
        case Media():
            writing.lose_cache(part.cache)
            return _medium(part, writing, path)
        case Opaque():
            writing.losses.drop(path, f"{API} has no '{part.kind}'")
        case _:
            writing.losses.drop(path, f"{API} has no such part in a message")
    return None


def _medium(media: Media, writing: Writing, path: str) -> Extra:
    """https://docs.cohere.com/docs/image-inputs"""
    if media.kind == "image" and (media.data is not None or media.url):
        extra = dict(media.extra)
        more = extra.pop("image_url", {})
        detail = {"detail": more["detail"]} if "detail" in more else {}
        writing.lose(extra, path)
        return {"type": "image_url", "image_url": {"url": data_url(media), **detail}}
    if media.kind == "document" and (text := plain_text(media)) is not None:
        return {"type": "text", "text": text}
    writing.losses.change(path, f"{API} takes no such {media.kind}; its place is marked in the text")
    return {"type": "text", "text": marker(media)}


def flat(parts: list[Extra], joint: str) -> str | list[Extra]:
    """Texts alone as a string."""
    if all(part["type"] == "text" for part in parts):
        return joint.join(part["text"] for part in parts)
    return parts


def media_of_result(parts: list[Extra]) -> tuple[list[str], list[Extra]]:
    """A tool's result holds no images: its texts, with marks where an image was, and the images."""
    texts: list[str] = []
    images: list[Extra] = []
    for part in parts:
        if part["type"] == "text":
            texts.append(part["text"])
        else:
            images.append(part)
            texts.append(_FOLLOWS.format(number=len(images)))
    return texts, images
