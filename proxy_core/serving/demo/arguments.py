"""A value that fits a JSON schema, always the same one: https://json-schema.org/draft/2020-12/json-schema-validation"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import ceil
from typing import Any

_DEEPEST = 16
"""A schema that requires itself cannot be satisfied; it ends here."""

_OF_NAME = {
    "command": "echo demo",
    "cmd": "echo demo",
    "path": "demo.txt",
    "file_path": "demo.txt",
    "filePath": "demo.txt",
    "filename": "demo.txt",
    "url": "https://example.com/",
}
"""An agent will run what it gets: harmless words where the name says what they are for."""
_OF_FORMAT = {
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "date-time": "2026-01-01T12:00:00Z",
    "duration": "PT1H",
    "email": "demo@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_WORDS = ("demo", "Demo", "demo-1", "DEMO", "1", "a1", "/demo", "demo.txt", *_OF_FORMAT.values())
"""Tried in this order against a pattern."""


def fitting(schema: Any) -> Any:
    """A value for `schema`; an unknown or contradictory one gets the nearest there is."""
    return _Example(schema).of(schema, "", 0)


class _Example:
    def __init__(self, root: Any) -> None:
        self._root = root

    def of(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return None if schema is False or depth > _DEEPEST else "demo"
        schema = self._resolved(schema, depth)
        for given in _given(schema):
            return given
        return _MAKERS.get(_type_of(schema), _string)(self, schema, name, depth)

    def _resolved(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """`schema` with its reference followed, all of allOf in it, and one alternative chosen."""
        for _ in range(_DEEPEST):
            parts = list(_parts(schema))
            if not parts:
                break
            schema = {key: value for key, value in schema.items() if key not in _COMPOSED}
            for part in parts:
                schema = _merged(schema, self._pointed(part))
        return schema

    def _pointed(self, part: Any) -> Any:
        if not isinstance(part, str):
            return part
        found = self._root
        for step in part.removeprefix("#").strip("/").split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            found = found.get(step, {}) if isinstance(found, dict) and step else found
        return found


_COMPOSED = frozenset({"$ref", "allOf", "anyOf", "oneOf"})


def _parts(schema: dict[str, Any]) -> Iterator[Any]:
    """What else a value must fit: schemas, and references as strings."""
    if isinstance(schema.get("$ref"), str):
        yield schema["$ref"]
    yield from _schemas(schema.get("allOf"))
    for key in ("anyOf", "oneOf"):
        branches = _schemas(schema.get(key))
        yield from [branch for branch in branches if _type_of(branch) != "null"][:1] or branches[:1]


def _schemas(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _merged(schema: dict[str, Any], more: Any) -> dict[str, Any]:
    if not isinstance(more, dict):
        return schema
    properties = {**_record(more.get("properties")), **_record(schema.get("properties"))}
    required = list(dict.fromkeys([*_names(schema), *_names(more)]))
    together = {**more, **schema}
    if properties:
        together["properties"] = properties
    if required:
        together["required"] = required
    return together


def _given(schema: dict[str, Any]) -> Iterator[Any]:
    """Values that the schema names itself."""
    if "const" in schema:
        yield schema["const"]
    for key in ("enum", "examples"):
        values = schema.get(key)
        if isinstance(values, list) and values:
            yield values[0]
    if schema.get("default") is not None:
        yield schema["default"]


def _type_of(schema: dict[str, Any]) -> str:
    """In small letters: Gemini's clients write STRING."""
    named = schema.get("type")
    names = [name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str)]
    real = [name.lower() for name in names if name.lower() != "null"]
    if real:
        return real[0]
    if names:
        return "null"
    return next((kind for key, kind in _IMPLIED.items() if key in schema), "string")


_IMPLIED = {
    "properties": "object",
    "required": "object",
    "items": "array",
    "prefixItems": "array",
    "minimum": "number",
    "maximum": "number",
}


