"""JSON Schema for Gemini: traps T21 to T26, references, and a Gemini client's own schemas read."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.protocols.gemini.schema import dialect_schema, from_gemini, json_schema
from proxy_core.turn.losses import Losses
from tests.live.strict.gemini import schema as check_strictly


def cleaned(schema: dict[str, Any], losses: Losses | None = None) -> dict[str, Any]:
    written = dialect_schema(schema, "p", losses or Losses())
    check_strictly(written, "p")
    return written


def cleaned_property(schema: Any) -> dict[str, Any]:
    return cleaned({"type": "object", "properties": {"x": schema}})["properties"]["x"]


def test_t21_unknown_keywords_go_and_are_reported_once() -> None:
    losses = Losses()
    written = cleaned(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "a": {"type": "integer", "exclusiveMinimum": 0, "multipleOf": 5, "description": "How many"},
                "b": {"type": "object", "propertyNames": {"pattern": "^x"}, "brandNewKeyword": True},
            },
            "if": {"required": ["a"]},
            "then": {"required": ["b"]},
        },
        losses,
    )
    assert written == {
        "type": "OBJECT",
        "properties": {
            "a": {"type": "INTEGER", "description": "How many (exclusiveMinimum: 0) (multipleOf: 5)"},
            "b": {"type": "OBJECT"},
        },
    }
    (loss,) = losses.items
    assert loss.path == "p"
    for keyword in ("additionalProperties", "brandNewKeyword", "if", "propertyNames", "then"):
        assert keyword in loss.why


@pytest.mark.parametrize(
    ("schema", "items"),
    [
        ({"type": "array"}, {"type": "STRING"}),
        ({"type": "array", "items": {}}, {"type": "STRING"}),
        ({"type": "array", "prefixItems": [{"type": "number"}]}, {"type": "NUMBER"}),
        (
            {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]},
            {"anyOf": [{"type": "NUMBER"}, {"type": "STRING"}]},
        ),
    ],
)
def test_t22_every_array_says_what_it_holds(schema: dict[str, Any], items: dict[str, Any]) -> None:
    assert cleaned_property(schema)["items"] == items


def test_t23_a_list_of_types_becomes_nullable_or_any_of() -> None:
    assert cleaned_property({"type": ["string", "null"], "minLength": 1}) == {
        "type": "STRING",
        "minLength": 1,
        "nullable": True,
    }
    assert cleaned_property({"type": ["string", "integer", "null"], "minimum": 1}) == {
        "anyOf": [{"type": "STRING"}, {"type": "INTEGER", "minimum": 1}],
        "nullable": True,
    }


def test_t25_a_property_called_like_a_keyword_is_a_property() -> None:
    names = ("title", "format", "default", "enum", "type", "$ref", "items", "required", "const")
    properties = {name: {"type": "string"} for name in names}
    written = cleaned({"type": "object", "properties": properties, "required": ["type", "$ref"]})
    assert written["properties"] == {name: {"type": "STRING"} for name in names}
    assert written["required"] == ["type", "$ref"]


def test_t26_bare_properties_and_required_true_are_mended() -> None:
    bare = {"url": {"type": "string", "required": True}, "depth": {"type": "integer"}}
    expected = {"url": {"type": "STRING"}, "depth": {"type": "INTEGER"}}
    assert cleaned(bare) == {"type": "OBJECT", "properties": expected, "required": ["url"]}
    assert json_schema(bare, "p", Losses()) == {
        "type": "object",
        "properties": {"url": {"type": "string"}, "depth": {"type": "integer"}},
        "required": ["url"],
    }


def test_enums_are_strings_or_told_in_words() -> None:
    assert cleaned_property({"enum": ["a", "b", None]}) == {"type": "STRING", "enum": ["a", "b"], "nullable": True}
    assert cleaned_property({"const": "only"}) == {"type": "STRING", "enum": ["only"]}
    assert cleaned_property({"type": "integer", "enum": [1, 2]}) == {"type": "INTEGER", "description": "(enum: [1,2])"}


def test_options_keep_null_as_nullable() -> None:
    option = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert cleaned_property({"description": "d", "oneOf": [option, {"type": "null"}]}) == {
        "type": "OBJECT",
        "description": "d",
        "properties": {"a": {"type": "STRING"}},
        "nullable": True,
    }
    assert cleaned_property({"anyOf": [{"type": "string"}, {"type": "number"}]}) == {
        "anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]
    }


def test_all_of_is_merged_and_required_names_must_exist() -> None:
    schema = {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b", "ghost"]},
        ]
    }
    written = cleaned_property(schema)
    assert set(written["properties"]) == {"a", "b"}
    assert sorted(written["required"]) == ["a", "b"]


def test_references_are_inlined() -> None:
    schema = {
        "type": "object",
        "properties": {
            "home": {"$ref": "#/$defs/Address", "description": "Where"},
            "work": {"$ref": "#/properties/home"},
            "odd": {"$ref": "#/$defs/a~1b"},
        },
        "$defs": {"Address": {"type": "object", "properties": {"city": {"type": "string"}}}, "a/b": {"type": "number"}},
    }
    address = {"type": "object", "properties": {"city": {"type": "string"}}, "description": "Where"}
    assert json_schema(schema, "p", Losses()) == {
        "type": "object",
        "properties": {"home": address, "work": address, "odd": {"type": "number"}},
    }


def test_a_schema_that_contains_itself_ends() -> None:
    losses = Losses()
    schema = {
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/Node"}},
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
    }
    root = json_schema(schema, "p", losses)["properties"]["root"]
    assert root == {"type": "object", "properties": {"next": {"type": "object"}}}
    assert [loss.path for loss in losses.items] == ["p"]


def test_a_schema_that_would_explode_is_cut() -> None:
    levels = {
        f"L{level}": {"type": "object", "properties": {n: {"$ref": f"#/$defs/L{level + 1}"} for n in "abcdefgh"}}
        for level in range(12)
    }
    schema = {"type": "object", "properties": {"x": {"$ref": "#/$defs/L0"}}, "$defs": levels}
    losses = Losses()
    written = json_schema(schema, "p", losses)
    assert str(written).count("properties") < 30_000
    assert losses.items


def test_a_reference_to_nothing_is_reported() -> None:
    losses = Losses()
    written = json_schema({"properties": {"a": {"$ref": "other.json#/A", "title": "A"}}}, "p", losses)
    assert written == {"type": "object", "properties": {"a": {"title": "A"}}}
    assert [(loss.path, loss.action) for loss in losses.items] == [("p.$ref", "dropped")]


def test_full_json_schema_keeps_its_keywords() -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"a": {"type": ["string", "null"], "const": "x"}, "b": {"exclusiveMinimum": 0}},
    }
    losses = Losses()
    assert json_schema({"$schema": "s", **schema}, "p", losses) == schema
    assert losses.items == []


def test_gemini_schemas_become_plain_json_schema() -> None:
    given = {
        "type": "OBJECT",
        "properties": {
            "kind": {"type": "STRING", "format": "enum", "enum": ["a"], "nullable": True},
            "list": {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "2"},
            "any_of": {"any_of": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": True},
            "nullable": {"type": "BOOLEAN", "example": True},
        },
        "propertyOrdering": ["kind"],
    }
    assert from_gemini(given) == {
        "type": "object",
        "properties": {
            "kind": {"type": ["string", "null"], "enum": ["a", None]},
            "list": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "any_of": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
            "nullable": {"type": "boolean", "examples": [True]},
        },
    }


def test_a_very_deep_schema_does_not_break_the_reader() -> None:
    schema: dict[str, Any] = {"type": "STRING"}
    for _ in range(400):
        schema = {"type": "OBJECT", "properties": {"a": schema}}
    assert from_gemini(schema)["type"] == "object"
    assert json_schema(schema, "p", Losses())["type"] == "object"
