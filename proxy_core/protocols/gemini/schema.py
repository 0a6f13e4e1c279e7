"""JSON Schema and Gemini's own dialect of it, translated both ways.

    from_gemini      what a Gemini client sends, as plain JSON Schema
    json_schema      for `parametersJsonSchema` and `responseJsonSchema`, which take full JSON Schema
    dialect_schema   for `parameters` and `responseSchema`, which refuse every keyword they do not know

https://ai.google.dev/api/caching#Schema
"""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.gemini.schema_dialect import Cleaning
from proxy_core.protocols.gemini.schema_tree import Schema, each_subschema, whole
from proxy_core.turn.losses import Losses

_TYPES = frozenset({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_SNAKE = {
    "any_of": "anyOf",
    "one_of": "oneOf",
    "all_of": "allOf",
    "prefix_items": "prefixItems",
    "additional_properties": "additionalProperties",
    "property_ordering": "propertyOrdering",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
}
_ABOUT_THE_DOCUMENT = ("$schema", "$id", "$comment")
_DEEPEST = 100


def from_gemini(schema: Schema) -> Schema:
    """Types in capitals, `nullable`, counts as strings, `propertyOrdering` and snake_case become plain JSON Schema.

    A schema that is plain already stays what it is.
    """
    return _plain(schema, 0)


def _plain(node: Any, depth: int) -> Any:
    if not isinstance(node, dict) or depth > _DEEPEST:
        return node
    named: Schema = {_keyword(key): value for key, value in node.items()}
    out = each_subschema(named, lambda inner: _plain(inner, depth + 1))
    out.pop("propertyOrdering", None)
    if "type" in out:
        _set(out, "type", _plain_type(out["type"]))
    if out.get("format") == "enum":
        del out["format"]
    if "example" in out:
        out.setdefault("examples", [out.pop("example")])
    for name in _COUNTS:
        if isinstance(out.get(name), str) and out[name].isdigit():
            out[name] = int(out[name])
    return _with_null(out) if out.pop("nullable", False) is True else out


def _keyword(name: str) -> str:
    return _SNAKE.get(name, name)


def _set(out: Schema, key: str, value: Any) -> None:
    if value is None:
        del out[key]
    else:
        out[key] = value


def _plain_type(kind: Any) -> Any:
    if isinstance(kind, str) and kind.upper() in _TYPES:
        return kind.lower()
    return None if kind == "TYPE_UNSPECIFIED" else kind


def _with_null(node: Schema) -> Schema:
    if isinstance(node.get("type"), str) and node["type"] != "null":
        node["type"] = [node["type"], "null"]
    elif isinstance(node.get("anyOf"), list):
        node["anyOf"] = [*node["anyOf"], {"type": "null"}]
    if isinstance(node.get("enum"), list) and None not in node["enum"]:
        node["enum"] = [*node["enum"], None]
    return node


def json_schema(schema: Schema, path: str, losses: Losses, *, parameters: bool = True) -> Schema:
    """References are inlined: beside one, the API takes no other keyword. `parameters` must be an object."""
    tree = {key: value for key, value in whole(schema, path, losses).items() if key not in _ABOUT_THE_DOCUMENT}
    if parameters and tree.get("type") != "object":
        return {**tree, "type": "object"}
    return tree


def dialect_schema(schema: Schema, path: str, losses: Losses, *, parameters: bool = True) -> Schema:
    """Only keywords that the dialect knows; what was lost is reported once, and told in descriptions where it helps."""
    cleaning = Cleaning()
    tree = {key: value for key, value in whole(schema, path, losses).items() if key not in _ABOUT_THE_DOCUMENT}
    if parameters:
        tree = {**tree, "type": "object"}
    written = cleaning.schema(tree)
    if cleaning.lost:
        losses.drop(path, f"Gemini's schemas have no {', '.join(sorted(cleaning.lost))}")
    return written
