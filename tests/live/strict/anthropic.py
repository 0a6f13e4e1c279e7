"""What Anthropic accepts at /v1/messages (https://platform.claude.com/docs/en/api/messages/create)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.live.strict.shapes import (
    Check,
    Refused,
    anything,
    base64_text,
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
    record,
    string,
    tagged,
    word,
)

_TOOL_ID = matching(r"[a-zA-Z0-9_-]+")
_NAME = matching(r"[a-zA-Z0-9_-]{1,128}")
_CACHE = {"cache_control": nullable(record({"type": word("ephemeral")}, {"ttl": word("5m", "1h")}))}
_IMAGE_SOURCE = tagged(
    {
        "base64": record(
            {
                "type": anything,
                "media_type": word("image/jpeg", "image/png", "image/gif", "image/webp"),
                "data": base64_text,
            }
        ),
        "url": record({"type": anything, "url": matching(r"https?://.+")}),
        "file": record({"type": anything, "file_id": filled}),
    }
)
_DOCUMENT_SOURCE = tagged(
    {
        "base64": record({"type": anything, "media_type": word("application/pdf"), "data": base64_text}),
        "text": record({"type": anything, "media_type": word("text/plain"), "data": string}),
        "content": record({"type": anything, "content": anything}),
        "url": record({"type": anything, "url": matching(r"https?://.+")}),
        "file": record({"type": anything, "file_id": filled}),
    }
)


def _not_blank(value: Any, path: str) -> None:
    string(value, path)
    if not value.strip():
        raise Refused(path, "text content blocks must contain non-whitespace text")


_TEXT = record({"type": anything, "text": _not_blank}, {**_CACHE, "citations": anything})
_IMAGE = record({"type": anything, "source": _IMAGE_SOURCE}, _CACHE)
_DOCUMENT = record(
    {"type": anything, "source": _DOCUMENT_SOURCE},
    {**_CACHE, "title": nullable(string), "context": nullable(string), "citations": anything},
)
_RESULT_BLOCK = tagged({"text": _TEXT, "image": _IMAGE, "document": _DOCUMENT})
_USER_BLOCKS: dict[str, Check] = {
    "text": _TEXT,
    "image": _IMAGE,
    "document": _DOCUMENT,
    "tool_result": record(
        {"type": anything, "tool_use_id": _TOOL_ID},
        {**_CACHE, "content": either(string, listed(_RESULT_BLOCK)), "is_error": boolean},
    ),
}
_ASSISTANT_BLOCKS: dict[str, Check] = {
    "text": _TEXT,
    "thinking": record({"type": anything, "thinking": string, "signature": string}),
    "redacted_thinking": record({"type": anything, "data": filled}),
    "tool_use": record(
        {"type": anything, "id": _TOOL_ID, "name": _NAME, "input": mapping}, {**_CACHE, "caller": mapping}
    ),
}
_MESSAGE = tagged(
    {
        "user": record({"role": anything, "content": either(listed(tagged(_USER_BLOCKS), 1), _not_blank)}),
        "assistant": record({"role": anything, "content": either(listed(tagged(_ASSISTANT_BLOCKS)), string)}),
        "system": record({"role": anything, "content": either(listed(_TEXT, 1), _not_blank)}),
    },
    by="role",
)


def _tool_schema(value: Any, path: str) -> None:
    json_schema(value, path)
    for name in ("oneOf", "allOf", "anyOf"):
        if name in value:
            raise Refused(path, "input_schema does not support oneOf, allOf, or anyOf at the top level")


_CUSTOM_TOOL = record(
    {"name": _NAME, "input_schema": _tool_schema},
    {
        **_CACHE,
        "type": word("custom"),
        "description": string,
        "strict": boolean,
        "eager_input_streaming": nullable(boolean),
        "defer_loading": boolean,
        "input_examples": listed(mapping),
        "allowed_callers": listed(string),
    },
)


def _tool(value: Any, path: str) -> None:
    """Anthropic's own tools have a type with a date in it."""
    mapping(value, path)
    kind = value.get("type", "custom")
    if not (isinstance(kind, str) and re.fullmatch(r"[a-z_]+_\d{8}", kind)):
        _CUSTOM_TOOL(value, path)


