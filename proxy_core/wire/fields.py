"""Typed access to untrusted JSON. Each function returns the value or raises ParleyError that names the field.

`path` is what the client would write: `messages[2].content[0].text`.
"""

from __future__ import annotations

from typing import Any

from proxy_core.errors import ParleyError, invalid
from proxy_core.wire.json import type_name


def wrong_type(value: Any, path: str, wanted: str) -> ParleyError:
    return invalid(f"'{path}' must be {wanted}, not {type_name(value)}.", path)


def missing(path: str, wanted: str) -> ParleyError:
    return invalid(f"'{path}' is required: {wanted}.", path)


def string(value: Any, path: str) -> str:
    if isinstance(value, str):
        return value
    raise wrong_type(value, path, "a string")


def optional_string(value: Any, path: str) -> str | None:
    return None if value is None else string(value, path)


def record(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise wrong_type(value, path, "an object")


def array(value: Any, path: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise wrong_type(value, path, "an array")


def integer(value: Any, path: str) -> int:
    """Whole numbers; 5.0 counts as 5."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise wrong_type(value, path, "a whole number")


def optional_integer(value: Any, path: str) -> int | None:
    return None if value is None else integer(value, path)


def number(value: Any, path: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise wrong_type(value, path, "a number")


def optional_number(value: Any, path: str) -> float | None:
    return None if value is None else number(value, path)


def optional_boolean(value: Any, path: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise wrong_type(value, path, "true or false")


def strings(value: Any, path: str) -> list[str]:
    return [string(item, f"{path}[{index}]") for index, item in enumerate(array(value, path))]
