"""The protocol's name, and what its reader notes for its own writer.

A note is a key of some `extra` that begins with an underscore: to other protocols it is no content, and so no loss.
"""

from __future__ import annotations

from typing import Any, Final

from proxy_core.turn.content import Extra, ProtocolName, Seal

ORIGIN: Final[ProtocolName] = "anthropic"

GIVEN = "_given"
"""The native form of a value, written back as long as the value was not changed since."""

PREVIOUS = "previous:"
"""In front of a foreign seal that a textless thinking block carries: it belongs to the part before that block,
not to the one after it (a text's signature that came when the text had already been streamed)."""

UNSIGNED = Seal("openai_chat", "")
"""On foreign thoughts that have no signature, so that they are known when they come back: Anthropic refuses thoughts
that it did not sign. Empty, and of a protocol that signs no thoughts, so no backend is ever sent it."""


def rest(raw: dict[str, Any], known: tuple[str, ...]) -> Extra:
    """The fields that are not modelled; null counts as absent."""
    return {key: value for key, value in raw.items() if key not in known and value is not None}


def public(extra: Extra) -> Extra:
    """`extra` without the notes."""
    return {key: value for key, value in extra.items() if not key.startswith("_")}
