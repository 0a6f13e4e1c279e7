"""Drives the `openai` package over chat completions and Responses."""

# pyright: reportMissingImports=false
# The package is in .venv-clients only.

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from conversing import Conversation, serve
from openai import APIError, LengthFinishReasonError, OpenAI

type Tell = Callable[[dict[str, Any]], None]


@cache
def _client(base: str, key: str) -> OpenAI:
    return OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=30)


def chat(conversation: Conversation, tell: Tell) -> None:
    completions = _client(conversation["base"], conversation["key"]).chat.completions
    asked = _chat_settings(conversation)
    messages: list[Any] = []
    if conversation.get("system"):
        messages.append({"role": "system", "content": conversation["system"]})
    calls: list[Any] = []
    for step in conversation["steps"]:
        messages += _chat_step(step, calls)
        if conversation["stream"]:
            reply = _streamed(completions, messages=messages, **asked)
        else:
            reply = completions.create(messages=messages, **asked)
        message = reply.choices[0].message
        calls = message.tool_calls or []
        tell(_chat_told(reply))
        messages.append(_again_in_chat(message, conversation.get("forgets", ())))


def _streamed(completions: Any, **asked: Any) -> Any:
    try:
        with completions.stream(stream_options={"include_usage": True}, **asked) as stream:
            return stream.get_final_completion()
    except LengthFinishReasonError as cut_off:
        return cut_off.completion


def _again_in_chat(message: Any, forgotten: list[str]) -> dict[str, Any]:
    """The message as history, without what the SDK's helpers put there themselves."""
    left_out = {"parsed", "annotations", *forgotten}
    again = message.model_dump(exclude_none=True, exclude=left_out, warnings=False)
    for call in again.get("tool_calls") or ():
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    return again


def _chat_settings(conversation: Conversation) -> dict[str, Any]:
    asked: dict[str, Any] = {"model": conversation["model"], "extra_headers": conversation.get("headers")}
    if tools := conversation.get("tools"):
        asked["tools"] = [{"type": "function", "function": _function(tool)} for tool in tools]
    if conversation.get("thinking"):
        asked["reasoning_effort"] = "low"
    if schema := conversation.get("schema"):
        shape = {"name": "answer", "schema": schema, "strict": True}
        asked["response_format"] = {"type": "json_schema", "json_schema": shape}
    return asked


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    return {"name": tool["name"], "description": tool["description"], "parameters": tool["schema"]}


def _chat_step(step: dict[str, Any], calls: list[Any]) -> list[dict[str, Any]]:
    if isinstance(step.get("user"), str):
        return [{"role": "user", "content": step["user"]}]
    if "results" in step:
        pairs = zip(calls, step["results"], strict=True)
        return [{"role": "tool", "tool_call_id": call.id, "content": result} for call, result in pairs]
    return [{"role": "user", "content": [_chat_part(part) for part in step["user"]]}]


def _chat_part(part: dict[str, Any]) -> dict[str, Any]:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    return {"type": "image_url", "image_url": {"url": _url(part)}}


def _url(part: dict[str, Any]) -> str:
    return part.get("url") or f"data:{part['type']};base64,{part['image']}"


def _chat_told(reply: Any) -> dict[str, Any]:
    choice = reply.choices[0]
    details = reply.usage.prompt_tokens_details if reply.usage else None
    return {
        "text": choice.message.content or "",
        "thinking": (choice.message.model_extra or {}).get("reasoning_content") or "",
        "calls": [
            [call.function.name, json.loads(call.function.arguments)] for call in choice.message.tool_calls or ()
        ],
        "finish": choice.finish_reason,
        "usage": reply.usage
        and {
            "prompt": reply.usage.prompt_tokens,
            "cached": details.cached_tokens if details else None,
            "output": reply.usage.completion_tokens,
        },
    }


def responses(conversation: Conversation, tell: Tell) -> None:
    endpoint = _client(conversation["base"], conversation["key"]).responses
    asked = _responses_settings(conversation)
    items: list[Any] = []
    calls: list[Any] = []
    for step in conversation["steps"]:
        items += _responses_step(step, calls)
        if conversation["stream"]:
            with endpoint.stream(input=items, **asked) as stream:
                reply = list(stream)[-1].response  # an incomplete one too, which get_final_response() takes for none
        else:
            reply = endpoint.create(input=items, **asked)
        calls = [item for item in reply.output if item.type == "function_call"]
        tell(_responses_told(reply))
        items += [_again(item) for item in reply.output]


def _again(item: Any) -> dict[str, Any]:
    again = item.model_dump(exclude_unset=True, warnings=False)
    again.pop("parsed_arguments", None)
    for part in again.get("content") or ():
        part.pop("parsed", None)
    return again


def _responses_settings(conversation: Conversation) -> dict[str, Any]:
    asked: dict[str, Any] = {"model": conversation["model"], "store": False}
    asked["extra_headers"] = conversation.get("headers")
    if conversation.get("system"):
        asked["instructions"] = conversation["system"]
    if tools := conversation.get("tools"):
        asked["tools"] = [{"type": "function", "strict": False, **_function(tool)} for tool in tools]
    if conversation.get("thinking"):
        asked |= {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    if schema := conversation.get("schema"):
        shape = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}
        asked["text"] = {"format": shape}
    return asked


def _responses_step(step: dict[str, Any], calls: list[Any]) -> list[dict[str, Any]]:
    if isinstance(step.get("user"), str):
        return [{"role": "user", "content": step["user"]}]
    if "results" in step:
        pairs = zip(calls, step["results"], strict=True)
        return [{"type": "function_call_output", "call_id": call.call_id, "output": text} for call, text in pairs]
    return [{"role": "user", "content": [_input_part(part) for part in step["user"]]}]


def _input_part(part: dict[str, Any]) -> dict[str, Any]:
    if "text" in part:
        return {"type": "input_text", "text": part["text"]}
    return {"type": "input_image", "image_url": _url(part), "detail": "auto"}


def _responses_told(reply: Any) -> dict[str, Any]:
    summaries = [part.text for item in reply.output if item.type == "reasoning" for part in item.summary]
    return {
        "text": reply.output_text,
        "thinking": "".join(summaries),
        "calls": [[item.name, json.loads(item.arguments)] for item in reply.output if item.type == "function_call"],
        "finish": reply.incomplete_details.reason if reply.incomplete_details else reply.status,
        "usage": reply.usage
        and {
            "prompt": reply.usage.input_tokens,
            "cached": reply.usage.input_tokens_details.cached_tokens,
            "output": reply.usage.output_tokens,
        },
    }


def _told(error: Any) -> dict[str, Any]:
    status = getattr(error, "status_code", None)
    message = (error.body or {}).get("message") if isinstance(error.body, dict) else str(error)
    return {"class": type(error).__name__, "status": status, "message": message}


if __name__ == "__main__":
    serve({"openai_chat": chat, "openai_responses": responses}, (APIError,), _told)
