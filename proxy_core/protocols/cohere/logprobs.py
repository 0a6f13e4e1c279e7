"""Log probabilities, which Cohere tells for pieces of several tokens, in OpenAI's form."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.cohere.names import records_in, text_in


def read_logprobs(raw: Any) -> list[Any] | None:
    """Of a list of pieces, or of one; a piece is as likely as its tokens together."""
    pieces = records_in([raw] if isinstance(raw, dict) else raw)
    read = [_piece(piece) for piece in pieces if _numbers(piece.get("logprobs"))]
    return read or None


def _piece(raw: dict[str, Any]) -> dict[str, Any]:
    text = text_in(raw.get("text"))
    return {
        "token": text,
        "logprob": sum(_numbers(raw["logprobs"])),
        "bytes": list(text.encode("utf-8", "surrogatepass")),
        "top_logprobs": [],
    }


def _numbers(value: Any) -> list[float]:
    return [number for number in value if isinstance(number, int | float)] if isinstance(value, list) else []
