"""Gemini's generateContent. Calls carry no id, as most of Gemini's do, and the first of a turn has the signature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.live.vendors.said import Failed, Said, data, pieces

_WORDS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
_FREE = frozenset(
    {"args", "response", "properties", "parametersJsonSchema", "parameters_json_schema", "responseJsonSchema"}
    | {"response_json_schema", "labels"}
)
"""Their names are the user's own."""


def whole(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    return {**_chunk(said, request, list(_parts(said)), last=True)}


def stream(said: Said, request: dict[str, Any]) -> Iterator[bytes]:
    parts = [small for part in _parts(said) for small in _pieces(part, said.every)]
    for number, part in enumerate(parts):
        chunk = _chunk(said, request, [part], last=number == len(parts) - 1)
        yield data(chunk).replace(b"\n", b"\r\n")


def failed(fault: Failed) -> dict[str, Any]:
    word = _WORDS.get(fault.status, "UNAVAILABLE")
    return {"error": {"code": fault.status, "message": fault.message, "status": word}}


def as_understood(request: dict[str, Any]) -> dict[str, Any]:
    """A request in camel case. Model turns in a row are one: so the SDK's chats keep the chunks of a stream."""
    understood = _camel_case(request)
    if isinstance(understood.get("contents"), list):
        understood["contents"] = _merged(understood["contents"])
    return understood


def _merged(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    merged: list[dict[str, Any]] = []
    for content in contents:
        if merged and content.get("role") == "model" == merged[-1].get("role"):
            merged[-1] = {**merged[-1], "parts": [*merged[-1]["parts"], *content.get("parts", ())]}
        else:
            merged.append(content)
    return merged


def _camel_case(value: Any) -> Any:
    """Gemini takes each field in snake case too (https://protobuf.dev/programming-guides/json/); the SDK mixes them."""
    if isinstance(value, list):
        return [_camel_case(element) for element in value]
    if not isinstance(value, dict):
        return value
    return {_camel(name): element if name in _FREE else _camel_case(element) for name, element in value.items()}


def _camel(name: str) -> str:
    return re.sub(r"(?<=[a-z])_([a-z])", lambda found: found[1].upper(), name)


def _chunk(said: Said, request: dict[str, Any], parts: list[dict[str, Any]], last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = "MAX_TOKENS" if said.cut_off else "STOP"
    head = {"modelVersion": request["model"], "responseId": "q3AfaZ2oJ4-Z7dcP"}
    return {"candidates": [candidate], "usageMetadata": _usage(said), **head}


def _pieces(part: dict[str, Any], every: int) -> Iterator[dict[str, Any]]:
    """A signature comes with the last piece of its text."""
    if "text" not in part:
        yield part
        return
    more = {name: value for name, value in part.items() if name not in ("text", "thoughtSignature")}
    cut = list(pieces(part["text"], every))
    for piece in cut[:-1]:
        yield {"text": piece, **more}
    yield {**part, "text": cut[-1]}


def _parts(said: Said) -> Iterator[dict[str, Any]]:
    seal = {"thoughtSignature": said.seal} if said.seal else {}
    if said.thinking:
        yield {"text": said.thinking, "thought": True}
    if said.text:
        yield {"text": said.text, **({} if said.calls else seal)}
    for number, (name, arguments) in enumerate(said.calls):
        yield {"functionCall": {"name": name, "args": arguments}, **({} if number else seal)}


def _usage(said: Said) -> dict[str, Any]:
    thoughts = {"thoughtsTokenCount": said.reasoning} if said.reasoning else {}
    return {
        "promptTokenCount": said.prompt,
        "cachedContentTokenCount": said.cached,
        "candidatesTokenCount": said.output - said.reasoning,
        **thoughts,
        "totalTokenCount": said.prompt + said.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": said.prompt}],
    }
