"""JSON Schemas, as far as more than one protocol has to look into them."""

from __future__ import annotations

from typing import Any


def is_closed(schema: Any) -> bool:
    """Whether a schema keeps the rules of OpenAI's strict mode: every object closed, and every property required.

    https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas
    """
    if isinstance(schema, list):
        return all(map(is_closed, schema))
    if not isinstance(schema, dict):
        return True
    if "properties" in schema or schema.get("type") == "object":
        required = schema.get("required")
        properties = schema.get("properties") or {}
        if schema.get("additionalProperties") is not False or set(required or ()) != set(properties):
            return False
        return all(map(is_closed, properties.values())) and is_closed(schema.get("$defs") or {})
    return all(is_closed(value) for value in schema.values() if isinstance(value, dict | list))
