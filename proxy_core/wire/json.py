"""JSON: parsed with a clear error, written compactly, and spliced in place without touching other bytes."""

from __future__ import annotations

import json
from typing import Any

import orjson

from proxy_core.errors import invalid

_ANSWERS = frozenset({"choices", "content", "candidates", "output", "message", "data", "error"})
"""What an answer holds that is in no envelope."""


def loads(data: bytes | str) -> Any:
    """Raises ValueError when `data` is no JSON, or is nested more deeply than the parser bears.

    orjson refuses lone surrogates ("\\ud83d"), which real clients send when they cut a text inside an emoji;
    the standard library's parser takes them.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "surrogate" not in str(error):
            raise
        return json.loads(data)


def dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # lone surrogates, integers beyond 64 bits
        return json.dumps(value, separators=(",", ":")).encode()


def parse_body(body: bytes) -> dict[str, Any]:
    """A request's body as an object. Raises ParleyError that says what is wrong with it and where."""
    if not body.strip():
        raise invalid("The request has no body; send a JSON object.")
    try:
        value = loads(body)
    except RecursionError:
        raise invalid("The request body is nested too deeply.") from None
    except UnicodeDecodeError as error:
        raise invalid(f"The request body is not valid UTF-8 (byte {error.start}).") from None
    except ValueError as error:
        raise invalid(f"The request body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise invalid(f"The request body must be a JSON object, not {type_name(value)}.")
    return value


def unwrapped(body: bytes, envelope: str | None) -> bytes:
    """What stands in `body` under the name `envelope`; `body` itself where there is none, or it is an answer itself."""
    if envelope is None or f'"{envelope}"'.encode() not in body[:200]:
        return body
    try:
        value = loads(body)
    except ValueError:
        return body
    inner = value.get(envelope) if isinstance(value, dict) else None
    return dumps(inner) if isinstance(inner, dict) and not value.keys() & _ANSWERS else body


def type_name(value: Any) -> str:
    """The JSON name of a value's type, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case dict():
            return "an object"
        case _:
            return type(value).__name__
