"""A Reply of any origin as a whole answer."""

from __future__ import annotations

import time
from typing import Any

from proxy_core.protocols.contract import View
from proxy_core.protocols.openai_chat import reasoning
from proxy_core.protocols.openai_chat.finishes import finish_word
from proxy_core.protocols.openai_chat.ids import made_call_id, made_id
from proxy_core.protocols.openai_chat.tables import FIELD_NOTE, FUNCTIONS_NOTE, NAME, REASONING_FIELDS, TITLE
from proxy_core.protocols.openai_chat.usage import write_usage
from proxy_core.turn.content import Extra, Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from proxy_core.turn.media import data_url
from proxy_core.turn.reply import Choice, Reply


def write_reply(reply: Reply, view: View) -> dict[str, Any]:
    own = reply.origin == NAME
    body: dict[str, Any] = {
        "id": reply.id or made_id(),
        "object": "chat.completion",
        "created": created_at(reply.created, view),
        "model": view.model,
        "choices": [_choice(choice, own, view) for choice in reply.choices],
    }
    if reply.usage:
        body["usage"] = write_usage(reply.usage, own)
        if not own:
            view.losses.drop_extra("usage", reply.usage.extra, TITLE)
    return {**body, **kept(reply.extra, own, "", view)}


def created_at(created: int | None, view: View) -> int:
    return created or view.created or int(time.time())


def kept(extra: Extra, own: bool, path: str, view: View) -> Extra:
    if own:
        return {key: value for key, value in extra.items() if not key.startswith("_")}
    view.losses.drop_extra(path, extra, TITLE)
    return {}


def speaks_functions(view: View) -> bool:
    return FUNCTIONS_NOTE in view.request.extra


def _choice(choice: Choice, own: bool, view: View) -> Extra:
    path = f"choices[{choice.index}]"
    extra = kept(choice.extra, own, path, view)
    beside = extra.pop("message", {})
    logprobs = {**_logprobs(choice.parts), **extra.pop("logprobs", {})}
    functions = speaks_functions(view)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    return {
        "index": choice.index,
        "message": {**_message(choice.parts, own, functions, view, path), **beside},
        "logprobs": {"content": None, "refusal": None, **logprobs} if logprobs else None,
        "finish_reason": finish_word(choice.finish or "stop", choice.raw_finish, own, functions, refused),
        **extra,
    }


def _logprobs(parts: list[Part]) -> Extra:
    found = [entry for part in parts if isinstance(part, Text) and part.logprobs for entry in part.logprobs]
    return {"content": found} if found else {}


def _message(parts: list[Part], own: bool, functions: bool, view: View, path: str) -> Extra:
    message: Extra = {"role": "assistant", "content": None, "refusal": None}
    details: list[Extra] = []
    for part in parts:
        match part:
            case Text():
                _say(message, part, own, view, f"{path}.message")
            case Thinking():
                if part.text:
                    field = thought_field(part.extra)
                    message[field] = message.get(field, "") + part.text
                details += reasoning.shown_details(part, len(details))
            case ToolCall() if functions:
                message["function_call"] = {"name": part.name, "arguments": arguments_of(part, own)}
            case ToolCall():
                message.setdefault("tool_calls", []).append(_call(part, own, view, path))
            case Refusal():
                message["refusal"] = (message["refusal"] or "") + part.text
            case _:
                _add_other(message, part, view, path)
    if details:
        message["reasoning_details"] = details
    return message


def _say(message: Extra, part: Text, own: bool, view: View, path: str) -> None:
    message["content"] = (message["content"] or "") + part.text
    if part.seal:
        message["extra_content"] = reasoning.shown_thought_signature(part.seal)
    extra = kept(part.extra, own, path, view)
    if "annotations" in extra:
        message["annotations"] = message.get("annotations", []) + extra["annotations"]


def thought_field(extra: Extra) -> str:
    field = extra.get(FIELD_NOTE)
    return field if field in REASONING_FIELDS else REASONING_FIELDS[0]


def arguments_of(call: ToolCall, own: bool) -> str:
    """Clients parse the arguments, so a call without any has an empty object."""
    return call.arguments if own or call.custom or call.arguments.strip() else "{}"


def _call(call: ToolCall, own: bool, view: View, path: str) -> Extra:
    extra = kept(call.extra, own, f"{path}.message.tool_calls", view)
    written = {
        "id": call.id or made_call_id(),
        **called(call, arguments_of(call, own), extra.pop("function", {})),
        **extra,
    }
    if call.seal:
        written["extra_content"] = reasoning.shown_thought_signature(call.seal)
    return written


def called(call: ToolCall, text: str, inner: Extra) -> Extra:
    if call.custom:
        return {"type": "custom", "custom": {"name": call.name, "input": text, **inner}}
    return {"type": "function", "function": {"name": call.name, "arguments": text, **inner}}


def _add_other(message: Extra, part: Part, view: View, path: str) -> None:
    other = shown_other(part, view, path)
    for key, value in other.items():
        message[key] = message.get(key, []) + value if isinstance(value, list) else value


def shown_other(part: Part, view: View, path: str) -> Extra:
    """Fields of a message for a picture, or for a part that a chat backend sent and nobody else knows."""
    match part:
        case Media(kind="image"):
            return {"images": [{"type": "image_url", "image_url": {"url": data_url(part)}}]}
        case Opaque(origin=origin) if origin == NAME:
            field = part.extra.get(FIELD_NOTE)
            if field == "audio":
                return {"audio": part.raw}
            if field == "tool_calls":
                return {"tool_calls": [part.raw]}
    kind = part.kind if isinstance(part, Media | Opaque) else type(part).__name__
    view.losses.drop(f"{path}.message", f"{TITLE} has no '{kind}' in an answer")
    return {}
