from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from proxy_core.serving.demo.arguments import fitting
from proxy_core.wire.json import dumps, loads
from tests.recordings import client_requests

CASES: list[tuple[Any, Any]] = [
    ({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": "demo"}),
    ({"type": "object"}, {}),
    ({}, "demo"),
    (True, "demo"),
    ({"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}, "required": ["n"]}, {"n": 1}),
    ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
    ({"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2, "uniqueItems": True}, ["x", "y"]),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False}, [1, "demo"]),
    ({"type": "array", "items": {"type": "string"}, "maxItems": 0}, []),
    ({"type": ["null", "integer"]}, 1),
    ({"type": "null"}, None),
    ({"enum": ["metres", "feet"]}, "metres"),
    ({"const": 7}, 7),
    ({"type": "integer", "default": 30}, 30),
    ({"type": "string", "default": None}, "demo"),
    ({"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 5}]}, 5),
    ({"oneOf": [{"type": "null"}]}, None),
    ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}]}, {"a": 1}),
    ({"$ref": "#/$defs/~1x", "$defs": {"/x": {"type": "number", "exclusiveMinimum": 2}}}, 3),
    ({"type": "integer", "exclusiveMinimum": 2, "maximum": 4, "multipleOf": 4}, 4),
    ({"type": "number", "minimum": 0.25, "maximum": 0.5}, 0.25),
    ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, 2),
    ({"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991}, 1),
    ({"type": "integer", "maximum": -3}, -3),
    ({"type": "string", "minLength": 6}, "demoxx"),
    ({"type": "string", "maxLength": 2}, "de"),
    ({"type": "string", "format": "date"}, "2026-01-01"),
    ({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}, "2026-01-01"),
    ({"type": "string", "pattern": "("}, "demo"),
    (
        {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]},
        {"url": "https://example.com/"},
    ),
    ({"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 1}, {"a": "demo"}),
    ({"type": "object", "additionalProperties": {"type": "integer"}, "required": ["k"]}, {"k": 1}),
]


@pytest.mark.parametrize(("schema", "expected"), CASES)
def test_the_value_fits_the_schema(schema: Any, expected: Any) -> None:
    assert fitting(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]},
        {"allOf": [{"$ref": "#"}, {"type": "string"}]},
        {"type": 5, "required": "a", "properties": [], "items": 3, "enum": [], "anyOf": {}},
    ],
)
def test_a_schema_that_nothing_fits_still_gets_a_value(schema: Any) -> None:
    assert loads(dumps(fitting(schema))) == fitting(schema)


TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def misfits(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    """Where `value` does not keep to the plain part of a schema: types, required fields, enums."""
    kind = schema.get("type")
    kinds = [name.lower() for name in (kind if isinstance(kind, list) else [kind]) if name]
    if kinds and not any(name == "null" or isinstance(value, TYPES[name]) for name in kinds):
        yield f"{path} is no {kinds}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is none of {schema['enum']}"
    if isinstance(value, dict):
        yield from (f"{path}.{name} is missing" for name in schema.get("required", []) if name not in value)
        for name, each in value.items():
            yield from misfits(schema["properties"].get(name, {}), each, f"{path}.{name}")
    for each in value if isinstance(value, list) else []:
        yield from misfits(schema.get("items", {}), each, f"{path}[]")


@pytest.mark.parametrize("request_sent", client_requests())
def test_arguments_fit_the_tools_of_real_clients(request_sent: Any) -> None:
    for schema in schemas(request_sent.get("json")):
        assert list(misfits(schema, fitting(schema), "arguments")) == []


def schemas(value: Any) -> Iterator[dict[str, Any]]:
    """Every tool's schema in a request of any protocol."""
    if isinstance(value, list):
        for each in value:
            yield from schemas(each)
    elif isinstance(value, dict):
        found = [value[key] for key in ("parameters", "input_schema", "parametersJsonSchema") if key in value]
        yield from (schema for schema in found if isinstance(schema, dict))
        yield from schemas([] if found else list(value.values()))
