"""What Cohere accepts at /v2/chat (https://docs.cohere.com/reference/chat, https://docs.cohere.com/reference/errors)."""

from __future__ import annotations

import re
from typing import Any

from tests.live.strict.chat import check_pairing
from tests.live.strict.shapes import (
    Refused,
    anything,
    between,
    boolean,
    either,
    filled,
    integer,
    json_object_text,
    json_schema,
    listed,
    mapping,
    matching,
    record,
    string,
    tagged,
    word,
)

_NAME = matching(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")
_TEXT = record({"type": anything, "text": filled})
_URL = matching(r"(?s)https?://.+|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
_IMAGE = record({"type": anything, "image_url": record({"url": _URL}, {"detail": word("auto", "low", "high")})})
_THOUGHT = record({"type": anything, "thinking": filled})
_CALL = record(
    {
        "id": filled,
        "type": word("function"),
        "function": record({"name": _NAME, "arguments": json_object_text}),
    }
)
_MESSAGE = tagged(
    {
        "system": record({"role": anything, "content": filled}),
        "user": record(
            {"role": anything, "content": either(listed(tagged({"text": _TEXT, "image_url": _IMAGE}), 1), filled)}
        ),
        "assistant": record(
            {"role": anything},
            {
                "content": either(listed(tagged({"text": _TEXT, "thinking": _THOUGHT}), 1), filled),
                "tool_calls": listed(_CALL, 1),
                "tool_plan": filled,
            },
        ),
        "tool": record({"role": anything, "tool_call_id": filled, "content": string}),
    },
    by="role",
)
_TOOL = record(
    {
        "type": word("function"),
        "function": record({"name": _NAME, "parameters": json_schema}, {"description": string}),
    }
)
_REQUEST = record(
    {"model": filled, "messages": listed(_MESSAGE, 1), "stream": boolean},
    {
        "tools": listed(_TOOL, 1),
        "tool_choice": word("REQUIRED", "NONE"),
        "response_format": record({"type": word("json_object")}, {"json_schema": json_schema}),
        "thinking": record({"type": word("enabled", "disabled")}, {"token_budget": between(1, 31_000)}),
        "max_tokens": between(1, 1_000_000),
        "stop_sequences": listed(string, 1),
        "temperature": between(0, 1),
        "p": between(0.01, 0.99),
        "k": between(0, 500),
        "seed": between(0, 2**64 - 1),
        "frequency_penalty": between(0, 1),
        "presence_penalty": between(0, 1),
        "logprobs": boolean,
        "safety_mode": word("CONTEXTUAL", "STRICT", "OFF"),
        "citation_options": mapping,
        "strict_tools": boolean,
        "priority": integer,
        "documents": listed(either(mapping, string)),
    },
)
_THINKS = re.compile(r"^command-a-(reasoning|plus)")


def check_cohere(body: Any) -> None:
    """Raises Refused."""
    _REQUEST(body, "")
    check_pairing(body["messages"])
    for index, message in enumerate(body["messages"]):
        if message["role"] == "system" and index:
            raise Refused(f"messages[{index}]", "system turn must be the first in the list")
    _check_options(body)
    if not _THINKS.match(body["model"]):
        _check_no_thoughts(body)


def _check_options(body: dict[str, Any]) -> None:
    if "response_format" in body and ("tools" in body or "documents" in body):
        raise Refused("response_format", "response_format is not supported with tools or RAG.")
    if "tool_choice" in body and "tools" not in body:
        raise Refused("tool_choice", "tool_choice is only supported when tools are passed")
    if len(body.get("stop_sequences") or ()) > 5:
        raise Refused("stop_sequences", "at most 5 are taken")
    if body.get("frequency_penalty") and body.get("presence_penalty"):
        raise Refused("presence_penalty", "only one of 'presence_penalty' and 'frequency_penalty' can be specified")


def _check_no_thoughts(body: dict[str, Any]) -> None:
    if "thinking" in body:
        raise Refused("thinking", "thinking is not supported for this model")
    for index, message in enumerate(body["messages"]):
        if any(part["type"] == "thinking" for part in message.get("content") or () if isinstance(part, dict)):
            raise Refused(f"messages[{index}]", "thinking is not supported for this model")
