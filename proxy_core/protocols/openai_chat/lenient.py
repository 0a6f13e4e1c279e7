"""Values of backends' answers: what has another type than it should counts as absent."""

from __future__ import annotations

from typing import Any

from proxy_core.turn.content import Extra


def text_in(value: Any) -> str:
    return value if isinstance(value, str) else ""


def list_in(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def records_in(value: Any) -> list[Extra]:
    return [item for item in list_in(value) if isinstance(item, dict)]


def record_in(value: Any) -> Extra:
    return value if isinstance(value, dict) else {}


def number_in(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