_PARALLEL = {"disable_parallel_tool_use": boolean}
_REQUEST = record(
    {"model": filled, "max_tokens": between(1, 200_000), "messages": listed(_MESSAGE, 1)},
    {
        **_CACHE,
        "container": anything,
        "inference_geo": nullable(string),
        "metadata": record({}, {"user_id": nullable(matching(r"(?s).{0,512}"))}),
        "output_config": record(
            {},
            {
                "effort": nullable(word("low", "medium", "high", "xhigh", "max")),
                "format": nullable(record({"type": word("json_schema"), "schema": mapping})),
            },
        ),
        "service_tier": word("auto", "standard_only"),
        "stop_sequences": listed(matching(r"(?s).*\S.*")),
        "stream": boolean,
        "system": either(listed(_TEXT), string),
        "temperature": between(0, 1),
        "thinking": tagged(
            {
                "enabled": record(
                    {"type": anything, "budget_tokens": between(1024, 10_000_000)},
                    {"display": nullable(word("summarized", "omitted"))},
                ),
                "adaptive": record({"type": anything}, {"display": nullable(word("summarized", "omitted"))}),
                "disabled": record({"type": anything}),
            }
        ),
        "tool_choice": tagged(
            {
                "auto": record({"type": anything}, _PARALLEL),
                "any": record({"type": anything}, _PARALLEL),
                "none": record({"type": anything}),
                "tool": record({"type": anything, "name": _NAME}, _PARALLEL),
            }
        ),
        "tools": listed(_tool),
        "top_k": integer,
        "top_p": between(0, 1),
    },
)
_ADAPTIVE = re.compile(r"claude-(opus|sonnet)-(4-[6-9]|[5-9])|haiku-[5-9]|fable|mythos")
_SYSTEM_ANYWHERE = re.compile(r"claude-(opus-4-[89]|opus-5|(sonnet|haiku)-5-[5-9])|(fable|mythos)-5-[1-9]")
_OLD = re.compile(r"claude-(3|opus-4-[01]|sonnet-4-0|(opus|sonnet)-4-2)")
_OUTPUT_LIMITS = {"claude-haiku-4-5": 64_000, "claude-sonnet-4-5": 64_000, "claude-opus-4-5": 64_000}


def check_anthropic(body: Any, seals: frozenset[str] = frozenset()) -> None:
    """Raises Refused. `seals` are the signatures that this vendor has issued."""
    _REQUEST(body, "")
    messages = [_as_blocks(message) for message in body["messages"]]
    _check_turns(messages, body)
    _check_pairing(messages)
    _check_signatures(messages, seals)
    _check_thinking(body, messages)
    _check_options(body)


