"""A chat completion request, read as far as the demo's models need it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxy_core.errors import invalid
from proxy_core.serving.pictures import size_of_base64
from proxy_core.wire.fields import (
    array,
    optional_boolean,
    optional_integer,
    optional_string,
    record,
    string,
    strings,
)
from proxy_core.wire.json import dumps


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """`schema` is None for a custom tool, which takes free text."""

    name: str
    schema: Any


@dataclass(frozen=True, slots=True)
class Message:
    """`names` are those of the tools that an assistant message calls, by call id."""

    role: str
    text: str
    call_id: str = ""
    names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DemoRequest:
    model: str
    messages: tuple[Message, ...]
    tools: tuple[OfferedTool, ...]
    tool_choice: Any
    stream: bool
    include_usage: bool
    max_tokens: int | None
    stop: tuple[str, ...]
    mark: str
    """Differs between conversations, and is the same for the same one."""

    @property
    def question(self) -> str:
        """The newest user message."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")


def read_demo_request(body: dict[str, Any]) -> DemoRequest:
    """Raises ParleyError that names the field."""
    if (optional_integer(body.get("n"), "n") or 1) != 1:
        raise invalid("The demo gives one answer; 'n' must be 1.", "n")
    options = record(body.get("stream_options") or {}, "stream_options")
    return DemoRequest(
        model=string(body.get("model"), "model").removeprefix("demo:"),
        messages=_messages(body.get("messages")),
        tools=tuple(
            _tool(tool, f"tools[{index}]") for index, tool in enumerate(array(body.get("tools") or [], "tools"))
        ),
        tool_choice=body.get("tool_choice"),
        stream=bool(optional_boolean(body.get("stream"), "stream")),
        include_usage=bool(optional_boolean(options.get("include_usage"), "stream_options.include_usage")),
        max_tokens=_max_tokens(body),
        stop=_stop(body.get("stop")),
        mark=hashlib.sha256(dumps([body.get("model"), body.get("messages")])).hexdigest()[:24],
    )


def _max_tokens(body: dict[str, Any]) -> int | None:
    for field in ("max_completion_tokens", "max_tokens"):
        limit = optional_integer(body.get(field), field)
        if limit is not None and limit < 1:
            raise invalid(f"'{field}' must be at least 1.", field)
        if limit is not None:
            return limit
    return None


def _stop(value: Any) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else strings(value or [], "stop")
    return tuple(word for word in given if word)


def _messages(value: Any) -> tuple[Message, ...]:
    messages = array(value, "messages")
    if not messages:
        raise invalid("'messages' must hold at least one message.", "messages")
    return tuple(_message(record(entry, f"messages[{i}]"), f"messages[{i}]") for i, entry in enumerate(messages))


def _message(message: dict[str, Any], path: str) -> Message:
    calls = array(message.get("tool_calls") or [], f"{path}.tool_calls")
    return Message(
        role=string(message.get("role"), f"{path}.role"),
        text=content_text(message.get("content"), f"{path}.content"),
        call_id=optional_string(message.get("tool_call_id"), f"{path}.tool_call_id") or "",
        names=tuple(_named_call(record(call, f"{path}.tool_calls[{i}]")) for i, call in enumerate(calls)),
    )


def _named_call(call: dict[str, Any]) -> tuple[str, str]:
    called = call.get("function") or call.get("custom")
    name = called.get("name") if isinstance(called, dict) else None
    return str(call.get("id") or ""), str(name or "")


def _tool(value: Any, path: str) -> OfferedTool:
    tool = record(value, path)
    kind = "custom" if tool.get("type") == "custom" else "function"
    offered = record(tool.get(kind), f"{path}.{kind}")
    schema = None if kind == "custom" else offered.get("parameters") or {"type": "object"}
    return OfferedTool(string(offered.get("name"), f"{path}.{kind}.name"), schema)


def content_text(content: Any, path: str) -> str:
    """The words of a message; what is no text is named in brackets where it stands."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = [record(part, f"{path}[{index}]") for index, part in enumerate(array(content, path))]
    return "\n".join(_part_text(part) for part in parts)


def _part_text(part: dict[str, Any]) -> str:
    kind = str(part.get("type"))
    return _PART_TEXTS.get(kind, lambda part: f"[{part.get('type')}]")(part)


def _image(part: dict[str, Any]) -> str:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    head, comma, data = str(url).partition(",")
    if not (comma and head.startswith("data:")):
        return f"[image {url}]"
    size = size_of_base64(data)
    measured = f" {size[0]}×{size[1]}" if size else ""
    return f"[{head.removeprefix('data:').removesuffix(';base64')}{measured}]"


def _file(part: dict[str, Any]) -> str:
    file = part.get("file")
    named = (file.get("filename") or file.get("file_id")) if isinstance(file, dict) else None
    return f"[file {named}]" if named else "[file]"


_PART_TEXTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "text": lambda part: str(part.get("text") or ""),
    "refusal": lambda part: str(part.get("refusal") or ""),
    "image_url": _image,
    "file": _file,
}
