"""What OpenAI accepts at /v1/chat/completions (https://developers.openai.com/api/reference/resources/chat)."""

from __future__ import annotations

import re
from typing import Any

from tests.live.strict.shapes import (
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
_TEXT_PART = record({"type": word("text"), "text": filled}, {"prompt_cache_breakpoint": mapping})
_URL = matching(r"(?s)https?://.+|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
_FORMAT = tagged(
    {
        "text": record({"type": anything}),
        "grammar": record(
            {"type": anything, "grammar": record({"syntax": word("lark", "regex"), "definition": string})}
        ),
    }
)
_USER_PART = tagged(
    {
        "text": _TEXT_PART,
        "image_url": record(
            {"type": anything, "image_url": record({"url": _URL}, {"detail": word("auto", "low", "high", "original")})}
        ),
        "input_audio": record(
            {"type": anything, "input_audio": record({"data": string, "format": word("wav", "mp3")})}
        ),
        "file": record(
            {"type": anything, "file": record({}, {"file_id": string, "file_data": string, "filename": string})}
        ),
    }
)
_ASSISTANT_PART = tagged({"text": _TEXT_PART, "refusal": record({"type": anything, "refusal": string})})
_TOOL_CALL = tagged(
    {
        "function": record(
            {"id": _CALL_ID, "type": anything, "function": record({"name": _NAME, "arguments": string})}
        ),
        "custom": record({"id": _CALL_ID, "type": anything, "custom": record({"name": _NAME, "input": string})}),
    }
)
_SYSTEM = record({"role": anything, "content": either(listed(_TEXT_PART, 1), string)}, {"name": _NAME})
_MESSAGE = tagged(
    {
        "system": _SYSTEM,
        "developer": _SYSTEM,
        "user": record({"role": anything, "content": either(listed(_USER_PART, 1), string)}, {"name": _NAME}),
        "assistant": record(
            {"role": anything},
            {
                "content": nullable(either(listed(_ASSISTANT_PART, 1), string)),
                "refusal": nullable(string),
                "tool_calls": listed(_TOOL_CALL, 1),
                "name": _NAME,
                "audio": nullable(mapping),
            },
        ),
        "tool": record(
            {"role": anything, "content": either(listed(_TEXT_PART, 1), string), "tool_call_id": _CALL_ID},
        ),
    },
    by="role",
)
_TOOL = tagged(
    {
        "function": record(
            {
                "type": anything,
                "function": record(
                    {"name": _NAME}, {"description": string, "parameters": json_schema, "strict": nullable(boolean)}
                ),
            }
        ),
        "custom": record(
            {"type": anything, "custom": record({"name": _NAME}, {"description": string, "format": _FORMAT})}
        ),
    }
)
_NAMED = record({"type": anything, "function": record({"name": _NAME})})
_TOOL_CHOICE = either(
    word("none", "auto", "required"),
    tagged(
        {
            "function": _NAMED,
            "custom": record({"type": anything, "custom": record({"name": _NAME})}),
            "allowed_tools": record(
                {
                    "type": anything,
                    "allowed_tools": record({"mode": word("auto", "required"), "tools": listed(_NAMED, 1)}),
                }
            ),
        }
    ),
)
_FORMAT = tagged(
    {
        "text": record({"type": anything}),
        "json_object": record({"type": anything}),
        "json_schema": record(
            {
                "type": anything,
                "json_schema": record(
                    {"name": _NAME}, {"description": string, "schema": mapping, "strict": nullable(boolean)}
                ),
            }
        ),
    }
)
_EFFORT = word("none", "minimal", "low", "medium", "high", "xhigh", "max")
_REQUEST = record(
    {"model": filled, "messages": listed(_MESSAGE, 1)},
    {
        "audio": nullable(mapping),
        "frequency_penalty": nullable(between(-2, 2)),
        "logit_bias": nullable(mapping),
        "logprobs": nullable(boolean),
        "max_completion_tokens": nullable(integer),
        "max_tokens": nullable(integer),
        "metadata": nullable(mapping),
        "modalities": nullable(listed(word("text", "audio"))),
        "n": nullable(integer),
        "parallel_tool_calls": boolean,
        "prediction": nullable(mapping),
        "presence_penalty": nullable(between(-2, 2)),
        "prompt_cache_key": string,
        "prompt_cache_options": mapping,
        "prompt_cache_retention": nullable(string),
        "reasoning_effort": nullable(_EFFORT),
        "response_format": _FORMAT,
        "safety_identifier": string,
        "seed": nullable(integer),
        "service_tier": nullable(string),
        "stop": nullable(either(listed(string), string)),
        "store": nullable(boolean),
        "stream": nullable(boolean),
        "stream_options": nullable(record({}, {"include_usage": boolean, "include_obfuscation": boolean})),
        "temperature": nullable(between(0, 2)),
        "tool_choice": _TOOL_CHOICE,
        "tools": listed(_TOOL, 1),
        "top_logprobs": nullable(between(0, 20)),
        "top_p": nullable(number),
        "user": string,
        "verbosity": nullable(word("low", "medium", "high")),
        "web_search_options": mapping,
    },
)
_REASONING_MODEL = re.compile(r"^(o\d|gpt-5|gpt-6)")


def check_chat(body: Any, model: str | None = None) -> None:
    """Raises Refused. `model` is not used: the body names it."""
    _REQUEST(body, "")
    check_pairing(body["messages"])
    _check_options(body)
    if _REASONING_MODEL.match(body["model"]):
        check_reasoning_model(body, "max_tokens")


def check_reasoning_model(body: dict[str, Any], *refused: str) -> None:
    """https://developers.openai.com/api/docs/guides/latest-model: no sampling parameters while it reasons."""
    effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
    for name in refused + (("temperature", "top_p") if effort != "none" else ()):
        if body.get(name) is not None:
            raise Refused(name, f"Unsupported parameter: '{name}' is not supported with this model.")


def _check_options(body: dict[str, Any]) -> None:
    if body.get("stream_options") is not None and not body.get("stream"):
        raise Refused("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    if not body.get("tools"):
        for name in ("tool_choice", "parallel_tool_calls"):
            if name in body:
                raise Refused(name, f"'{name}' is only allowed when 'tools' are specified.")
    if len(body.get("stop") or ()) > 4 and isinstance(body["stop"], list):
        raise Refused("stop", "expected at most 4 stop sequences")
    names = {(tool.get("function") or tool.get("custom"))["name"] for tool in body.get("tools") or ()}
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice["type"] == "function" and choice["function"]["name"] not in names:
        raise Refused("tool_choice", f"Tool choice '{choice['function']['name']}' not found in 'tools' parameter.")


def check_pairing(messages: list[dict[str, Any]]) -> None:
    """Every call is answered by the tool messages right behind it, and by nothing else."""
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                raise Refused(path, "messages with role 'tool' must be a response to a preceding 'tool_calls' message.")
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            raise Refused(path, f"tool_call_ids did not have response messages: {', '.join(open_calls)}")
        if message["role"] == "assistant" and not message.get("content") and not message.get("tool_calls"):
            raise Refused(f"{path}.content", "expected a string, got null")
        open_calls = [call["id"] for call in message.get("tool_calls") or ()]
    if open_calls:
        raise Refused("messages", f"tool_call_ids did not have response messages: {', '.join(open_calls)}")
