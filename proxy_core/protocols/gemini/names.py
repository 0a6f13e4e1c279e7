"""Names of Gemini's fields, and the reader's notes to the writer of its own protocol.

The API takes every field in camelCase and in snake_case (https://protobuf.dev/programming-guides/json/).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from typing import Any

from proxy_core.turn.content import Extra, ProtocolName, Seal
from proxy_core.turn.seals import FOREIGN_MARK, unsealed_from

ORIGIN: ProtocolName = "gemini"
MADE_UP_ID = "_made_up_id"
"""In the extra of a ToolCall or ToolResult: Gemini gave no id, ours is not shown to Gemini clients or backends."""
GIVEN = "_given"
"""The native form of a value, to be written back as long as the value was not changed since."""

SKIP_SIGNATURE = "skip_thought_signature_validator"
"""https://ai.google.dev/gemini-api/docs/thought-signatures: accepted where a call's signature does not exist."""
_ENVELOPE = FOREIGN_MARK.decode()


def camel(raw: dict[str, Any]) -> dict[str, Any]:
    """`raw` with its own keys in camelCase; what is inside the values stays as it is."""
    if not any("_" in key for key in raw):
        return raw
    return {_camel_name(key): value for key, value in raw.items()}


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others) if first else name


def rest(raw: dict[str, Any], known: Collection[str]) -> Extra:
    return {key: value for key, value in raw.items() if key not in known}


def public(extra: Extra) -> Extra:
    """Without the notes of readers, whose keys begin with an underscore."""
    if not extra:
        return extra
    return {key: value for key, value in extra.items() if not key.startswith("_")}


def read_seal(signature: str | None) -> Seal | None:
    """The seal in a part's `thoughtSignature`."""
    if not signature:
        return None
    if signature.startswith(_ENVELOPE):
        signature = standard_base64(signature)
    return unsealed_from(signature, ORIGIN)


def standard_base64(data: str) -> str:
    """Google's Python SDK writes all bytes in the URL-safe alphabet; other vendors take the standard one only."""
    if "-" not in data and "_" not in data:
        return data
    padded = data.translate(_TO_STANDARD) + "=" * (-len(data) % 4)
    try:
        base64.b64decode(padded, validate=True)
    except ValueError:
        return data
    return padded


_TO_STANDARD = str.maketrans("-_", "+/")


def made_up_id(*known: str) -> str:
    """An id for a call that has none: the same for the same words, so that later requests agree with earlier ones."""
    return "call_" + hashlib.sha256("\0".join(known).encode("utf-8", "surrogatepass")).hexdigest()[:24]
