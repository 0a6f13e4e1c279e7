"""One part of Gemini's content, of a request or a reply (https://ai.google.dev/api/caching#Part)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from proxy_core.protocols.gemini.names import MADE_UP_ID, ORIGIN, camel, read_seal, rest, standard_base64
from proxy_core.turn.content import Extra, Media, Opaque, Part, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.wire.fields import missing, optional_boolean, optional_string, record, string
from proxy_core.wire.json import dumps

_BESIDE = ("thought", "thoughtSignature")
_ABOUT = (*_BESIDE, "videoMetadata", "mediaResolution", "partMetadata")
"""Fields that say something about a part's data but are none."""

ANSWER = "_answer"
"""In a ToolResult's extra: the field of `response` that held the text; "" where the text is the whole object."""
_ANSWER_FIELDS = ("output", "result", "content")

_GOOGLE_FILE = re.compile(r"^gs://|^files/|^https://generativelanguage\.googleapis\.com/.*/?files/")
_KINDS: dict[str, Literal["image", "audio", "video"]] = {"image": "image", "audio": "audio", "video": "video"}
_YOUTUBE = re.compile(r"^https?://(www\.)?(youtube\.com|youtu\.be)/")


def is_google_file(uri: str) -> bool:
    """Whether a URI names a file that only Google can open."""
    return _GOOGLE_FILE.match(uri) is not None


def read_part(raw: dict[str, Any], path: str) -> Part:
    """Raises ParleyError naming the field. A ToolCall without an id gets "" and the note MADE_UP_ID."""
    raw = camel(record(raw, path))
    for name, reader in _READERS.items():
        if raw.get(name) is not None:
            return reader(raw, path)
    if _signs_nothing(raw):
        return Text("", seal=_seal(raw, path), extra={"_no_text": True})
    kind = next((name for name in raw if name not in _ABOUT), "")
    return Opaque(ORIGIN, kind, raw)


def _signs_nothing(raw: dict[str, Any]) -> bool:
    return bool(raw.get("thoughtSignature")) and set(raw) <= {"thought", "thoughtSignature", "text"}


def _seal(raw: dict[str, Any], path: str) -> Seal | None:
    return read_seal(optional_string(raw.get("thoughtSignature"), f"{path}.thoughtSignature"))


def _read_text(raw: dict[str, Any], path: str) -> Part:
    text, seal = string(raw["text"], f"{path}.text"), _seal(raw, path)
    extra = rest(raw, ("text", *_BESIDE))
    if optional_boolean(raw.get("thought"), f"{path}.thought"):
        return Thinking(text, seal, extra=extra)
    return Text(text, seal, extra=extra)


def _read_call(raw: dict[str, Any], path: str) -> Part:
    inner = f"{path}.functionCall"
    call = camel(record(raw["functionCall"], inner))
    extra = _extra_of(raw, "functionCall", call, ("id", "name", "args"))
    call_id = optional_string(call.get("id"), f"{inner}.id") or ""
    if not call_id:
        extra[MADE_UP_ID] = True
    args = {} if call.get("args") is None else record(call["args"], f"{inner}.args")
    return ToolCall(
        id=call_id,
        name=_required(call, "name", inner, "the function's name"),
        arguments=dumps(args).decode(),
        seal=_seal(raw, path),
        extra=extra,
    )


def _extra_of(raw: dict[str, Any], field: str, inner: dict[str, Any], known: tuple[str, ...]) -> Extra:
    """Unknown fields beside a part's data, and, under the data's own name, unknown fields in it."""
    extra = rest(raw, (field, "thoughtSignature"))
    if extra.get("thought") is False:
        del extra["thought"]
    unknown = rest(inner, known)
    return {**extra, field: unknown} if unknown else extra


def _required(raw: dict[str, Any], name: str, path: str, wanted: str) -> str:
    if raw.get(name) in (None, ""):
        raise missing(f"{path}.{name}", wanted)
    return string(raw[name], f"{path}.{name}")


def _read_result(raw: dict[str, Any], path: str) -> Part:
    inner = f"{path}.functionResponse"
    result = camel(record(raw["functionResponse"], inner))
    extra = _extra_of(raw, "functionResponse", result, ("id", "name", "response", "parts"))
    response = record(result.get("response") or {}, f"{inner}.response")
    text, extra[ANSWER] = _answer(response)
    call_id = optional_string(result.get("id"), f"{inner}.id") or ""
    if not call_id:
        extra[MADE_UP_ID] = True
    return ToolResult(
        call_id=call_id,
        content=[Text(text), *_attached(result.get("parts"), f"{inner}.parts")],
        name=_required(result, "name", inner, "the function's name"),
        is_error=True if extra[ANSWER] == "error" else None,
        extra=extra,
    )


def _answer(response: dict[str, Any]) -> tuple[str, str]:
    """The text of a function's answer and the field it stands in."""
    if len(response) == 1:
        name, value = next(iter(response.items()))
        if isinstance(value, str) and name in (*_ANSWER_FIELDS, "error"):
            return value, name
    return dumps(response).decode(), ""


def _attached(value: Any, path: str) -> list[Part]:
    return [read_part(part, f"{path}[{index}]") for index, part in enumerate(as_list(value))]


def as_list(value: Any) -> list[Any]:
    """The API takes a single object where a list is due, which real clients make use of."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _read_inline(raw: dict[str, Any], path: str) -> Part:
    inner = f"{path}.inlineData"
    blob = camel(record(raw["inlineData"], inner))
    media_type = _required(blob, "mimeType", inner, "such as 'image/png'")
    return Media(
        kind=_kind(media_type),
        media_type=media_type,
        data=standard_base64(string(blob.get("data"), f"{inner}.data")),
        name=optional_string(blob.get("displayName"), f"{inner}.displayName"),
        seal=_seal(raw, path),
        extra=_extra_of(raw, "inlineData", blob, ("mimeType", "data", "displayName")),
    )


def _read_file(raw: dict[str, Any], path: str) -> Part:
    inner = f"{path}.fileData"
    file = camel(record(raw["fileData"], inner))
    uri = _required(file, "fileUri", inner, "where the file is")
    media_type = optional_string(file.get("mimeType"), f"{inner}.mimeType")
    google = is_google_file(uri)
    return Media(
        kind="video" if _YOUTUBE.match(uri) else _kind(media_type or ""),
        media_type=media_type,
        url=None if google else uri,
        file_id=uri if google else None,
        name=optional_string(file.get("displayName"), f"{inner}.displayName"),
        seal=_seal(raw, path),
        extra=_extra_of(raw, "fileData", file, ("mimeType", "fileUri", "displayName")),
    )


def _kind(media_type: str) -> Literal["image", "document", "audio", "video"]:
    return _KINDS.get(media_type.partition("/")[0].lower(), "document")


_READERS: dict[str, Callable[[dict[str, Any], str], Part]] = {
    "functionCall": _read_call,
    "functionResponse": _read_result,
    "inlineData": _read_inline,
    "fileData": _read_file,
    "text": _read_text,
}
