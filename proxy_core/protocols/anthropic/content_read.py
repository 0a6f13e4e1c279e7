"""Content blocks of messages and replies, read.

https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from proxy_core.protocols.anthropic.names import GIVEN, ORIGIN, PREVIOUS, rest
from proxy_core.turn.content import Extra, Media, Opaque, Part, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.seals import unsealed_from
from proxy_core.wire.fields import array, missing, optional_boolean, optional_string, record, string, wrong_type
from proxy_core.wire.json import dumps

_SEALED_ANYWHERE = ("gemini", "openai_chat")
"""Protocols that put signatures on texts and tool calls; those of others sit on thoughts only."""


def read_content(value: Any, path: str) -> list[Part]:
    """A message's `content`: a string or an array of blocks, with carried seals back on the parts they belong to."""
    if isinstance(value, str):
        return [Text(value)]
    if value is None:
        raise missing(path, "a string or an array of content blocks")
    if not isinstance(value, list):
        raise wrong_type(value, path, "a string or an array of content blocks")
    return with_carried_seals([read_block(block, f"{path}[{index}]") for index, block in enumerate(value)])


def read_block(block: Any, path: str) -> Part:
    """One content block; a kind that is not modelled becomes Opaque."""
    raw = record(block, path)
    if "type" not in raw:
        raise missing(f"{path}.type", "the kind of the content block, such as 'text'")
    kind = string(raw["type"], f"{path}.type")
    reader = _READERS.get(kind)
    return reader(raw, path) if reader else Opaque(ORIGIN, kind, raw)


def read_cache(raw: dict[str, Any], path: str) -> Extra | None:
    value = raw.get("cache_control")
    return None if value is None else record(value, f"{path}.cache_control")


def with_carried_seals(parts: list[Part]) -> list[Part]:
    """Foreign seals that textless thinking blocks carry, back on the parts that they were taken from."""
    if not any(_carried(part) for part in parts):
        return parts
    placed: list[Part] = []
    waiting: Seal | None = None
    for part in parts:
        seal = _carried(part)
        if seal is None:
            waiting = _seal(part, waiting)
            placed.append(part)
        elif seal.data.startswith(PREVIOUS):
            _seal_previous(placed, Seal(seal.origin, seal.data.removeprefix(PREVIOUS)))
        else:
            waiting = seal
    if waiting:
        placed.append(Text("", seal=waiting))
    return placed


def _carried(part: Part) -> Seal | None:
    if isinstance(part, Thinking) and not part.text and not part.redacted and part.seal:
        return part.seal if part.seal.origin in _SEALED_ANYWHERE else None
    return None


def _seal(part: Part, waiting: Seal | None) -> Seal | None:
    """What still waits for a part that can take it."""
    if waiting is None or not isinstance(part, Text | ToolCall | Media):
        return waiting
    part.seal = waiting
    return None


def _seal_previous(placed: list[Part], seal: Seal) -> None:
    if placed and isinstance(placed[-1], Text | ToolCall | Media):
        placed[-1].seal = seal
    else:
        placed.append(Text("", seal=seal))


def _read_text(raw: dict[str, Any], path: str) -> Text:
    extra = rest(raw, ("type", "text", "cache_control"))
    return Text(string(raw.get("text"), f"{path}.text"), cache=read_cache(raw, path), extra=extra)


def _read_thinking(raw: dict[str, Any], path: str) -> Thinking:
    signature = optional_string(raw.get("signature"), f"{path}.signature")
    return Thinking(
        text=string(raw.get("thinking", ""), f"{path}.thinking"),
        seal=unsealed_from(signature, ORIGIN) if signature else None,
        extra=rest(raw, ("type", "thinking", "signature")),
    )


def _read_redacted_thinking(raw: dict[str, Any], path: str) -> Thinking:
    seal = unsealed_from(string(raw.get("data"), f"{path}.data"), ORIGIN)
    return Thinking("", seal, redacted=True, extra=rest(raw, ("type", "data")))


