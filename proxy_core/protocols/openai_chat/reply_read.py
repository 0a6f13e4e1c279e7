"""A whole answer's JSON to a Reply."""

from __future__ import annotations

from typing import Any

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.openai_chat import media, reasoning
from proxy_core.protocols.openai_chat.faults import fault_in
from proxy_core.protocols.openai_chat.finishes import finish_of
from proxy_core.protocols.openai_chat.ids import made_call_id
from proxy_core.protocols.openai_chat.lenient import list_in, number_in, records_in, text_in
from proxy_core.protocols.openai_chat.messages_read import read_call, read_content, read_function_call, unread
from proxy_core.protocols.openai_chat.tables import FIELD_NOTE, NAME, REASONING_FIELDS
from proxy_core.protocols.openai_chat.usage import read_usage
from proxy_core.turn.content import Extra, Opaque, Part, Refusal, Text, Thinking, ToolCall
from proxy_core.turn.reply import Choice, Reply
from proxy_core.wire.fields import array, record

REPLY_FIELDS = {"id", "object", "created", "model", "choices", "usage"}
CHOICE_FIELDS = {"index", "message", "delta", "finish_reason", "logprobs"}
_MESSAGE_FIELDS = {
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "reasoning_details",
    "extra_content",
    "images",
    "audio",
    "annotations",
    *REASONING_FIELDS,
}


def read_reply(body: dict[str, Any]) -> Reply:
    """Raises ParleyError with the error that a body of status 200 may hold."""
    if fault := fault_in(body):
        raise ParleyError(fault)
    try:
        choices = [_choice(value, index) for index, value in enumerate(array(body.get("choices"), "choices"))]
    except ParleyError as error:
        message = f"The backend's answer is no chat completion: {error.fault.message}"
        raise ParleyError(Fault(FaultKind.UPSTREAM, message, detail=body)) from None
    return Reply(
        id=text_in(body.get("id")),
        model=text_in(body.get("model")),
        choices=choices,
        usage=read_usage(body.get("usage")),
        created=number_in(body.get("created")),
        extra=unread(body, REPLY_FIELDS),
        origin=NAME,
    )


def _choice(value: Any, position: int) -> Choice:
    fields = record(value, f"choices[{position}]")
    message = record(fields.get("message") or {}, f"choices[{position}].message")
    parts = _parts(message, f"choices[{position}].message")
    extra = unread(fields, CHOICE_FIELDS)
    _add_logprobs(fields.get("logprobs"), parts, extra)
    if beside := _beside(message, parts):
        extra["message"] = beside
    raw = fields.get("finish_reason")
    index = number_in(fields.get("index"))
    return Choice(
        position if index is None else index,
        parts,
        finish_of(raw, _has(ToolCall, parts), _has(Refusal, parts)),
        raw if isinstance(raw, str) and raw else None,
        extra=extra,
    )


def _has(kind: type[Part], parts: list[Part]) -> bool:
    return any(isinstance(part, kind) for part in parts)


def _parts(message: Extra, path: str) -> list[Part]:
    content = message.get("content")
    parts: list[Part] = [*_thoughts(message)]
    if content not in (None, ""):
        parts += read_content(content, f"{path}.content")
    if text_in(message.get("refusal")):
        parts.append(Refusal(message["refusal"]))
    _attach_signature(parts, message.get("extra_content"))
    parts += [_image(image, f"{path}.images[{n}]") for n, image in enumerate(list_in(message.get("images")))]
    if message.get("audio"):
        parts.append(Opaque(NAME, "audio", message["audio"], {FIELD_NOTE: "audio"}))
    return parts + _calls(message, path)


def _image(value: Any, path: str) -> Part:
    """OpenRouter's: https://openrouter.ai/docs/features/multimodal/image-generation"""
    return media.read_image(record(value, path).get("image_url"), f"{path}.image_url")


def _calls(message: Extra, path: str) -> list[Part]:
    values = array(message.get("tool_calls") or [], f"{path}.tool_calls")
    calls = [read_call(value, f"{path}.tool_calls[{index}]") for index, value in enumerate(values)]
    if message.get("function_call"):
        calls.append(read_function_call(message["function_call"], f"{path}.function_call"))
    for call in calls:
        if isinstance(call, ToolCall) and not call.id:
            call.id = made_call_id()
    return calls


def _thoughts(message: Extra) -> list[Thinking]:
    texts = {name: text_in(message.get(name)) for name in REASONING_FIELDS}
    field = next((name for name, text in texts.items() if text), REASONING_FIELDS[0])
    return reasoning.read_details(message.get("reasoning_details"), texts[field], field)


def _attach_signature(parts: list[Part], extra_content: Any) -> None:
    seal = reasoning.read_thought_signature(extra_content)
    if seal is None:
        return
    texts = [part for part in parts if isinstance(part, Text)]
    if not texts:
        texts = [Text("")]
        parts.append(texts[0])
    texts[-1].seal = seal


def _add_logprobs(logprobs: Any, parts: list[Part], extra: Extra) -> None:
    if not isinstance(logprobs, dict):
        return
    text = next((part for part in parts if isinstance(part, Text)), None)
    rest = {key: value for key, value in logprobs.items() if value is not None}
    if text and isinstance(rest.get("content"), list):
        text.logprobs = rest.pop("content")
    if rest:
        extra["logprobs"] = rest


def _beside(message: Extra, parts: list[Part]) -> Extra:
    """What a message says besides its content; annotations belong to its text."""
    beside = unread(message, _MESSAGE_FIELDS)
    if annotations := records_in(message.get("annotations")):
        text = next((part for part in parts if isinstance(part, Text)), None)
        (beside if text is None else text.extra)["annotations"] = annotations
    return beside
