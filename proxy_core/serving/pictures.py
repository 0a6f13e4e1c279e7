"""What a picture costs: its size from the header of PNG, JPEG, GIF and WebP data, and each vendor's formula.

https://platform.claude.com/docs/en/build-with-claude/vision
https://developers.openai.com/api/docs/guides/images-vision
https://ai.google.dev/gemini-api/docs/media-resolution
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

type Size = tuple[int, int]
"""Width and height in pixels."""

_HEADER_BASE64 = 512 * 1024
"""A JPEG's size may stand behind some hundred kilobytes of camera data."""
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""


@dataclass(frozen=True, slots=True)
class Patches:
    """So many tokens for each square of `side` pixels, after the picture was made smaller until it fits."""

    side: int
    most: int
    weight: float = 1.0
    long_edge: int | None = None

    def tokens(self, size: Size) -> int:
        width, height = _within(size, self.long_edge) if self.long_edge else size
        needed = ceil(width / self.side) * ceil(height / self.side)
        return ceil(min(needed, self.most) * self.weight)


@dataclass(frozen=True, slots=True)
class Tiles:
    """OpenAI's older rule: within 2048 squared, then the short edge to 768, then tiles of 512."""

    base: int
    each: int

    def tokens(self, size: Size) -> int:
        width, height = _within(size, 2048)
        shrink = min(1.0, 768 / min(width, height))
        return self.base + self.each * ceil(width * shrink / 512) * ceil(height * shrink / 512)


@dataclass(frozen=True, slots=True)
class Crops:
    """Gemini 2: one unit for a small picture; larger ones are cut into tiles along the shorter edge's two thirds."""

    each: int = 258

    def tokens(self, size: Size) -> int:
        if max(size) <= 384:
            return self.each
        unit = max(256, min(768, int(min(size) / 1.5)))
        return self.each * ceil(size[0] / unit) * ceil(size[1] / unit)


@dataclass(frozen=True, slots=True)
class Fixed:
    each: int

    def tokens(self, size: Size) -> int:
        return self.each


type PictureRule = Patches | Tiles | Crops | Fixed


def _within(size: Size, edge: int) -> tuple[float, float]:
    shrink = min(1.0, edge / max(size))
    return size[0] * shrink, size[1] * shrink


def size_of_base64(data: str) -> Size | None:
    """The size of a picture in base64; None where its header cannot be read."""
    head = data[:_HEADER_BASE64]
    try:
        return picture_size(base64.b64decode(head[: len(head) & ~3]))
    except ValueError:  # also of what is no ASCII
        return None


def picture_size(head: bytes) -> Size | None:
    for magic, read in _READERS:
        if head.startswith(magic):
            try:
                size = read(head)
            except struct.error:
                return None
            return size if size and min(size) > 0 else None
    return None


def _png(head: bytes) -> Size:
    return struct.unpack_from(">II", head, 16)


def _gif(head: bytes) -> Size:
    return struct.unpack_from("<HH", head, 6)


def _jpeg(head: bytes) -> Size | None:
    position = 2
    while position < len(head) - 1:
        if head[position] != 0xFF:
            return None
        marker = head[position + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", head, position + 5)
            return width, height
        position += _jpeg_segment(head, position, marker)
    return None


def _jpeg_segment(head: bytes, position: int, marker: int) -> int:
    """The length of the segment at `position` with its marker; a fill byte stands alone."""
    if marker == 0xFF:
        return 1
    return 2 if marker in _JPEG_BARE else 2 + struct.unpack_from(">H", head, position + 2)[0]


def _webp(head: bytes) -> Size | None:
    """https://developers.google.com/speed/webp/docs/riff_container"""
    match head[8:16]:
        case b"WEBPVP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"WEBPVP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"WEBPVP8X":
            low = struct.unpack_from("<HBHB", head, 24)
            return (low[0] | low[1] << 16) + 1, (low[2] | low[3] << 16) + 1
        case _:
            return None


_READERS: tuple[tuple[bytes, Callable[[bytes], Size | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8", _jpeg),
    (b"GIF8", _gif),
    (b"RIFF", _webp),
)
