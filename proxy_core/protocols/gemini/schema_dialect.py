"""JSON Schema cut down to the keywords of Gemini's Schema message (https://ai.google.dev/api/caching#Schema).

An allow-list: one unknown keyword anywhere has the whole request refused, and new keywords keep coming.
"""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.gemini.schema_tree import Schema
from proxy_core.wire.json import dumps

_ANY_TYPE = ("title", "description", "default", "example")
_OF_TYPE: dict[str, tuple[str, ...]] = {
    "string": ("enum", "format", "minLength", "maxLength", "pattern"),
    "number": ("format", "minimum", "maximum"),
    "integer": ("format", "minimum", "maximum"),
    "boolean": (),
    "array": ("items", "minItems", "maxItems"),
    "object": ("properties", "required", "minProperties", "maxProperties"),
    "null": (),
}
_FORMATS: dict[str, tuple[str, ...]] = {
    "string": ("enum", "date-time"),
    "number": ("float", "double"),
    "integer": ("int32", "int64"),
}
_TOLD = ("format", "enum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems", "pattern")
"""Keywords that go into the description where the dialect has no place for them."""
_MEANINGLESS = frozenset({"examples", "$comment", "nullable", "readOnly", "writeOnly", "deprecated"})
_HANDLED = frozenset({"type", "const", "anyOf", "oneOf", "allOf", "prefixItems"})
_UNIONS = ("anyOf", "oneOf")


class Cleaning:
    """`lost` collects the keywords that found no place."""

    def __init__(self) -> None:
        self.lost: set[str] = set()

    def schema(self, node: Any) -> Schema:
        if not isinstance(node, dict):  # `true` allows anything, for which the dialect has no word
            self.lost.add("schema without a type")
            return {"type": "STRING"}
        node = self._single(node)
        node, nullable = _without_null(node)
        written = self._union(node) if node.get("anyOf") else self._typed(node)
        return {**written, "nullable": True} if nullable else written

    def _single(self, node: Schema) -> Schema:
        """`allOf` merged, `oneOf` and lists of types as `anyOf`, `const` as `enum`."""
        out = dict(node)
        for inner in _list(out.pop("allOf", None)):
            out = _merged(out, self._single(inner)) if isinstance(inner, dict) else out
        if "const" in out:
            out["enum"] = [out.pop("const")]
        if "oneOf" in out:
            out["anyOf"] = [*_list(out.get("anyOf")), *_list(out.pop("oneOf"))]
        kinds = out.get("type")
        if isinstance(kinds, list):
            out = _typed_union(out, [kind for kind in kinds if isinstance(kind, str)])
        if out.get("anyOf") and ("properties" in out or out.get("type") == "object"):
            self.lost.add("anyOf beside properties")  # such as {anyOf: [{required: [a]}, {required: [b]}]}
            del out["anyOf"]
        return out

    def _union(self, node: Schema) -> Schema:
        beside = {key: value for key, value in node.items() if key not in _HANDLED}
        self.lost.update(key for key in beside if key not in (*_ANY_TYPE, *_MEANINGLESS))
        return {**_described(beside, beside), "anyOf": [self.schema(option) for option in node["anyOf"]]}

    def _typed(self, node: Schema) -> Schema:
        kind = self._kind(node)
        told: Schema = {}
        out: Schema = {"type": kind.upper()}
        for key, value in node.items():
            if key in _OF_TYPE[kind] and self._fits(kind, key, value):
                out[key] = value
            elif key in _TOLD:
                told[key] = value
            elif key not in _HANDLED and key not in _ANY_TYPE and key not in _MEANINGLESS:
                self.lost.add(key)
        self._structure(kind, node, out)
        self.lost.update(told)
        return {**out, **_described(node, told)}

    def _kind(self, node: Schema) -> str:
        kind = node.get("type")
        if isinstance(kind, str) and kind.lower() in _OF_TYPE:
            return kind.lower()
        values = _list(node.get("enum"))
        if values:
            return "string" if all(isinstance(value, str) for value in values) else _json_type(values[0])
        for implied, words in (("object", ("properties", "additionalProperties")), ("array", ("items", "prefixItems"))):
            if any(word in node for word in words):
                return implied
        self.lost.add("schema without a type")
        return "string"

    def _fits(self, kind: str, key: str, value: Any) -> bool:
        match key:
            case "format":
                return value in _FORMATS.get(kind, ())
            case "enum":
                return isinstance(value, list) and all(isinstance(item, str) and item for item in value)
            case "pattern":
                return isinstance(value, str)
            case "items" | "properties" | "required":
                return True
            case _:
                return isinstance(value, int | float) and not isinstance(value, bool)

    def _structure(self, kind: str, node: Schema, out: Schema) -> None:
        if kind == "array":
            out["items"] = self._items(node)
        if kind == "object":
            properties = out.pop("properties", None)
            out.pop("required", None)
            if isinstance(properties, dict) and properties:
                out["properties"] = {name: self.schema(inner) for name, inner in properties.items()}
                required = [name for name in _list(node.get("required")) if name in properties]
                out |= {"required": required} if required else {}

    def _items(self, node: Schema) -> Schema:
        """The API demands a schema for the elements of every array."""
        items = node.get("items")
        options = _list(node.get("prefixItems")) or (items if isinstance(items, list) else [])
        if isinstance(items, dict) and items:
            options = [*options, items]
        if "prefixItems" in node:
            self.lost.add("prefixItems")
        return self.schema(options[0] if len(options) == 1 else {"anyOf": options}) if options else {"type": "STRING"}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _merged(one: Schema, other: Schema) -> Schema:
    both = {**other, **one}
    if "properties" in one and "properties" in other:
        both["properties"] = {**other["properties"], **one["properties"]}
    if "required" in one and "required" in other:
        both["required"] = list(dict.fromkeys([*_list(one["required"]), *_list(other["required"])]))
    return both


