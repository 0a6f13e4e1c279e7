"""A JSON Schema as a tree of schemas, so that a property called `title` is never taken for the keyword."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from proxy_core.turn.losses import Losses

type Schema = dict[str, Any]

_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_ONE_OR_MORE = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"}
    | {"anyOf", "oneOf", "allOf", "prefixItems", "unevaluatedProperties", "additionalItems"}
)
_DEFINITIONS = ("$defs", "definitions")
_MARKS_OF_A_SCHEMA = _MAPS | _ONE_OR_MORE | {"$ref", "type", "enum", "const", "default"}
_MOST_NODES = 20_000
_DEEPEST = 60


def each_subschema(node: Schema, visit: Callable[[Any], Any]) -> Schema:
    """`node` with `visit` applied to the schemas right below it; everything else is kept."""
    out: Schema = {}
    for key, value in node.items():
        if key in _MAPS and isinstance(value, dict):
            out[key] = {name: visit(inner) for name, inner in value.items()}
        elif key in _ONE_OR_MORE and isinstance(value, list):
            out[key] = [visit(inner) for inner in value]
        elif key in _ONE_OR_MORE and isinstance(value, dict):
            out[key] = visit(value)
        else:
            out[key] = value
    return out


def whole(schema: Schema, path: str, losses: Losses) -> Schema:
    """`schema` as one tree: references replaced by what they point to, malformed places mended."""
    if is_property_map(schema):
        schema = {"type": "object", "properties": schema}
    tree = _Inlining(schema, path, losses).schema(schema)
    return {key: value for key, value in mended(tree).items() if key not in _DEFINITIONS}


def is_property_map(schema: Schema) -> bool:
    """Some MCP servers give the properties alone, without the object around them."""
    if not schema or any(key in _MARKS_OF_A_SCHEMA and not _is_schema(value) for key, value in schema.items()):
        return False
    return "type" not in schema and all(_is_schema(value) for value in schema.values())


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type", value.get("description")), str)


def mended(node: Any) -> Any:
    """`required: true` on a property, where a list of names on its object is due, is put right."""
    if not isinstance(node, dict):
        return node
    out = each_subschema(node, mended)
    properties = node.get("properties")
    given = node.get("required")
    named: list[Any] = given if isinstance(given, list) else []
    if isinstance(properties, dict):
        named = [*named, *(name for name, inner in properties.items() if _says_required(inner) and name not in named)]
    out.pop("required", None)
    return {**out, "required": named} if named else out


def _says_required(inner: Any) -> bool:
    return isinstance(inner, dict) and inner.get("required") is True


class _Inlining:
    """Schemas that contain themselves end, at the second round, in their bare type; so do schemas that grow too big."""

    def __init__(self, root: Schema, path: str, losses: Losses) -> None:
        self._root = root
        self._path = path
        self._losses = losses
        self._active: list[str] = []
        self._nodes = 0
        self._depth = 0

    def schema(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        self._nodes += 1
        self._depth += 1
        try:
            if self._depth > _DEEPEST or self._nodes > _MOST_NODES:
                return self._cut(node)
            ref = node.get("$ref")
            if isinstance(ref, str):
                return self._followed(ref, {key: value for key, value in node.items() if key != "$ref"})
            inner = node if node is not self._root else {k: v for k, v in node.items() if k not in _DEFINITIONS}
            return each_subschema(inner, self.schema)
        finally:
            self._depth -= 1

    def _followed(self, ref: str, beside: Schema) -> Schema:
        target = self._target(ref)
        if target is None:
            self._losses.drop(f"{self._path}.$ref", f"'{ref}' points to nothing in the schema")
            return each_subschema(beside, self.schema)
        if ref in self._active:
            return {**self._cut(target), **beside}
        self._active.append(ref)
        found = self.schema(target)
        self._active.pop()
        return {**found, **each_subschema(beside, self.schema)}

    def _cut(self, node: Schema) -> Schema:
        self._losses.change(self._path, "the schema contains itself or is too large; it was cut short")
        kept = {key: node[key] for key in ("type", "description") if key in node}
        return {"type": "object", **kept} if "$ref" not in node else {"type": "object"}

    def _target(self, ref: str) -> Schema | None:
        if not ref.startswith("#"):
            return None
        found: Any = self._root
        for step in unquote(ref[1:]).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else _item(found, name)
        return found if isinstance(found, dict) else None


def _item(found: Any, name: str) -> Any:
    if isinstance(found, list) and name.isdigit() and int(name) < len(found):
        return found[int(name)]
    return None
