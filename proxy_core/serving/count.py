"""How many tokens a request has, estimated here: for clients that ask where no backend can be asked.

Clients watch the figure to know when to compact a conversation, so it counts everything that reaches the model:
system text, tools with their schemas, calls, results, thoughts, pictures.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any

from proxy_core.serving.families import Family, family_of
from proxy_core.serving.pictures import Size, size_of_base64
from proxy_core.serving.tokens import pieces_in, pieces_in_native, sealed_pieces
from proxy_core.turn.content import (
    Media,
    Opaque,
    Part,
    ProtocolName,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from proxy_core.turn.request import ChatRequest, Tool
from proxy_core.wire.json import dumps

_UNKNOWN_SIZE: Size = (1024, 1024)
_UNKNOWN_PAGES = 4
_UNKNOWN_SECONDS = 60
_PDF_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")
_PDF_BYTES_PER_PAGE = 60_000
"""For documents whose page objects are compressed."""
_BYTES_PER_SECOND = {"audio/wav": 32_000, "audio/x-wav": 32_000, "audio/pcm": 32_000, "audio/pcm16": 48_000}
_COMPRESSED_BYTES_PER_SECOND = 16_000
_VIDEO_BYTES_PER_SECOND = 150_000
_VIDEO_FRAME = 258
"""Gemini looks at one frame a second."""


def count_tokens(request: ChatRequest) -> int:
    """Estimated for the model that the request names."""
    return ceil(tally_for(request.model).of(request))


def tally_for(model: str) -> Tally:
    return Tally(family_of(model))


def counted(protocol: ProtocolName, n: int) -> dict[str, Any]:
    """The answer to a client that asked, in its own protocol's shape."""
    match protocol:
        case "cohere":
            raise ValueError("No client speaks Cohere's protocol.")
        case "gemini":
            return {"totalTokens": n, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": n}]}
        case "openai_responses" | "openai_chat":
            return {"object": "response.input_tokens", "input_tokens": n}
        case "anthropic":
            return {"input_tokens": n}


@dataclass(frozen=True, slots=True)
class Tally:
    """Token estimates for one family of models."""

    family: Family

    def of(self, request: ChatRequest) -> float:
        system = self.parts(request.system) + (self.family.message if request.system else 0)
        turns = sum(self.family.message + self.parts(turn.parts) for turn in request.turns)
        tools = sum(self.tool(tool) for tool in request.tools) + (self.family.tools if request.tools else 0)
        wanted = request.output.schema if request.output else None
        return system + turns + tools + (self.json(wanted) if wanted else 0)

    def parts(self, parts: Iterable[Part]) -> float:
        return sum(map(self.part, parts))

    def part(self, part: Part) -> float:
        match part:
            case Text() | Refusal():
                return self.text(part.text)
            case Thinking():
                return self._thinking(part)
            case ToolCall():
                return self.family.message + self.text(part.name) + self.text(part.arguments)
            case ToolResult():
                return self.family.message + self.parts(part.content)
            case Media():
                return self._media(part)
            case Opaque():
                return self.family.text * pieces_in_native(dumps(part.raw).decode())

    def text(self, text: str) -> float:
        return self.family.text * pieces_in(text)

    def json(self, value: Any) -> float:
        return self.family.tool_text * pieces_in(dumps(value).decode())

    def tool(self, tool: Tool) -> float:
        if tool.raw is not None:
            return self.family.tool + self.json(tool.raw)
        described = self.text(tool.name) + self.text(tool.description or "")
        shapes = [shape for shape in (tool.schema, tool.format) if shape]
        return self.family.tool + described + sum(map(self.json, shapes))

    def _thinking(self, part: Thinking) -> float:
        if part.text or not part.seal:
            return self.text(part.text)
        return self.family.text * sealed_pieces(len(part.seal.data))

    def _media(self, media: Media) -> float:
        match media.kind:
            case "image":
                return self.family.pictures.tokens(size_of_base64(media.data or "") or _UNKNOWN_SIZE)
            case "document":
                return self._document(media)
            case "audio":
                return self.family.second * _seconds(media)
            case "video":
                return (_VIDEO_FRAME + self.family.second) * _seconds(media)

    def _document(self, media: Media) -> float:
        data = _decoded(media.data)
        if media.data and (media.media_type or "").startswith("text/"):
            return self.text(media.data if data is None else data.decode("utf-8", "replace"))
        if data is None:
            return self.family.page * _UNKNOWN_PAGES
        pages = len(_PDF_PAGE.findall(data)) or ceil(len(data) / _PDF_BYTES_PER_PAGE)
        return self.family.page * pages


def _seconds(media: Media) -> float:
    if media.data is None:
        return _UNKNOWN_SECONDS
    usual = _VIDEO_BYTES_PER_SECOND if media.kind == "video" else _COMPRESSED_BYTES_PER_SECOND
    return len(media.data) * 3 / 4 / _BYTES_PER_SECOND.get(media.media_type or "", usual)


def _decoded(data: str | None) -> bytes | None:
    try:
        return None if data is None else base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):  # some clients send a text as it is
        return None
