"""Answers in JSON. https://docs.cohere.com/docs/structured-outputs"""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.cohere.names import API
from proxy_core.protocols.cohere.writing import Writing
from proxy_core.turn.request import OutputFormat
from proxy_core.wire.json import dumps

_ONLY_JSON = "Answer with a JSON object only, without any other text."
_BY_SCHEMA = "Answer with JSON only, without any other text. It must conform to this JSON Schema:\n"


def add_output(output: OutputFormat | None, body: dict[str, Any], writing: Writing) -> None:
    """Without being asked for JSON in words too, a model may write blanks until its window is full."""
    if output is None or output.kind == "text":
        return
    writing.lose(output.extra, "response_format")
    schema = output.schema if output.kind == "schema" else None
    why = _unfit(schema, body)
    if why:
        writing.losses.change("response_format", f"{why}; it stands in the prompt")
        _say(body, _ONLY_JSON if schema is None else _BY_SCHEMA + dumps(schema).decode())
    elif schema is None:
        body["response_format"] = {"type": "json_object"}
        _say(body, _ONLY_JSON)
    else:
        body["response_format"] = {"type": "json_object", "json_schema": schema}


def _unfit(schema: Any, body: dict[str, Any]) -> str | None:
    """Why the format cannot be demanded."""
    if "tools" in body or "documents" in body:
        return f"{API} takes no format beside tools or documents"
    if schema is not None and not (isinstance(schema, dict) and schema.get("type") == "object"):
        return f"{API} takes only schemas of an object"
    return None


def _say(body: dict[str, Any], words: str) -> None:
    messages = body["messages"]
    if messages and messages[0]["role"] == "system":
        messages[0]["content"] += "\n\n" + words
    else:
        messages.insert(0, {"role": "system", "content": words})
