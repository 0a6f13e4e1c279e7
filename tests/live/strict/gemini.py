"""What Gemini accepts at :generateContent (https://ai.google.dev/api/generate-content, https://ai.google.dev/api/caching#Schema)."""

from __future__ import annotations

import re
from typing import Any

from tests.live.strict.shapes import (
    Check,
    Refused,
    anything,
    base64_text,
    between,
    boolean,
    filled,
    integer,
    listed,
    mapping,
    matching,
    number,
    record,
    string,
    word,
)

SENTINEL = "skip_thought_signature_validator"
"""https://ai.google.dev/gemini-api/docs/thought-signatures: stands in where a signature was lost."""

_NAME = matching(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_TYPES = word(*("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"), *(
    "string", "number", "integer", "boolean", "array", "object", "null"
))  # fmt: skip
_SCHEMA_FIELDS: dict[str, Check] = {
    "type": _TYPES,
    "format": string,
    "title": string,
    "description": string,
    "nullable": boolean,
    "enum": listed(string),
    "maxItems": integer,
    "minItems": integer,
    "required": listed(string),
    "minProperties": integer,
    "maxProperties": integer,
    "minLength": integer,
    "maxLength": integer,
    "pattern": string,
    "example": anything,
    "propertyOrdering": listed(string),
    "default": anything,
    "minimum": number,
    "maximum": number,
}
_STRING_FORMATS = ("enum", "date-time")


def schema(value: Any, path: str) -> None:
    """Gemini's own Schema message: unknown keywords are refused, each named."""
    mapping(value, path)
    for name, element in value.items():
        if name == "properties":
            mapping(element, f"{path}.properties")
            for property_name, inner in element.items():
                schema(inner, f"{path}.properties[{property_name}]")
        elif name == "items":
            schema(element, f"{path}.items")
        elif name == "anyOf":
            listed(schema, 1)(element, f"{path}.anyOf")
        elif name in _SCHEMA_FIELDS:
            _SCHEMA_FIELDS[name](element, f"{path}.{name}")
        else:
            raise Refused(path, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    _check_node(value, path)


def _check_node(node: dict[str, Any], path: str) -> None:
    kind = str(node.get("type", "")).upper()
    if not kind and "anyOf" not in node:
        raise Refused(f"{path}.type", "must be specified")
    if kind == "ARRAY" and "items" not in node:
        raise Refused(f"{path}.items", "missing field.")
    if node.get("enum") and kind != "STRING":
        raise Refused(f"{path}.enum", "only allowed for STRING type")
    if kind == "STRING" and "format" in node and node["format"] not in _STRING_FORMATS:
        raise Refused(f"{path}.format", "only 'enum' and 'date-time' are supported for STRING type")
    for name in node.get("required") or ():
        if name not in (node.get("properties") or {}):
            raise Refused(f"{path}.required", f"property '{name}' is not defined")


def _bytes(value: Any, path: str) -> None:
    """Either alphabet: https://protobuf.dev/programming-guides/json/. The Python SDK sends the URL-safe one."""
    string(value, path)
    base64_text(value.replace("-", "+").replace("_", "/"), path)


_BLOB = record({"mimeType": filled, "data": _bytes}, {"displayName": string})
_FILE = record({"fileUri": filled}, {"mimeType": string, "displayName": string})
_PART_DATA: dict[str, Check] = {
    "text": string,
    "inlineData": _BLOB,
    "fileData": _FILE,
    "functionCall": record({"name": _NAME}, {"id": string, "args": mapping}),
    "functionResponse": record(
        {"name": _NAME, "response": mapping},
        {"id": string, "parts": listed(record({}, {"inlineData": _BLOB, "fileData": _FILE})), "scheduling": string},
    ),
    "executableCode": mapping,
    "codeExecutionResult": mapping,
}
_PART_FIELDS = record(
    {},
    {
        **_PART_DATA,
        "thought": boolean,
        "thoughtSignature": string,
        "videoMetadata": mapping,
        "mediaResolution": mapping,
    },
)


def _part(value: Any, path: str) -> None:
    _PART_FIELDS(value, path)
    data = [name for name in value if name in _PART_DATA]
    if len(data) != 1:
        raise Refused(path, "required oneof field 'data' must have one initialized field")


_CONTENT = record({"parts": listed(_part, 1)}, {"role": word("user", "model", "function")})
_SYSTEM = record({"parts": listed(_part, 1)}, {"role": string})
_DECLARATION = record(
    {"name": _NAME},
    {
        "description": string,
        "parameters": schema,
        "parametersJsonSchema": mapping,
        "response": schema,
        "responseJsonSchema": mapping,
        "behavior": string,
    },
)
_TOOL = record(
    {},
    {
        "functionDeclarations": listed(_DECLARATION),
        "googleSearch": mapping,
        "googleSearchRetrieval": mapping,
        "codeExecution": mapping,
        "urlContext": mapping,
        "computerUse": mapping,
        "fileSearch": mapping,
        "googleMaps": mapping,
    },
)
_FUNCTION_CALLING = record(
    {}, {"mode": word("AUTO", "ANY", "NONE", "VALIDATED"), "allowedFunctionNames": listed(_NAME)}
)
_THINKING = record(
    {},
    {
        "includeThoughts": boolean,
        "thinkingBudget": integer,
        "thinkingLevel": word(*("MINIMAL", "LOW", "MEDIUM", "HIGH"), *("minimal", "low", "medium", "high")),
    },
)
_GENERATION = record(
    {},
    {
        "candidateCount": integer,
        "stopSequences": listed(filled),
        "maxOutputTokens": between(1, 10_000_000),
        "temperature": between(0, 2),
        "topP": between(0, 1),
        "topK": number,
        "seed": integer,
        "presencePenalty": between(-2, 2),
        "frequencyPenalty": between(-2, 2),
        "responseMimeType": string,
        "responseSchema": schema,
        "responseJsonSchema": mapping,
        "responseModalities": listed(string),
        "responseLogprobs": boolean,
        "logprobs": integer,
        "thinkingConfig": _THINKING,
        "mediaResolution": string,
        "speechConfig": mapping,
        "imageConfig": mapping,
    },
)
_REQUEST = record(
    {"contents": listed(_CONTENT, 1)},
    {
        "systemInstruction": _SYSTEM,
        "tools": listed(_TOOL),
        "toolConfig": record({}, {"functionCallingConfig": _FUNCTION_CALLING, "retrievalConfig": mapping}),
        "generationConfig": _GENERATION,
        "safetySettings": listed(record({"category": string, "threshold": string})),
        "cachedContent": string,
        "labels": mapping,
        "serviceTier": string,
        "store": boolean,
    },
)


def check_gemini(body: Any, model: str, seals: frozenset[str] = frozenset()) -> None:
    """Raises Refused. `seals` are the thought signatures that this vendor has issued."""
    _REQUEST(body, "")
    _check_calls(body["contents"])
    _check_signatures(body["contents"], model, seals)
    _check_tools(body)
    _check_generation(body.get("generationConfig") or {}, model)


def _kind(content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [part for part in content["parts"] if name in part]


def _check_calls(contents: list[dict[str, Any]]) -> None:
    """https://github.com/googleapis/python-genai/issues/1093 and alike: as many responses as calls, right behind."""
    pending: list[str] = []
    for index, content in enumerate(contents):
        path = f"contents[{index}]"
        responses = [part["functionResponse"]["name"] for part in _kind(content, "functionResponse")]
        if sorted(responses) != sorted(pending):
            raise Refused(
                path,
                "Please ensure that the number of function response parts is equal to the number of function call "
                f"parts of the function call turn: called {pending}, answered {responses}",
            )
        calls = [part["functionCall"]["name"] for part in _kind(content, "functionCall")]
        if calls and (content.get("role") != "model" or (index and contents[index - 1].get("role") == "model")):
            why = "function call turn comes immediately after a user turn or after a function response turn."
            raise Refused(path, why)
        pending = calls
    if pending or contents[-1].get("role") == "model":
        raise Refused("contents", "Please ensure that multiturn requests end with a user role.")


def _check_signatures(contents: list[dict[str, Any]], model: str, seals: frozenset[str]) -> None:
    """https://ai.google.dev/gemini-api/docs/thought-signatures: the first call of each step of the running turn."""
    for index, content in enumerate(contents):
        for number_, part in enumerate(content["parts"]):
            sealed = part.get("thoughtSignature")
            if sealed is not None and sealed != SENTINEL and sealed not in seals:
                raise Refused(f"contents[{index}].parts[{number_}]", "Corrupted thought signature.")
    asked = [i for i, c in enumerate(contents) if c.get("role") != "model" and not _kind(c, "functionResponse")]
    for index, content in enumerate(contents):
        calls = _kind(content, "functionCall")
        if "gemini-3" in model and calls and index > max(asked, default=-1) and "thoughtSignature" not in calls[0]:
            raise Refused(f"contents[{index}]", "Function call is missing a thought_signature in functionCall parts.")


def _check_tools(body: dict[str, Any]) -> None:
    names: list[str] = []
    for tool in body.get("tools") or ():
        for declaration in tool.get("functionDeclarations") or ():
            names.append(declaration["name"])
            if "parameters" in declaration and "parametersJsonSchema" in declaration:
                raise Refused("tools", "parameters and parameters_json_schema are mutually exclusive")
            if str(declaration.get("parameters", {}).get("type", "OBJECT")).upper() != "OBJECT":
                raise Refused("tools", "parameters schema should be of type OBJECT.")
    if len(set(names)) != len(names):
        raise Refused("tools", f"Duplicate function declaration found: {names}")
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = calling.get("allowedFunctionNames")
    if allowed and calling.get("mode") not in ("ANY", "VALIDATED"):
        raise Refused("toolConfig", "allowed_function_names should only be set when the mode is ANY or VALIDATED")
    if calling.get("mode") == "ANY" and not names:
        raise Refused("toolConfig", "Function calling config is set without function_declarations.")
    for name in allowed or ():
        if name not in names:
            raise Refused("toolConfig", f"allowed_function_names contains '{name}', which is not declared")


def _check_generation(config: dict[str, Any], model: str) -> None:
    if "responseSchema" in config and "responseJsonSchema" in config:
        raise Refused("generationConfig", "response_schema and response_json_schema are mutually exclusive")
    shaped = "responseSchema" in config or "responseJsonSchema" in config
    if shaped and config.get("responseMimeType") != "application/json":
        raise Refused("generationConfig.responseMimeType", "must be application/json for a response schema")
    if len(config.get("stopSequences") or ()) > 5:
        raise Refused("generationConfig.stopSequences", "at most 5")
    _check_thinking(config.get("thinkingConfig") or {}, model)


def _check_thinking(thinking: dict[str, Any], model: str) -> None:
    """https://ai.google.dev/gemini-api/docs/thinking"""
    budget = thinking.get("thinkingBudget")
    if budget is not None and "thinkingLevel" in thinking:
        raise Refused("thinkingConfig", "You can only set only one of thinking budget and thinking level.")
    if "thinkingLevel" in thinking and not re.search(r"gemini-[3-9]", model):
        raise Refused("thinkingConfig", "Thinking level is not supported for this model.")
    limits = {"gemini-2.5-pro": (128, 32_768), "gemini-2.5-flash-lite": (512, 24_576), "gemini-2.5-flash": (1, 24_576)}
    low, high = next((limit for name, limit in limits.items() if name in model), (0, 65_536))
    may_be_off = "pro" not in model
    if budget is not None and not (low <= budget <= high or budget == -1 or (budget == 0 and may_be_off)):
        raise Refused("thinkingConfig.thinkingBudget", f"The thinking budget {budget} is invalid, choose {low}-{high}.")
