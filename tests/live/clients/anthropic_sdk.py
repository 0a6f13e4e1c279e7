"""Drives the `anthropic` package."""

# pyright: reportMissingImports=false
# The package is in .venv-clients only.

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from anthropic import Anthropic, APIError
from conversing import Conversation, serve


@cache
def _client(base: str, key: str) -> Anthropic:
    return Anthropic(base_url=f"{base}/anthropic", api_key=key, max_retries=0, timeout=30)


def talk(conversation: Conversation, tell: Callable[[dict[str, Any]], None]) -> None:
    endpoint = _client(conversation["base"], conversation["key"]).messages
    asked = _settings(conversation)
    messages: list[Any] = []
    calls: list[Any] = []
    for step in conversation["steps"]:
        messages.append({"role": "user", "content": _step(step, calls)})
        if conversation["stream"]:
            with endpoint.stream(messages=messages, **asked) as stream:
                reply = stream.get_final_message()
        else:
            reply = endpoint.create(messages=messages, **asked)
        calls = [block for block in reply.content if block.type == "tool_use"]
        tell(_told(reply))
        messages.append({"role": "assistant", "content": [_again(block) for block in reply.content]})


def _again(block: Any) -> dict[str, Any]:
    again = block.model_dump(exclude_none=True, warnings=False)
    again.pop("parsed_output", None)
    return again


def _settings(conversation: Conversation) -> dict[str, Any]:
    asked: dict[str, Any] = {"model": conversation["model"], "max_tokens": 4000}
    asked["extra_headers"] = conversation.get("headers")
    if conversation.get("system"):
        asked["system"] = conversation["system"]
    if tools := conversation.get("tools"):
        asked["tools"] = [_tool(tool) for tool in tools]
    if conversation.get("thinking"):
        asked["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    if schema := conversation.get("schema"):
        asked["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return asked


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {"name": tool["name"], "description": tool["description"], "input_schema": tool["schema"]}


def _step(step: dict[str, Any], calls: list[Any]) -> str | list[dict[str, Any]]:
    if isinstance(step.get("user"), str):
        return step["user"]
    if "results" in step:
        pairs = zip(calls, step["results"], strict=True)
        return [{"type": "tool_result", "tool_use_id": call.id, "content": result} for call, result in pairs]
    return [_part(part) for part in step["user"]]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    if "url" in part:
        return {"type": "image", "source": {"type": "url", "url": part["url"]}}
    return {"type": "image", "source": {"type": "base64", "media_type": part["type"], "data": part["image"]}}


def _told(reply: Any) -> dict[str, Any]:
    usage = reply.usage
    cached = usage.cache_read_input_tokens or 0
    return {
        "text": "".join(block.text for block in reply.content if block.type == "text"),
        "thinking": "".join(block.thinking for block in reply.content if block.type == "thinking"),
        "calls": [[block.name, block.input] for block in reply.content if block.type == "tool_use"],
        "finish": reply.stop_reason,
        "usage": {"prompt": usage.input_tokens + cached, "cached": cached, "output": usage.output_tokens},
    }


def _failure(error: Any) -> dict[str, Any]:
    body = error.body if isinstance(error.body, dict) else {}
    message = (body.get("error") or {}).get("message", str(error))
    return {"class": type(error).__name__, "status": getattr(error, "status_code", None), "message": message}


if __name__ == "__main__":
    serve({"anthropic": talk}, (APIError,), _failure)
