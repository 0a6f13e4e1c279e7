"""What a tool answered, as a functionResponse (https://ai.google.dev/api/caching#FunctionResponse)."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.gemini.content_read import ANSWER, is_google_file
from proxy_core.protocols.gemini.content_write import finished, write_part
from proxy_core.protocols.gemini.names import MADE_UP_ID
from proxy_core.protocols.gemini.writing import Writing
from proxy_core.turn.content import Media, Refusal, Text, ToolCall, ToolResult
from proxy_core.turn.toolids import fitted_id
from proxy_core.wire.json import loads

type Content = dict[str, Any]


def write_result(result: ToolResult, call: ToolCall, writing: Writing, path: str) -> tuple[Content, list[Content]]:
    """The functionResponse part, and parts for files that the model does not take inside of it."""
    files = _files(result, writing, path)
    inside = files if writing.own or writing.target.profile.function_response_media else []
    loose = [] if inside else files
    if loose:
        writing.losses.change(path, f"{writing.target.model} takes no files in a result; they follow as a message")
    response: Content = {"name": call.name, "response": _response(result, writing)}
    call_id = _result_id(result, writing)
    if call_id is not None:
        response = {"id": call_id, **response}
    if inside:
        response["parts"] = inside
    writing.uncached(result.cache)
    writing.kept(result.extra, path)
    return finished({"functionResponse": response}, result.extra if writing.own else {}, None), loose


def _result_id(result: ToolResult, writing: Writing) -> str | None:
    """None where Gemini itself gave none."""
    if writing.own:
        return None if MADE_UP_ID in result.extra else result.call_id
    return fitted_id(result.call_id, writing.target.dialect.tool_id)


def _response(result: ToolResult, writing: Writing) -> Content:
    """Always text in an object: what looks like a reference (`$ref`) inside a bare object is refused as one
    (https://github.com/vercel/ai/issues/14369)."""
    text = joined_text(result)
    shape = result.extra.get(ANSWER) if writing.own else None
    if shape == "":
        value = _object(text)
        if value is not None:
            return value
    return {shape or ("error" if result.is_error else "output"): text}


def _object(text: str) -> Content | None:
    try:
        value = loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def joined_text(result: ToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, Text | Refusal))


def _files(result: ToolResult, writing: Writing, path: str) -> list[Content]:
    files: list[Content] = []
    for index, part in enumerate(result.content):
        if isinstance(part, Text | Refusal):
            continue
        inner = f"{path}.content[{index}]"
        known = isinstance(part, Media) and (part.data or part.url or is_google_file(part.file_id or ""))
        written = write_part(part, own_extra=writing.own, foreign_seals=False) if known or writing.own else None
        if written is None:
            writing.losses.drop(inner, "no part of a function's response can hold it")
        else:
            files.append(written)
    return files
