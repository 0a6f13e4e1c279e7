"""JSON Schema as Anthropic takes it: for tools, and for structured output.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

from __future__ import annotations

from typing import Any

from proxy_core.turn.content import Extra
from proxy_core.wire.json import dumps

_ALTERNATIVES = ("allOf", "anyOf", "oneOf")
_OF_NAMED = ("properties", "$defs", "definitions")
"""Keywords whose value maps names (not keywords) to schemas."""
_OF_LISTED = ("allOf", "anyOf", "prefixItems")
_UNSUPPORTED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "not",
    "if",
    "then",
    "else",
    "$schema",
    "$id",
)
_SILENT = ("$schema", "$id")


def object_schema(schema: Any) -> tuple[Extra, bool]:
    """`schema` for a tool's input, and whether it says less than before.

    The top must be an object without allOf, anyOf and oneOf: the properties of their branches are put together.
    """
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}, schema is not None
    top = _resolved(schema)
    branches = {word: [_resolved(branch, schema) for branch in _dicts(top.get(word))] for word in _ALTERNATIVES}
    changed = any(branches.values()) or top.get("type", "object") != "object"
    flat = {key: value for key, value in top.items() if key not in _ALTERNATIVES}
    if any(branches.values()):
        flat |= _merged(top, branches)
    flat["type"] = "object"
    if not isinstance(flat.get("properties"), dict):
        flat["properties"] = {}
    return flat, changed


def _resolved(schema: Extra, root: Extra | None = None) -> Extra:
    """`schema` with a reference at its top replaced by what it refers to."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return schema
    target: Any = root or schema
    for step in reference[2:].split("/"):
        target = target.get(step) if isinstance(target, dict) else None
    if not isinstance(target, dict) or target is schema:
        return schema
    return {**{key: value for key, value in schema.items() if key != "$ref"}, **target}


def _dicts(value: Any) -> list[Extra]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _merged(top: Extra, branches: dict[str, list[Extra]]) -> Extra:
    """All properties; required is what every way to fulfil the schema requires."""
    properties: Extra = {}
    for branch in (top, *(branch for of_word in branches.values() for branch in of_word)):
        if isinstance(branch.get("properties"), dict):
            properties |= branch["properties"]
    required = _names(top.get("required"))
    for branch in branches["allOf"]:
        required += _names(branch.get("required"))
    for word in ("anyOf", "oneOf"):
        of_each = [set(_names(branch.get("required"))) for branch in branches[word]]
        required += sorted(set.intersection(*of_each)) if of_each else []
    merged: Extra = {"properties": properties}
    if required:
        merged["required"] = list(dict.fromkeys(name for name in required if name in properties))
    return merged


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def closed_schema(schema: Any) -> Any:
    """`schema` for structured output: objects closed, what is not supported moved into descriptions."""
    if not isinstance(schema, dict):
        return schema
    closed: Extra = {}
    for key, value in schema.items():
        if key in _OF_NAMED and isinstance(value, dict):
            closed[key] = {name: closed_schema(inner) for name, inner in value.items()}
        elif key in _OF_LISTED and isinstance(value, list):
            closed[key] = [closed_schema(inner) for inner in value]
        elif key == "oneOf" and isinstance(value, list):
            closed["anyOf"] = [closed_schema(inner) for inner in value]
        elif key == "items":
            closed[key] = closed_schema(value)
        elif key not in _UNSUPPORTED and not _too_many(key, value):
            closed[key] = value
    if _is_object(schema):
        closed["additionalProperties"] = False
    return _described(closed, schema)


def _too_many(key: str, value: Any) -> bool:
    return key == "minItems" and value not in (0, 1)


def _is_object(schema: Extra) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema


def _described(closed: Extra, schema: Extra) -> Extra:
    said = [
        f"{key}: {value if isinstance(value, str) else dumps(value).decode()}"
        for key, value in schema.items()
        if (key in _UNSUPPORTED and key not in _SILENT) or _too_many(key, value)
    ]
    if said:
        closed["description"] = f"{closed.get('description') or ''} ({', '.join(said)})".strip()
    return closed
