"""What OpenAI accepts at /v1/responses (https://developers.openai.com/api/reference/resources/responses)."""

from __future__ import annotations

import re
from typing import Any

from tests.live.strict.chat import check_reasoning_model
from tests.live.strict.shapes import (
    Check,
    Refused,
    anything,
    between,
    boolean,
    either,
    filled,
    integer,
    json_schema,
    listed,
    mapping,
    matching,
    nullable,
    number,
    record,
    string,
    tagged,
    word,
)

_NAME = matching(r"[a-zA-Z0-9_-]{1,64}")
_CALL_ID = matching(r".{1,64}")
_STATUS = nullable(word("in_progress", "completed", "incomplete"))
_URL = matching(r"(?s)https?://.+|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")

_FORMAT = tagged(
    {
        "text": record({"type": anything}),
        "grammar": record({"type": anything, "syntax": word("lark", "regex"), "definition": string}),
    }
)


def _item_id(prefix: str) -> Check:
    return nullable(matching(rf"{prefix}_.{{1,60}}"))


_INPUT_PARTS: dict[str, Check] = {
    "input_text": record({"type": anything, "text": string}, {"prompt_cache_breakpoint": mapping}),
    "input_image": record(
        {"type": anything},
        {"image_url": nullable(_URL), "file_id": nullable(string), "detail": word("auto", "low", "high", "original")},
    ),
    "input_file": record(
        {"type": anything},
        {"file_id": nullable(string), "file_data": string, "file_url": string, "filename": string},
    ),
}
_OUTPUT_PARTS: dict[str, Check] = {
    "output_text": record({"type": anything, "text": string}, {"annotations": listed(mapping), "logprobs": anything}),
    "refusal": record({"type": anything, "refusal": string}),
}
_INPUT_CONTENT = either(string, listed(tagged(_INPUT_PARTS), 1))
_OUTPUT_CONTENT = either(string, listed(tagged(_OUTPUT_PARTS), 1))
_OUTPUT_MESSAGE = record(
    {"role": word("assistant"), "content": _OUTPUT_CONTENT},
    {"type": anything, "id": _item_id("msg"), "status": _STATUS, "phase": nullable(string)},
)
_INPUT_MESSAGE = record(
    {"role": word("user", "system", "developer"), "content": _INPUT_CONTENT},
    {"type": anything, "id": _item_id("msg"), "status": _STATUS},
)


def _message(value: Any, path: str) -> None:
    mapping(value, path)
    (_OUTPUT_MESSAGE if value.get("role") == "assistant" else _INPUT_MESSAGE)(value, path)


