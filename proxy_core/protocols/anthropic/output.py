"""Structured output: natively, through a tool that stands in for it, or by asking for it.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxy_core.protocols.anthropic.schemas import closed_schema, object_schema
from proxy_core.protocols.anthropic.writing import API, Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.request import OutputFormat
from proxy_core.wire.json import dumps

STRUCTURED_OUTPUT_TOOL = "structured_output"
"""The tool whose call is the answer, for models without structured output."""

_DESCRIPTION = "Gives the final answer to the user in the required form."


@dataclass(slots=True)
class Structure:
    """What a wanted form of output adds to the request."""

    fields: Extra = field(default_factory=dict)
    """Top-level fields; `output_config` is to be merged."""
    tool: Extra | None = None
    instruction: str | None = None


def structure_of(output: OutputFormat | None, writing: Writing) -> Structure:
    if output is None:
        return Structure()
    if not writing.own:
        writing.losses.drop_extra("response_format", output.extra, API)
    match output.kind:
        case "text":
            return Structure()
        case "json":
            return Structure(instruction="Answer with one JSON object and nothing else.")
        case "schema":
            return _by_schema(output, writing)


def _by_schema(output: OutputFormat, writing: Writing) -> Structure:
    if writing.target.profile.structured_output:
        return Structure(_native(output, writing))
    if _is_object(output.schema):
        return Structure(tool=_stand_in(output))
    schema = dumps(output.schema).decode()
    return Structure(instruction=f"Answer with JSON that fits this JSON Schema, and nothing else:\n{schema}")


def _native(output: OutputFormat, writing: Writing) -> Extra:
    schema = output.schema
    if not writing.own:
        schema = closed_schema(schema)
        if schema != output.schema:
            writing.losses.change("response_format", f"{API} takes closed objects and fewer JSON Schema keywords")
    form: dict[str, Any] = {"type": "json_schema", "schema": schema, **writing.kept(output.extra, "output_format")}
    if output.extra.get("_field") == "output_format":
        return {"output_format": form}
    return {"output_config": {"format": form}}


def _is_object(schema: Any) -> bool:
    return isinstance(schema, dict) and (schema.get("type") == "object" or "properties" in schema or "$ref" in schema)


def _stand_in(output: OutputFormat) -> Extra:
    schema, _ = object_schema(output.schema)
    return {
        "name": STRUCTURED_OUTPUT_TOOL,
        "description": f"{_DESCRIPTION} {output.description or ''}".strip(),
        "input_schema": schema,
    }


def with_stand_in(choice: Extra | None, tools: list[Extra]) -> Extra:
    """`tool_choice` when the stand-in is the last of `tools`: the model must answer by it or, where the client
    has offered tools of its own, call one of those first. A tool that the client forces stays forced (T48)."""
    if len(tools) == 1 or (choice and choice["type"] == "none"):
        return {"type": "tool", "name": STRUCTURED_OUTPUT_TOOL}
    if choice and choice["type"] == "tool":
        return choice
    return {**(choice or {}), "type": "any"}
