"""Checks of JSON shapes, combined from small ones. A check raises Refused, which names the field at fault."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

type Check = Callable[[Any, str], None]


class Refused(Exception):
    """What the vendor would answer 400 for. `why` is in the vendor's words where they are known."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}" if path else why)
        self.path = path
        self.why = why


def anything(value: Any, path: str) -> None:
    """Any JSON value."""


def string(value: Any, path: str) -> None:
    if not isinstance(value, str):
        raise Refused(path, "Input should be a valid string")


def filled(value: Any, path: str) -> None:
    string(value, path)
    if not value:
        raise Refused(path, "must not be empty")


def boolean(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise Refused(path, "Input should be a valid boolean")


def integer(value: Any, path: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(path, "Input should be a valid integer")


def number(value: Any, path: str) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Refused(path, "Input should be a valid number")


def between(low: float, high: float) -> Check:
    def check(value: Any, path: str) -> None:
        number(value, path)
        if not low <= value <= high:
            raise Refused(path, f"must be between {low} and {high}")

    return check


def mapping(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise Refused(path, "Input should be a valid dictionary")


def nullable(inner: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if value is not None:
            inner(value, path)

    return check


def word(*allowed: str) -> Check:
    def check(value: Any, path: str) -> None:
        if value not in allowed:
            raise Refused(path, f"Input should be one of {', '.join(allowed)}, not {value!r}")

    return check


def matching(pattern: str) -> Check:
    compiled = re.compile(pattern)

    def check(value: Any, path: str) -> None:
        string(value, path)
        if not compiled.fullmatch(value):
            raise Refused(path, f"String should match pattern '{pattern}', not {value!r}")

    return check


def base64_text(value: Any, path: str) -> None:
    filled(value, path)
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise Refused(path, "is no valid base64") from error


def listed(item: Check, at_least: int = 0) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise Refused(path, "Input should be a valid list")
        if len(value) < at_least:
            raise Refused(path, f"expected at least {at_least} item(s)")
        for index, element in enumerate(value):
            item(element, f"{path}[{index}]")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields and no others."""
    known = {**required, **(optional or {})}

    def check(value: Any, path: str) -> None:
        mapping(value, path)
        for name in required:
            if name not in value:
                raise Refused(f"{path}.{name}".lstrip("."), "Field required")
        for name, element in value.items():
            if name not in known:
                raise Refused(f"{path}.{name}".lstrip("."), "Extra inputs are not permitted")
            known[name](element, f"{path}.{name}".lstrip("."))

    return check


def tagged(kinds: Mapping[str, Check], by: str = "type", default: str | None = None) -> Check:
    """An object whose field `by` says which of the checks it has to pass."""

    def check(value: Any, path: str) -> None:
        mapping(value, path)
        kind = value.get(by, default)
        if kind not in kinds:
            raise Refused(f"{path}.{by}", f"Input tag {kind!r} does not match any of {', '.join(kinds)}")
        kinds[kind](value, path)

    return check


def either(*checks: Check) -> Check:
    """Passes when one passes; otherwise the last one's complaint counts."""

    def check(value: Any, path: str) -> None:
        for attempt in checks[:-1]:
            try:
                attempt(value, path)
            except Refused:
                continue
            return
        checks[-1](value, path)

    return check


def json_object_text(value: Any, path: str) -> None:
    string(value, path)
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise Refused(path, "is no JSON") from error
    mapping(parsed, path)


def json_schema(value: Any, path: str) -> None:
    """JSON Schema of an object, as tools need it."""
    mapping(value, path)
    if value.get("type") != "object":
        raise Refused(f"{path}.type", f"schema must be a JSON Schema of 'type: \"object\"', got {value.get('type')!r}")
