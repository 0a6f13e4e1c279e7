"""Image services whose requests are not in OpenAI's form, which dall-e and Recraft take
(https://www.recraft.ai/docs/api-reference/usage)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from proxy_core.turn.losses import Losses

type Form = Callable[[dict[str, Any], Losses], dict[str, Any]]

_SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")
_RATIOS = ((1, 1), (10, 16), (16, 10), (9, 16), (16, 9), (2, 3), (3, 2), (3, 4), (4, 3), (1, 3), (3, 1))
_IDEOGRAMS_OWN = frozenset(
    {"negative_prompt", "seed", "style_type", "magic_prompt_option", "resolution", "color_palette", "num_images"}
)


def picture_form(name: str) -> Form | None:
    """How the body of /v1/images/generations is written for a model; None: as it is. `name` is that of the model,
    perhaps with its address."""
    return next((form for pattern, form in _FORMS if pattern.search(name.lower())), None)


def _ideogram(body: dict[str, Any], losses: Losses) -> dict[str, Any]:
    """https://developer.ideogram.ai/api-reference/api-reference/generate"""
    if "image_request" in body:
        return body
    written: dict[str, Any] = {"prompt": body.get("prompt")}
    for name, value in body.items():
        match name, value:
            case "prompt" | "model", _:
                pass
            case "n", int():
                written["num_images"] = value
            case "size", str() if found := _SIZE.fullmatch(value):
                written["aspect_ratio"] = _nearest_ratio(int(found[1]), int(found[2]))
            case _ if name in _IDEOGRAMS_OWN:
                written[name] = value
            case "response_format", "url":
                pass  # it answers with nothing else
            case _:
                losses.drop(name, "Ideogram has no such field")
    return {"image_request": written}


def _nearest_ratio(width: int, height: int) -> str:
    wide, high = min(_RATIOS, key=lambda ratio: abs(ratio[0] / ratio[1] - width / max(height, 1)))
    return f"ASPECT_{wide}_{high}"


_FORMS: tuple[tuple[re.Pattern[str], Form], ...] = ((re.compile("ideogram"), _ideogram),)
