"""Content parts of messages and tool outputs, read.

https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy_core.errors import invalid
from proxy_core.protocols.openai_responses.names import CONTENT, GIVEN, ORIGIN, TYPE, rest
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Text
from proxy_core.wire.fields import array, missing, optional_string, record, string

_TEXT_TYPES = ("input_text", "output_text", "text")


def read_content(value: Any, path: str, role: str = "user") -> list[Part]:
    """A message's `content` or a tool's `output`: a string or an array of parts."""
    if isinstance(value, str):
        return [Text(value)]
    if value is None:
        raise missing(path, "a string or an array of content parts")
    return [read_part(part, f"{path}[{index}]", role) for index, part in enumerate(array(value, path))]


def read_part(value: Any, path: str, role: str = "user") -> Part:
    part = record(value, path)
    kind = string(part["type"], f"{path}.type") if "type" in part else _no_type(path)
    if kind in _TEXT_TYPES:
        return _read_text(part, path, kind, role)
    reader = _READERS.get(kind)
    return reader(part, path) if reader else Opaque(ORIGIN, kind, part, {CONTENT: True})


def _no_type(path: str) -> str:
    raise missing(f"{path}.type", "the kind of the content part, such as 'input_text'")


def _read_text(part: dict[str, Any], path: str, kind: str, role: str) -> Text:
    extra = rest(part, ("type", "text", "logprobs", "annotations"))
    if part.get("annotations"):
        extra["annotations"] = part["annotations"]
    if kind != text_type(role):
        extra[TYPE] = kind
    return Text(string(part.get("text"), f"{path}.text"), logprobs=part.get("logprobs") or None, extra=extra)


def text_type(role: str) -> str:
    return "output_text" if role == "assistant" else "input_text"


def _read_refusal(part: dict[str, Any], path: str) -> Refusal:
    return Refusal(string(part.get("refusal"), f"{path}.refusal"), rest(part, ("type", "refusal")))


def _read_image(part: dict[str, Any], path: str) -> Media:
    url = optional_string(part.get("image_url"), f"{path}.image_url")
    file_id = optional_string(part.get("file_id"), f"{path}.file_id")
    extra = rest(part, ("type", "image_url", "file_id"))
    if url is not None:
        return _media_of_url("image", url, extra)
    if file_id is not None:
        return Media("image", file_id=file_id, extra=extra)
    raise missing(f"{path}.image_url", "the address of the image, or 'file_id'")


def _read_file(part: dict[str, Any], path: str) -> Media:
    extra = rest(part, ("type", "file_data", "file_id", "file_url", "filename"))
    name = optional_string(part.get("filename"), f"{path}.filename")
    if part.get("file_data") is not None:
        return _inline_file(string(part["file_data"], f"{path}.file_data"), name, extra)
    if part.get("file_url") is not None:
        return Media("document", url=string(part["file_url"], f"{path}.file_url"), name=name, extra=extra)
    if part.get("file_id") is not None:
        return Media("document", file_id=string(part["file_id"], f"{path}.file_id"), name=name, extra=extra)
    raise missing(f"{path}.file_data", "the file's content, or 'file_url', or 'file_id'")


def _inline_file(data: str, name: str | None, extra: Extra) -> Media:
    """`file_data` is a data URL; bare base64 is taken for a PDF, as OpenAI does."""
    inline = split_data_url(data)
    if inline:
        return Media("document", inline[0], data=inline[1], name=name, extra=extra)
    return Media("document", "application/pdf", data=data, name=name, extra={**extra, GIVEN: "bare"})


def _read_audio(part: dict[str, Any], path: str) -> Media:
    audio = record(part.get("input_audio"), f"{path}.input_audio")
    form = string(audio.get("format"), f"{path}.input_audio.format")
    data = string(audio.get("data"), f"{path}.input_audio.data")
    return Media("audio", f"audio/{form}", data=data, extra=rest(part, ("type", "input_audio")))


def _media_of_url(kind: Any, url: str, extra: Extra) -> Media:
    if not url:
        raise invalid("The address of an image is empty.")
    inline = split_data_url(url)
    if inline:
        return Media(kind, inline[0], data=inline[1], extra=extra)
    return Media(kind, url=url, extra=extra)


def split_data_url(url: str) -> tuple[str | None, str] | None:
    """Media type and base64 of a data URL; None for other addresses."""
    if not url.startswith("data:"):
        return None
    head, comma, data = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None
    return head.removesuffix(";base64") or None, data


_READERS: dict[str, Callable[[dict[str, Any], str], Part]] = {
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
    "input_audio": _read_audio,
}
