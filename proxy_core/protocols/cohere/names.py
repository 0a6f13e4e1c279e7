"""Names, and the words of both sides."""

from __future__ import annotations

from typing import Any, Final

from proxy_core.turn.content import Extra, ProtocolName

ORIGIN: Final[ProtocolName] = "cohere"
API = "Cohere's Chat API"
OWN_FIELDS = ("safety_mode", "citation_options", "documents", "strict_tools", "priority")
"""Fields that only Cohere has: a client that sends one beside its own protocol's means this backend."""


def rest(raw: dict[str, Any], known: frozenset[str]) -> Extra:
    """What is not modelled, less what says nothing."""
    return {key: value for key, value in raw.items() if key not in known and value not in (None, [], "")}


def text_in(value: Any) -> str:
    """A string of a backend's answer; what has another type counts as absent."""
    return value if isinstance(value, str) else ""


def record_in(value: Any) -> Extra:
    return value if isinstance(value, dict) else {}


def records_in(value: Any) -> list[Extra]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
