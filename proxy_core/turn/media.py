"""Media in the forms that several protocols have for them."""

from __future__ import annotations

import base64
import binascii

from proxy_core.turn.content import Media


def data_url(media: Media) -> str:
    """The medium as a URL, inline where its data is at hand."""
    if media.data is None:
        return media.url or ""
    defaults = {"image": "image/png", "document": "application/pdf", "audio": "audio/wav", "video": "video/mp4"}
    return f"data:{media.media_type or defaults[media.kind]};base64,{media.data}"


def plain_text(media: Media) -> str | None:
    """The words of a text document; most backends take no file but PDF."""
    if media.data is None or not (media.media_type or "").startswith("text/"):
        return None
    try:
        return base64.b64decode(media.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def marker(media: Media) -> str:
    """What stands in the place of a medium that a backend does not take."""
    where = media.name or media.url or media.media_type or "not shown"
    return f"[{media.kind}: {where}]"
