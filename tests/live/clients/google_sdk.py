"""Drives the `google-genai` package; its own chats keep the history."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# The package is in .venv-clients only.

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from typing import Any

from conversing import Conversation, serve
from google import genai
from google.genai import errors, types


@cache
def _client(base: str, key: str) -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base, timeout=30_000))


def talk(conversation: Conversation, tell: Callable[[dict[str, Any]], None]) -> None:
    client = _client(conversation["base"], conversation["key"])
    chat = client.chats.create(model=conversation["model"], config=_config(conversation))
    calls: list[Any] = []
    for step in conversation["steps"]:
        message = _step(step, calls)
        send = chat.send_message_stream if conversation["stream"] else lambda said: [chat.send_message(said)]
        chunks = list(send(message))
        parts = [part for chunk in chunks for part in _parts(chunk)]
        calls = [part.function_call for part in parts if part.function_call]
        tell(_told(parts, chunks[-1]))


def _parts(chunk: Any) -> list[Any]:
    content = chunk.candidates[0].content if chunk.candidates else None
    return (content.parts or []) if content else []


def _config(conversation: Conversation) -> types.GenerateContentConfig:
    config = types.GenerateContentConfig(system_instruction=conversation.get("system"))
    config.http_options = types.HttpOptions(headers=conversation.get("headers"))
    config.automatic_function_calling = types.AutomaticFunctionCallingConfig(disable=True)
    if tools := conversation.get("tools"):
        declared = [
            types.FunctionDeclaration(
                name=tool["name"], description=tool["description"], parameters_json_schema=tool["schema"]
            )
            for tool in tools
        ]
        config.tools = [types.Tool(function_declarations=declared)]
    if conversation.get("thinking"):
        config.thinking_config = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    if schema := conversation.get("schema"):
        config.response_mime_type = "application/json"
        config.response_json_schema = schema
    return config


def _step(step: dict[str, Any], calls: list[Any]) -> str | list[types.Part]:
    if isinstance(step.get("user"), str):
        return step["user"]
    if "results" in step:
        return [_result(call, text) for call, text in zip(calls, step["results"], strict=True)]
    return [_part(part) for part in step["user"]]


def _result(call: Any, text: str) -> types.Part:
    response = types.FunctionResponse(id=call.id, name=call.name, response={"result": text})
    return types.Part(function_response=response)


def _part(part: dict[str, Any]) -> types.Part:
    if "text" in part:
        return types.Part(text=part["text"])
    if "url" in part:
        return types.Part.from_uri(file_uri=part["url"], mime_type="image/png")
    return types.Part.from_bytes(data=base64.b64decode(part["image"]), mime_type=part["type"])


def _told(parts: list[Any], last: Any) -> dict[str, Any]:
    usage = last.usage_metadata
    finish = last.candidates[0].finish_reason
    return {
        "text": "".join(part.text for part in parts if part.text and not part.thought),
        "thinking": "".join(part.text for part in parts if part.text and part.thought),
        "calls": [[part.function_call.name, part.function_call.args or {}] for part in parts if part.function_call],
        "finish": finish.value if finish else None,
        "usage": usage
        and {
            "prompt": usage.prompt_token_count,
            "cached": usage.cached_content_token_count or 0,
            "output": (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        },
    }


def _failure(error: Any) -> dict[str, Any]:
    return {"class": type(error).__name__, "status": error.code, "message": error.message, "word": error.status}


if __name__ == "__main__":
    serve({"gemini": talk}, (errors.APIError,), _failure)
