"""Images, files, sounds and films in messages."""

from __future__ import annotations

from typing import Any

from proxy_core.profiles.target import Dialect
from proxy_core.turn.content import Extra, Media
from proxy_core.turn.losses import Losses
from proxy_core.turn.media import data_url, marker, plain_text
from proxy_core.wire.fields import optional_string, record, string

_DATA_URL = "data:"
_AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
    "audio/aiff": "aiff",
    "audio/pcm": "pcm16",
}
_AUDIO_TYPES = {form: media_type for media_type, form in reversed(_AUDIO_FORMATS.items())}
_EXTENSIONS = {"application/pdf": "pdf", "text/plain": "txt", "text/csv": "csv", "text/markdown": "md"}


def read_image(value: Any, path: str) -> Media:
    """`image_url` is an object, or (Mistral) the URL itself."""
    if isinstance(value, str):
        return _located("image", value, {})
    fields = dict(record(value, path))
    return _located("image", string(fields.pop("url", None), f"{path}.url"), _image_extra(fields))


def _image_extra(fields: Extra) -> Extra:
    return {"image_url": fields} if fields else {}


def read_video(value: Any, path: str) -> Media:
    fields = dict(record(value, path))
    url = string(fields.pop("url", None), f"{path}.url")
    return _located("video", url, {"video_url": fields} if fields else {})


def read_audio(value: Any, path: str) -> Media:
    fields = dict(record(value, path))
    data = string(fields.pop("data", None), f"{path}.data")
    form = string(fields.pop("format", "wav"), f"{path}.format")
    extra: Extra = {"input_audio": fields} if fields else {}
    return Media("audio", _AUDIO_TYPES.get(form, f"audio/{form}"), data=data, extra=extra)


def read_file(value: Any, path: str) -> Media:
    """`file_data` is a data URL; OpenRouter takes a plain URL there, some clients send bare base64."""
    fields = dict(record(value, path))
    name = optional_string(fields.pop("filename", None), f"{path}.filename")
    file_id = optional_string(fields.pop("file_id", None), f"{path}.file_id")
    data = optional_string(fields.pop("file_data", None), f"{path}.file_data")
    extra: Extra = {"file": fields} if fields else {}
    if data is None:
        return Media("document", file_id=string(file_id, f"{path}.file_id"), name=name, extra=extra)
    if not data.startswith((_DATA_URL, "http://", "https://")):
        return Media("document", "application/pdf", data=data, name=name, extra=extra)
    media = _located("document", data, extra)
    media.name = name
    return media


def _located(kind: Any, url: str, extra: Extra) -> Media:
    head, comma, data = url.partition(",")
    if url.startswith(_DATA_URL) and comma and head.endswith(";base64"):
        media_type = head[len(_DATA_URL) : -len(";base64")].partition(";")[0]
        return Media(kind, media_type or None, data=data, extra=extra)
    return Media(kind, url=url, extra=extra)


def write_media(media: Media, dialect: Dialect, own: bool, path: str, losses: Losses) -> Extra:
    """A content part, or a text part that says what could not be sent."""
    if media.kind == "document" and not own and (text := plain_text(media)) is not None:
        return {"type": "text", "text": text}
    part = _native(media, dialect, own)
    if part is None:
        losses.change(path, f"{dialect.name} takes no such {media.kind}; its place is marked in the text")
        return {"type": "text", "text": marker(media)}
    if not own:
        losses.drop_extra(path, media.extra, "Chat completions")
    return part


def _native(media: Media, dialect: Dialect, own: bool) -> Extra | None:
    more = media.extra if own else {}
    match media.kind:
        case "image" if media.data is not None or (media.url and dialect.image_urls):
            return {"type": "image_url", "image_url": {"url": data_url(media), **more.get("image_url", {})}}
        case "audio" if media.data is not None and dialect.audio:
            form = _AUDIO_FORMATS.get(media.media_type or "", (media.media_type or "audio/wav").partition("/")[2])
            sound = {"data": media.data, "format": form, **more.get("input_audio", {})}
            return {"type": "input_audio", "input_audio": sound}
        case "video" if (media.data or media.url) and (dialect.video or own):
            return {"type": "video_url", "video_url": {"url": data_url(media), **more.get("video_url", {})}}
        case "document" if dialect.documents and (own or media.url is None or dialect.document_urls):
            return _file(media, own, more.get("file", {}))
        case _:
            return None


def _file(media: Media, own: bool, more: Extra) -> Extra | None:
    name = media.name or (None if own else f"document.{_EXTENSIONS.get(media.media_type or '', 'pdf')}")
    named = {"filename": name} if name else {}
    if media.file_id is not None:
        return {"type": "file", "file": {**named, "file_id": media.file_id, **more}} if own else None
    return {"type": "file", "file": {**named, "file_data": data_url(media), **more}}