def _as_blocks(message: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    content = message["content"]
    return message["role"], [{"type": "text", "text": content}] if isinstance(content, str) else content


def _check_turns(messages: list[tuple[str, list[dict[str, Any]]]], body: dict[str, Any]) -> None:
    if messages[0][0] != "user":
        raise Refused("messages", "first message must use the 'user' role")
    for index, (_, blocks) in enumerate(messages[:-1]):
        if not blocks:
            raise Refused(f"messages[{index}]", "all messages must have non-empty content")
    _check_system_turns([role for role, _ in messages], body["model"])
    role, blocks = messages[-1]
    if role != "assistant":
        return
    if _ADAPTIVE.search(body["model"]):
        raise Refused("messages", "This model does not support assistant message prefill.")
    if blocks and blocks[-1].get("text", "").rstrip() != blocks[-1].get("text", ""):
        raise Refused("messages", "final assistant content cannot end with trailing whitespace")


def _check_system_turns(roles: list[str], model: str) -> None:
    """https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages"""
    for index, role in enumerate(roles):
        if role != "system":
            continue
        if not _SYSTEM_ANYWHERE.search(model):
            raise Refused(f"messages[{index}]", "role 'system' is not supported on this model")
        if roles[index - 1] != "user" or roles[index + 1 : index + 2] not in ([], ["assistant"]):
            raise Refused(f"messages[{index}]", "a system message stands between a user and an assistant message")


def _check_pairing(messages: list[tuple[str, list[dict[str, Any]]]]) -> None:
    open_calls: set[str] = set()
    seen: set[str] = set()
    for index, (_, blocks) in enumerate(messages):
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        leading = [block["type"] == "tool_result" for block in blocks[: len(results)]]
        if not all(leading) or set(results) != open_calls or len(set(results)) != len(results):
            raise Refused(
                f"messages[{index}]",
                "`tool_use` ids need `tool_result` blocks immediately after, first in the next message, one each: "
                f"called {sorted(open_calls)}, answered {results}",
            )
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if seen.intersection(calls) or len(set(calls)) != len(calls):
            raise Refused(f"messages[{index}]", "`tool_use` ids must be unique")
        seen.update(calls)
        open_calls = set(calls)
    if open_calls:
        raise Refused("messages", f"`tool_use` ids without `tool_result`: {sorted(open_calls)}")


def _check_signatures(messages: list[tuple[str, list[dict[str, Any]]]], seals: frozenset[str]) -> None:
    for index, (_, blocks) in enumerate(messages):
        for block in blocks:
            sealed = block.get("signature") if block["type"] == "thinking" else block.get("data")
            if block["type"] in ("thinking", "redacted_thinking") and sealed not in seals:
                raise Refused(f"messages[{index}]", f"Invalid `signature` in `{block['type']}` block")


def _check_thinking(body: dict[str, Any], messages: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """https://platform.claude.com/docs/en/build-with-claude/extended-thinking"""
    thinking = body.get("thinking") or {"type": "disabled"}
    if thinking["type"] == "disabled":
        return
    if thinking["type"] == "adaptive" and not _ADAPTIVE.search(body["model"]):
        raise Refused("thinking", "adaptive thinking is not supported on this model")
    if thinking["type"] == "enabled" and thinking["budget_tokens"] >= body["max_tokens"]:
        raise Refused("max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`")
    if body.get("temperature", 1) != 1:
        raise Refused("temperature", "`temperature` may only be set to 1 when thinking is enabled")
    if "top_k" in body:
        raise Refused("top_k", "`top_k` must be unset when thinking is enabled")
    if body.get("tool_choice", {}).get("type") in ("any", "tool"):
        raise Refused("tool_choice", "Thinking may not be enabled when tool_choice forces tool use.")
    if messages[-1][0] == "assistant":
        raise Refused("messages", "prefill is not possible when thinking is enabled")
    for index, first in _calling_turns(messages):
        if thinking["type"] == "enabled" and first not in ("thinking", "redacted_thinking"):
            why = f"Expected `thinking` or `redacted_thinking`, but found `{first}`."
            raise Refused(f"messages[{index}].content[0]", why)


def _calling_turns(messages: list[tuple[str, list[dict[str, Any]]]]) -> Iterator[tuple[int, str]]:
    """The assistant turns of the tool loop that is going on: index and type of the first block."""
    for index in range(len(messages) - 1, 0, -1):
        role, blocks = messages[index]
        if role == "user" and not any(block["type"] == "tool_result" for block in blocks):
            return
        if role == "assistant":
            yield index, blocks[0]["type"]


def _check_options(body: dict[str, Any]) -> None:
    tools = body.get("tools") or []
    names = [tool["name"] for tool in tools]
    choice = body.get("tool_choice")
    if choice and not tools:
        raise Refused("tool_choice", "`tool_choice` may only be specified while providing `tools`.")
    if choice and choice["type"] == "tool" and choice["name"] not in names:
        raise Refused("tool_choice", f"Tool '{choice['name']}' not found in provided tools")
    if len(set(names)) != len(names):
        raise Refused("tools", "Tool names must be unique.")
    if "temperature" in body and "top_p" in body and not _OLD.search(body["model"]):
        raise Refused("top_p", "`temperature` and `top_p` cannot both be specified for this model.")
    limit = next((limit for name, limit in _OUTPUT_LIMITS.items() if name in body["model"]), 128_000)
    if body["max_tokens"] > limit:
        raise Refused("max_tokens", f"{body['max_tokens']} > {limit}, the maximum of this model")
    if _cache_marks(body) > 4:
        raise Refused("", "A maximum of 4 blocks with cache_control may be provided.")
    _check_output(body.get("output_config") or {}, body["model"])


def _check_output(output: dict[str, Any], model: str) -> None:
    if output.get("effort") and not (_ADAPTIVE.search(model) or "opus-4-5" in model):
        raise Refused("output_config.effort", "This model does not support the effort parameter.")
    if output.get("format"):
        if _OLD.search(model):
            raise Refused("output_config.format", "This model does not support structured outputs.")
        _check_closed(output["format"]["schema"], "output_config.format.schema")


def _check_closed(schema: Any, path: str) -> None:
    """https://platform.claude.com/docs/en/build-with-claude/structured-outputs, the limits of JSON Schema"""
    if isinstance(schema, list):
        for index, element in enumerate(schema):
            _check_closed(element, f"{path}[{index}]")
    elif isinstance(schema, dict):
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            raise Refused(path, "For 'object' type, 'additionalProperties' must be explicitly set to false")
        for name, element in schema.items():
            _check_closed(element, f"{path}.{name}")


def _cache_marks(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_cache_marks, value))
    if isinstance(value, dict):
        inner = sum(_cache_marks(element) for name, element in value.items() if name != "input_schema")
        return inner + (value.get("cache_control") is not None)
    return 0
