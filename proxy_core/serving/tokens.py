"""How many tokens a text has, guessed without any vendor's vocabulary, in time linear in its length.

Vendors' tokenizers cut a text along the same lines first (words with the blank before them, groups of digits,
runs of signs, line ends) and then look the pieces up. Common pieces are one token, so counting pieces comes
close; a factor per family of models, fitted to recorded traffic, does the rest.
"""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"[ _./-]?[A-Z]?[a-z\u00df-\u00ff]{1,9}"  # a word, or a part of a name in camelCase or snake_case
    r"|[ _]?[A-Z]{1,4}"
    r"|\d{1,3}"
    r"|[ ]?[\u0370-\u05ff]{1,4}"  # Greek, Cyrillic, Armenian, Hebrew
    r"|[ ]?[\u0600-\u10ff]{1,3}"  # Arabic, the scripts of India, Thai, Georgian
    r"|[\u3040-\u30ff\uac00-\ud7af]{1,2}"  # Kana, Hangul
    r"|[\u3400-\u9fff\U00010000-\U0010ffff]"  # Chinese characters; pictograms
    r"|\s*\n"
    r"|[^\S\n]+(?=\S)"
    r"|\s+"
    r"|[ ]?[^\w\s]{1,3}"
    r"|\w"
)
_SLICE = 64 * 1024
_SEALED = re.compile(r"[A-Za-z0-9+/_=-]{256,}")
_CHARACTERS_PER_SEALED_TOKEN = 5.3
"""Base64 (four characters for three bytes) of text with four characters a token."""


def pieces_in(text: str) -> int:
    """The number of pieces that a tokenizer would look up."""
    return sum(len(_PIECE.findall(text[start : start + _SLICE])) for start in range(0, len(text), _SLICE))


def sealed_pieces(length: int) -> float:
    """What lies behind so many characters of a provider's encrypted text."""
    return length / _CHARACTERS_PER_SEALED_TOKEN


def pieces_in_native(text: str) -> float:
    """As `pieces_in`, for a provider's own JSON: long base64 in it is encrypted text or data, no reading matter."""
    sealed = sum(len(found.group()) for found in _SEALED.finditer(text))
    return pieces_in(_SEALED.sub("", text)) + sealed_pieces(sealed)