def _read_tool_use(raw: dict[str, Any], path: str) -> ToolCall:
    arguments = raw.get("input")
    return ToolCall(
        id=string(raw.get("id"), f"{path}.id"),
        name=string(raw.get("name"), f"{path}.name"),
        arguments="{}" if arguments is None else dumps(record(arguments, f"{path}.input")).decode(),
        cache=read_cache(raw, path),
        extra=rest(raw, ("type", "id", "name", "input", "cache_control")),
    )


def _read_tool_result(raw: dict[str, Any], path: str) -> ToolResult:
    content = raw.get("content")
    return ToolResult(
        call_id=string(raw.get("tool_use_id"), f"{path}.tool_use_id"),
        content=[] if content is None else read_content(content, f"{path}.content"),
        is_error=optional_boolean(raw.get("is_error"), f"{path}.is_error"),
        cache=read_cache(raw, path),
        extra=rest(raw, ("type", "tool_use_id", "content", "is_error", "cache_control")),
    )


def _read_image(raw: dict[str, Any], path: str) -> Part:
    return _read_media("image", raw, path)


def _read_document(raw: dict[str, Any], path: str) -> Part:
    return _read_media("document", raw, path)


def _read_media(kind: Literal["image", "document"], raw: dict[str, Any], path: str) -> Part:
    if raw.get("source") is None:
        raise missing(f"{path}.source", f"where the {kind} comes from, such as base64 data")
    source = record(raw["source"], f"{path}.source")
    reader = _SOURCES.get(string(source.get("type"), f"{path}.source.type"))
    found = reader(source, f"{path}.source") if reader else None
    if found is None:
        return Opaque(ORIGIN, kind, raw)
    extra = rest(raw, ("type", "source", "cache_control"))
    media = replace(found, kind=kind, cache=read_cache(raw, path), extra=extra)
    if kind == "document":
        media.name = optional_string(media.extra.pop("title", None), f"{path}.title")
    if source["type"] == "content":
        media.extra[GIVEN] = source
    return media


def _base64_source(source: dict[str, Any], path: str) -> Media:
    media_type = optional_string(source.get("media_type"), f"{path}.media_type")
    return Media("document", media_type, data=string(source.get("data"), f"{path}.data"))


def _text_source(source: dict[str, Any], path: str) -> Media:
    return _plain_text(string(source.get("data"), f"{path}.data"))


def _url_source(source: dict[str, Any], path: str) -> Media:
    return Media("document", url=string(source.get("url"), f"{path}.url"))


def _file_source(source: dict[str, Any], path: str) -> Media:
    return Media("document", file_id=string(source.get("file_id"), f"{path}.file_id"))


def _content_source(source: dict[str, Any], path: str) -> Media | None:
    """A document made of blocks; as one text where all of them are texts."""
    content = source.get("content")
    if isinstance(content, str):
        return _plain_text(content)
    texts = [
        string(block["text"], f"{path}.content[{index}].text")
        for index, block in enumerate(array(content, f"{path}.content"))
        if isinstance(block, dict) and block.get("type") == "text" and "text" in block
    ]
    return _plain_text("\n".join(texts)) if len(texts) == len(content or ()) else None


def _plain_text(text: str) -> Media:
    data = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    return Media("document", "text/plain", data=data)


def _read_search_result(raw: dict[str, Any], path: str) -> Part:
    """What a client found: a text to other protocols, its own block to this one."""
    content = [
        read_block(b, f"{path}.content[{i}]") for i, b in enumerate(array(raw.get("content"), f"{path}.content"))
    ]
    lines = [raw.get("title"), raw.get("source"), *(part.text for part in content if isinstance(part, Text))]
    text = "\n".join(line for line in lines if isinstance(line, str) and line)
    return Text(text, cache=read_cache(raw, path), extra={GIVEN: {"text": text, "block": raw}})


_SOURCES: dict[str, Callable[[dict[str, Any], str], Media | None]] = {
    "base64": _base64_source,
    "text": _text_source,
    "url": _url_source,
    "file": _file_source,
    "content": _content_source,
}
_READERS: dict[str, Callable[[dict[str, Any], str], Part]] = {
    "text": _read_text,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted_thinking,
    "tool_use": _read_tool_use,
    "tool_result": _read_tool_result,
    "image": _read_image,
    "document": _read_document,
    "search_result": _read_search_result,
}