_RESULT = either(string, listed(tagged(_INPUT_PARTS), 1))
_ITEM = tagged(
    {
        "message": _message,
        "function_call": record(
            {"type": anything, "call_id": _CALL_ID, "name": _NAME, "arguments": string},
            {"id": _item_id("fc"), "status": _STATUS, "namespace": string},
        ),
        "function_call_output": record(
            {"type": anything, "call_id": _CALL_ID, "output": _RESULT}, {"id": _item_id("fc"), "status": _STATUS}
        ),
        "custom_tool_call": record(
            {"type": anything, "call_id": _CALL_ID, "name": _NAME, "input": string},
            {"id": _item_id("ctc"), "status": _STATUS},
        ),
        "custom_tool_call_output": record(
            {"type": anything, "call_id": _CALL_ID, "output": _RESULT}, {"id": _item_id("ctc"), "status": _STATUS}
        ),
        "reasoning": record(
            {"type": anything, "summary": listed(record({"type": word("summary_text"), "text": string}))},
            {
                "id": _item_id("rs"),
                "content": nullable(listed(record({"type": word("reasoning_text"), "text": string}))),
                "encrypted_content": nullable(string),
                "status": _STATUS,
            },
        ),
        "item_reference": record({"type": anything, "id": filled}),
    },
    default="message",
)
_TOOL = tagged(
    {
        "function": record(
            {"type": anything, "name": _NAME},
            {
                "description": nullable(string),
                "parameters": nullable(json_schema),
                "strict": nullable(boolean),
                "defer_loading": boolean,
            },
        ),
        "custom": record({"type": anything, "name": _NAME}, {"description": string, "format": _FORMAT}),
        "web_search": mapping,
        "file_search": mapping,
        "code_interpreter": mapping,
        "image_generation": mapping,
        "namespace": mapping,
        "mcp": mapping,
    }
)
_TOOL_CHOICE = either(
    word("none", "auto", "required"),
    tagged(
        {
            "function": record({"type": anything, "name": _NAME}),
            "custom": record({"type": anything, "name": _NAME}),
            "allowed_tools": record({"type": anything, "mode": word("auto", "required"), "tools": listed(mapping, 1)}),
        }
    ),
)
_FORMAT = tagged(
    {
        "text": record({"type": anything}),
        "json_object": record({"type": anything}),
        "json_schema": record(
            {"type": anything, "name": _NAME, "schema": mapping},
            {"description": nullable(string), "strict": nullable(boolean)},
        ),
    }
)
_EFFORT = word("none", "minimal", "low", "medium", "high", "xhigh", "max")
_INCLUDE = word(
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
    "web_search_call.action.sources",
    "web_search_call.results",
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
)
_REQUEST = record(
    {"model": filled, "input": either(string, listed(_ITEM, 1))},
    {
        "background": nullable(boolean),
        "conversation": anything,
        "include": nullable(listed(_INCLUDE)),
        "instructions": nullable(string),
        "max_output_tokens": nullable(between(16, 10_000_000)),
        "max_tool_calls": nullable(integer),
        "metadata": nullable(mapping),
        "parallel_tool_calls": nullable(boolean),
        "previous_response_id": nullable(string),
        "prompt_cache_key": string,
        "prompt_cache_options": mapping,
        "prompt_cache_retention": nullable(string),
        "reasoning": nullable(
            record({}, {"effort": nullable(_EFFORT), "summary": nullable(word("auto", "concise", "detailed"))})
        ),
        "safety_identifier": string,
        "service_tier": nullable(string),
        "store": nullable(boolean),
        "stream": nullable(boolean),
        "stream_options": nullable(record({}, {"include_obfuscation": boolean})),
        "temperature": nullable(between(0, 2)),
        "text": record({}, {"format": _FORMAT, "verbosity": nullable(word("low", "medium", "high"))}),
        "tool_choice": _TOOL_CHOICE,
        "tools": listed(_TOOL),
        "top_logprobs": nullable(between(0, 20)),
        "top_p": nullable(number),
        "truncation": nullable(word("auto", "disabled")),
        "user": string,
    },
)
_REASONING_MODEL = re.compile(r"^(o\d|gpt-5|gpt-6)")
_CALLS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}


def check_responses(body: Any, seals: frozenset[str] = frozenset()) -> None:
    """Raises Refused. `seals` are the encrypted reasonings that this vendor has issued."""
    _REQUEST(body, "")
    items = body["input"] if isinstance(body["input"], list) else []
    _check_pairing(items)
    for index, item in enumerate(items):
        sealed = item.get("encrypted_content")
        if sealed is not None and sealed not in seals:
            raise Refused(f"input[{index}].encrypted_content", "The encrypted content could not be verified.")
    if _REASONING_MODEL.match(body["model"]):
        check_reasoning_model(body)
    elif body.get("reasoning"):
        raise Refused("reasoning.effort", "Unsupported parameter: 'reasoning.effort' is not supported with this model.")


def _check_pairing(items: list[dict[str, Any]]) -> None:
    outputs = [item["call_id"] for item in items if item.get("type") in _CALLS.values()]
    calls = [item["call_id"] for item in items if item.get("type") in _CALLS]
    for call_id in calls:
        if call_id not in outputs:
            raise Refused("input", f"No tool output found for function call {call_id}.")
    for call_id in outputs:
        if call_id not in calls:
            raise Refused("input", f"No tool call found for function call output with call_id {call_id}.")
    if len(set(calls)) != len(calls):
        raise Refused("input", "Duplicate call_id.")
