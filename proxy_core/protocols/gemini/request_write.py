"""A ChatRequest of any origin, written as a Gemini request."""

from __future__ import annotations

from typing import Any

from proxy_core.errors import invalid
from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import UpstreamCall
from proxy_core.protocols.gemini.content_write import write_part
from proxy_core.protocols.gemini.conversation import Content, split_system, write_contents
from proxy_core.protocols.gemini.endpoints import model_path
from proxy_core.protocols.gemini.generation import CONFIG, asked_in_words, write_config
from proxy_core.protocols.gemini.names import ORIGIN
from proxy_core.protocols.gemini.request_read import COUNTED, SYSTEM_ROLE
from proxy_core.protocols.gemini.tools import write_tool_choice, write_tools
from proxy_core.protocols.gemini.writing import API, Writing
from proxy_core.turn.content import Extra, Part, Text
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest


def write_request(request: ChatRequest, target: Target, losses: Losses) -> UpstreamCall:
    """Raises ParleyError when nothing is left to send, or a function's name is one that Gemini refuses."""
    writing = Writing(target, losses, request.origin == ORIGIN)
    preface, turns = split_system(request)
    system = _system_parts([(None, request.system), *((index, turn.parts) for index, turn in preface)], writing)
    contents = write_contents(turns, writing)
    tools = write_tools(request.tools, writing)
    has_functions = any("functionDeclarations" in tool for tool in tools)
    words = asked_in_words(request.output, writing, has_functions=has_functions)
    if words:
        system.append({"text": words})
    if not contents:
        contents, system = _without_contents(system, writing), []
    fields = {
        "contents": contents,
        "systemInstruction": _system(system, request),
        "tools": tools,
        "toolConfig": _tool_config(request, tools, writing),
        CONFIG: write_config(request, writing, has_functions=has_functions),
        **_top_level(request, writing),
    }
    body = {name: value for name, value in fields.items() if value not in (None, [], {})}
    return _call(request, body, target.model)


def _call(request: ChatRequest, body: dict[str, Any], model: str) -> UpstreamCall:
    if COUNTED not in request.extra:
        return UpstreamCall(model_path(model, "chat", stream=request.stream), body)
    if request.extra[COUNTED] or set(body) > {"contents"}:
        # countTokens itself takes nothing but contents: https://ai.google.dev/api/tokens
        body = {"generateContentRequest": {"model": f"models/{model.removeprefix('models/')}", **body}}
    return UpstreamCall(model_path(model, "count_tokens", stream=False), body)


def _system_parts(sources: list[tuple[int | None, list[Part]]], writing: Writing) -> list[Content]:
    written: list[Content] = []
    for index, parts in sources:
        for i, part in enumerate(parts):
            path = f"system[{i}]" if index is None else f"messages[{index}].content[{i}]"
            if not isinstance(part, Text) and not writing.own:
                writing.losses.drop(path, f"{API} takes text as instructions only")
                continue
            if isinstance(part, Text):
                writing.uncached(part.cache)
            writing.kept(part.extra, path)
            native = write_part(part, own_extra=writing.own, foreign_seals=False)
            if native and (writing.own or native.get("text")):
                written.append(native)
    return written


def _system(parts: list[Content], request: ChatRequest) -> Content | None:
    if not parts:
        return None
    role = request.extra.get(SYSTEM_ROLE)
    return {"parts": parts} if role is None else {"parts": parts, "role": role}


def _without_contents(system: list[Content], writing: Writing) -> list[Content]:
    """A request of nothing but instructions: the API wants at least one message."""
    if not system or writing.own:
        raise invalid("The request holds no message with content.", "contents" if writing.own else "messages")
    writing.losses.change("messages", f"{API} wants a user's message; the instructions were sent as one")
    return [{"role": "user", "parts": system}]


def _tool_config(request: ChatRequest, tools: list[Extra], writing: Writing) -> Extra:
    config: Extra = dict(request.extra.get("toolConfig", {})) if writing.own else {}
    calling = write_tool_choice(request.tool_choice, tools, writing)
    if calling:
        config["functionCallingConfig"] = calling
    if request.parallel_tool_calls is False and tools:
        writing.losses.drop("parallel_tool_calls", f"{API} cannot forbid several calls at once")
    return config


def _top_level(request: ChatRequest, writing: Writing) -> Extra:
    extra = writing.kept(request.extra, "")
    return {name: value for name, value in extra.items() if name not in (CONFIG, "toolConfig")}
