"""What families of models make of the same text, tools and pictures, as rows; the first that fits a model counts.

The figures per piece, message and tool are fitted to the prompt tokens that providers reported for recorded traffic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from proxy_core.serving.pictures import Crops, Fixed, Patches, PictureRule, Tiles

_USUAL_PICTURES = Tiles(85, 170)


@dataclass(frozen=True, slots=True)
class Family:
    """`text`, `tool_text`: tokens per piece. `message`, `tool`: what each one costs beside its text. `tools`: what
    offering any costs. `page`: of a PDF. `second`: of sound."""

    text: float = 1.0
    tool_text: float = 1.2
    message: float = 5
    tool: float = 4
    tools: float = 20
    pictures: PictureRule = _USUAL_PICTURES
    page: float = 1200
    second: float = 12


def _gpt(pictures: PictureRule) -> Family:
    return Family(0.95, 0.65, 6, 2, 10, pictures)


_ROWS: tuple[tuple[str, Family], ...] = (
    # From Opus 4.7 on: another tokenizer and higher resolution.
    # https://platform.claude.com/docs/en/build-with-claude/vision
    (
        r"claude-(opus|sonnet)-(4-[789]|[5-9])|claude-(fable|mythos)",
        Family(1.4, 1.6, 8, 12, 450, Patches(28, 4784, long_edge=2576), 2200),
    ),
    (r"claude", Family(1.05, 1.35, 6, 8, 450, Patches(28, 1568, long_edge=1568), 2200)),
    # https://ai.google.dev/gemini-api/docs/media-resolution
    (r"gemini-[3-9]", Family(0.95, 1.2, 3, 2, 0, Fixed(1120), 560, 32)),
    (r"gemini|gemma", Family(0.95, 1.2, 3, 2, 0, Crops(), 258, 32)),
    # https://developers.openai.com/api/docs/guides/images-vision
    (r"gpt-4o-mini", _gpt(Tiles(2833, 5667))),
    (r"(gpt-4\.1|gpt-5(\.\d)?)-nano", _gpt(Patches(32, 1536, 2.46))),
    (r"(gpt-4\.1|gpt-5(\.\d)?)-mini", _gpt(Patches(32, 1536, 1.62))),
    (r"o4-mini", _gpt(Patches(32, 1536, 1.72))),
    (r"\bo[13]\b", _gpt(Tiles(75, 150))),
    (r"gpt-5", _gpt(Tiles(70, 140))),
    (r"gpt-|codex", _gpt(Tiles(85, 170))),
    (r"mistral|ministral|pixtral|devstral", Family(0.95, 1.5, 6, 2, 17)),
    (r"deepseek", Family(1.0, 1.6, 4, 4, 240)),
    # Their own words around tools; those around a conversation without any are some 500 tokens more.
    (r"command-(a(?!-plus)|r7b)", Family(tools=1370)),
    (r"command-r", Family(tools=900)),
    (r"grok", Family(0.9, 1.2, 5, 34, 230)),
    (r"", Family()),
)
_COMPILED = tuple((re.compile(pattern), family) for pattern, family in _ROWS)


@lru_cache(maxsize=1024)
def family_of(model: str) -> Family:
    name = model.lower()
    return next(family for pattern, family in _COMPILED if pattern.search(name))
