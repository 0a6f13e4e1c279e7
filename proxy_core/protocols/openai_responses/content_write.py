"""Content parts of messages and tool outputs, written."""

from __future__ import annotations

from proxy_core.protocols.openai_responses.content_read import text_type
from proxy_core.protocols.openai_responses.names import CONTENT, GIVEN, ORIGIN, TYPE
from proxy_core.protocols.openai_responses.writing import API, Writing
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Text

_LEFT_OUT = "[An attached {kind} was left out, since this model cannot take it.]"
_EXTENSIONS = {"application/pdf": "pdf", "text/plain": "txt", "text/html": "html", "text/csv": "csv"}


def write_content(parts: list[Part], role: str, writing: Writing, path: str) -> list[Extra]:
    written = [write_part(part, role, writing, f"{path}[{index}]") for index, part in enumerate(parts)]
    return [part for part in written if part is not None]


def write_part(part: Part, role: str, writing: Writing, path: str) -> Extra | None:
    """One content part, or None when the API has nothing for it (which is reported)."""
    match part:
        case Text():
            return write_text(part, role, writing, path)
        case Refusal() if role == "assistant":
            return {"type": "refusal", "refusal": part.text, **writing.kept(part.extra, path)}
        case Refusal():
            return {"type": "input_text", "text": part.text, **writing.kept(part.extra, path)}
        case Media():
            return _write_media(part, role, writing, path)
        case Opaque(origin=origin, raw=raw) if origin == ORIGIN and writing.own and CONTENT in part.extra:
            return raw
        case Opaque():
            writing.losses.drop(path, f"{API} does not know '{part.kind}'")
            return None
        case _:
            writing.losses.drop(path, f"{API} does not take it inside a message")
            return None


def write_text(part: Text, role: str, writing: Writing, path: str) -> Extra:
    writing.uncached(part.cache)
    kind = part.extra.get(TYPE) or text_type(role)
    extra = writing.kept(part.extra, path)
    extra.pop("item", None)
    written: Extra = {"type": kind, "text": part.text}
    if kind == "output_text":
        written["annotations"] = []
        if part.logprobs and writing.own:
            written["logprobs"] = part.logprobs
    return written | extra


def _write_media(part: Media, role: str, writing: Writing, path: str) -> Extra | None:
    writing.uncached(part.cache)
    if role == "assistant":
        writing.losses.drop(path, f"{API} takes no files in the model's own messages")
        return None
    written = _written(part, writing, path)
    if written is not None:
        return {**written, **writing.kept(part.extra, path)}
    return None if writing.own else {"type": "input_text", "text": _LEFT_OUT.format(kind=part.kind)}


def _written(part: Media, writing: Writing, path: str) -> Extra | None:
    if part.file_id is not None and not writing.own:
        writing.losses.drop(path, "the file lies with another provider")
        return None
    return _WRITERS[part.kind](part, writing, path)


def _write_image(part: Media, writing: Writing, path: str) -> Extra | None:
    if part.file_id is not None:
        return {"type": "input_image", "file_id": part.file_id}
    if part.url is not None and not writing.target.dialect.image_urls and not part.url.startswith("data:"):
        writing.losses.drop(path, "the backend takes inline images only")
        return None
    written = {"type": "input_image", "image_url": part.url if part.url is not None else data_url(part)}
    return written if writing.own else {**written, "detail": "auto"}


def _write_document(part: Media, writing: Writing, path: str) -> Extra | None:
    if not writing.target.dialect.documents:
        writing.losses.drop(path, "the backend takes no documents")
        return None
    named: Extra = {"type": "input_file"} if part.name is None else {"type": "input_file", "filename": part.name}
    if part.file_id is not None:
        return {**named, "file_id": part.file_id}
    if part.url is not None:
        return {
            "type": "input_file",
            "file_url": part.url,
            **({"filename": part.name} if writing.own and part.name else {}),
        }
    if part.extra.get(GIVEN) == "bare":
        return {**named, "file_data": part.data}
    if "filename" not in named and not writing.own:
        named["filename"] = f"document.{_EXTENSIONS.get(part.media_type or '', 'pdf')}"
    return {**named, "file_data": data_url(part)}


def _write_audio(part: Media, writing: Writing, path: str) -> Extra | None:
    """The API documents no sound; only a client of its own may know better."""
    if not writing.own or part.media_type is None or part.data is None:
        writing.losses.drop(path, f"{API} takes no sound")
        return None
    return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.media_type.removeprefix("audio/")}}


def _write_video(part: Media, writing: Writing, path: str) -> Extra | None:
    writing.losses.drop(path, f"{API} takes no films")
    return None


def data_url(part: Media) -> str:
    return f"data:{part.media_type or ''};base64,{part.data or ''}"


_WRITERS = {"image": _write_image, "document": _write_document, "audio": _write_audio, "video": _write_video}