def _typed_union(node: Schema, kinds: list[str]) -> Schema:
    """`type: [string, null]` and the like, one option for each type, with the keywords that belong to it."""
    if len(kinds) == 1:
        return {**node, "type": kinds[0]}
    own = {word for kind in kinds for word in (*_OF_TYPE.get(kind, ()), *_TOLD, "prefixItems", "additionalProperties")}
    rest = {key: value for key, value in node.items() if key not in own and key != "type"}
    return {**rest, "anyOf": [_option(node, kind, kinds) for kind in kinds]}


def _option(node: Schema, kind: str, kinds: list[str]) -> Schema:
    words = {*_OF_TYPE.get(kind, ()), *(_TOLD if kind != "null" else ())}
    option: Schema = {"type": kind, **{key: node[key] for key in words if key in node}}
    if "enum" in option:
        option["enum"] = [value for value in _list(option["enum"]) if len(kinds) == 1 or _json_type(value) == kind]
        if not option["enum"]:
            del option["enum"]
    return option


def _json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "string"


def _without_null(node: Schema) -> tuple[Schema, bool]:
    """The node without its null options, and whether null was one."""
    nullable = node.get("nullable") is True
    values = node.get("enum")
    if isinstance(values, list) and None in values:
        node = {**node, "enum": [value for value in values if value is not None]}
        nullable = True
    options = node.get("anyOf")
    if not isinstance(options, list):
        return node, nullable
    real = [option for option in options if option != {"type": "null"}]
    nullable = nullable or len(real) < len(options)
    if len(real) == 1 and isinstance(real[0], dict):
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        inner, inner_nullable = _without_null(_merged(rest, real[0]))
        return inner, nullable or inner_nullable
    return {**node, "anyOf": real}, nullable


def _described(node: Schema, told: Schema) -> Schema:
    """Title, description, default and example, with what the dialect has no keyword for told in words."""
    out = {key: node[key] for key in _ANY_TYPE if key in node}
    examples = _list(node.get("examples"))
    if examples and "example" not in out:
        out["example"] = examples[0]
    for key in ("title", "description"):
        if not isinstance(out.get(key, ""), str):
            del out[key]
    hints = [f"({key}: {dumps(told[key]).decode()})" for key in _TOLD if key in told]
    if hints:
        out["description"] = " ".join([*([out["description"]] if out.get("description") else []), *hints])
    return out