def _object(example: _Example, schema: dict[str, Any], name: str, depth: int) -> dict[str, Any]:
    properties = _record(schema.get("properties"))
    wanted = _names(schema)
    optional = [other for other in properties if other not in wanted]
    wanted += optional[: max(0, _count(schema, "minProperties", 0) - len(wanted))]
    others = schema.get("additionalProperties", {})
    return {each: example.of(properties.get(each, others), each, depth + 1) for each in wanted}


def _array(example: _Example, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
    prefix = schema.get("prefixItems")
    first = [example.of(item, name, depth + 1) for item in prefix] if isinstance(prefix, list) else []
    items = schema.get("items", {})
    least = _count(schema, "minItems", 0 if first else 1)
    number = min(least, _count(schema, "maxItems", least)) - len(first)
    words = items.get("enum") if isinstance(items, dict) else None
    if isinstance(words, list) and words:
        return first + [words[index % len(words)] for index in range(number)]
    return first + [example.of(items, name, depth + 1) for _ in range(number)]


def _string(example: _Example, schema: dict[str, Any], name: str, depth: int) -> str:
    named = _OF_FORMAT.get(str(schema.get("format")).lower()) or _OF_NAME.get(name)
    words = (named, *_WORDS) if named else _WORDS
    text = next((word for word in words if _matches(schema.get("pattern"), word)), words[0])
    least = min(_count(schema, "minLength", 0), 4096)
    return text.ljust(least, "x")[: _count(schema, "maxLength", max(len(text), least))]


def _matches(pattern: Any, word: str) -> bool:
    if not isinstance(pattern, str):
        return True
    try:
        return re.search(pattern, word) is not None
    except (re.error, OverflowError):  # ECMAScript's syntax is not Python's
        return True


def _number(example: _Example, schema: dict[str, Any], name: str, depth: int) -> float:
    return next(filter(_within(schema), _figures(schema)), 1)


def _integer(example: _Example, schema: dict[str, Any], name: str, depth: int) -> int:
    fits = _within(schema)
    return next((int(figure) for figure in _figures(schema) if figure == int(figure) and fits(figure)), 1)


_LIMITS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


def _figures(schema: dict[str, Any]) -> Iterator[float]:
    """1 where it fits, else the limits and what lies around them."""
    yield 1
    limits = [limit for limit in (_figure(schema, key) for key in _LIMITS) if limit is not None]
    for limit in limits:
        yield from (limit, ceil(limit), limit + 1, ceil(limit) - 1)
    step = _figure(schema, "multipleOf")
    if step:
        yield from (ceil(limit / step + more) * step for limit in [1, *limits] for more in (0, 1, -1))
    if limits:
        yield sum(limits) / len(limits)


def _within(schema: dict[str, Any]) -> Callable[[float], bool]:
    low, high, step = (_figure(schema, key) for key in ("minimum", "maximum", "multipleOf"))
    above, below = _exclusive(schema, "exclusiveMinimum", low), _exclusive(schema, "exclusiveMaximum", high)

    def fits(figure: float) -> bool:
        return (
            (low is None or figure >= low)
            and (high is None or figure <= high)
            and (above is None or figure > above)
            and (below is None or figure < below)
            and (not step or abs(figure / step - round(figure / step)) < 1e-9)
        )

    return fits


def _exclusive(schema: dict[str, Any], key: str, limit: float | None) -> float | None:
    """Until draft 4 a boolean said that the other limit is an exclusive one."""
    return limit if schema.get(key) is True else _figure(schema, key)


def _figure(schema: dict[str, Any], key: str) -> float | None:
    value = schema.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(schema: dict[str, Any], key: str, default: int) -> int:
    value = schema.get(key)
    return value if isinstance(value, int) and value >= 0 else default


def _names(schema: dict[str, Any]) -> list[str]:
    required = schema.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def _record(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_MAKERS: dict[str, Callable[[_Example, dict[str, Any], str, int], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": lambda example, schema, name, depth: True,
    "null": lambda example, schema, name, depth: None,
}
