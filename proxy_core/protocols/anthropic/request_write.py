"""A ChatRequest of any origin, written as a Messages request."""

from __future__ import annotations

import hashlib
from typing import Any

from proxy_core.profiles.target import Target
from proxy_core.protocols.anthropic.caching import fit_marks
from proxy_core.protocols.anthropic.content_write import write_block
from proxy_core.protocols.anthropic.conversation import continued, written_conversation
from proxy_core.protocols.anthropic.names import ORIGIN
from proxy_core.protocols.anthropic.output import STRUCTURED_OUTPUT_TOOL, Structure, structure_of, with_stand_in
from proxy_core.protocols.anthropic.parts import UNSIGNED
from proxy_core.protocols.anthropic.regroup import Message, loop_lacks_thinking
from proxy_core.protocols.anthropic.sampling import output_limit, sampling_fields
from proxy_core.protocols.anthropic.thinking import (
    Thought,
    fitted_thought,
    given_thought,
    switched_off,
    thought_fields,
)
from proxy_core.protocols.anthropic.tools import tools_of_history, write_tool_choice, write_tools
from proxy_core.protocols.anthropic.writing import API, Writing
from proxy_core.protocols.contract import UpstreamCall
from proxy_core.turn.content import Extra, ToolCall
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest

_LONGEST_USER = 512
_FORCED = ("any", "tool")
_MID_CONVERSATION_SYSTEM = "mid-conversation-system-2026-04-07"

__all__ = ["STRUCTURED_OUTPUT_TOOL", "write_request"]


def write_request(request: ChatRequest, target: Target, losses: Losses) -> UpstreamCall:
    writing = Writing(target, losses, request.origin == ORIGIN)
    structure = structure_of(request.output, writing)
    system, messages = written_conversation(request, structure.instruction, writing)
    body: dict[str, Any] = {"model": target.model}
    limit = output_limit(request, writing)
    if limit is not None:
        body["max_tokens"] = limit
    if system:
        body["system"] = system
    tools = _tool_fields(request, structure, messages, writing)
    thought = _thought(request, limit or 0, writing)
    if structure.tool or (_is_forced(tools) and not writing.own):
        thought = _thought_or_choice(thought, tools, writing)
    elif _lacks_thinking(thought, messages, writing):
        thought = switched_off(thought, writing, "the calls in the conversation lack the thoughts that led to them")
    continued(messages, thought.on, writing)
    body["messages"] = [_written_message(message, writing) for message in messages]
    body |= tools
    body |= _settings(request, thought, structure, writing)
    if not writing.own:
        fit_marks(body, writing)
    return UpstreamCall("/messages", body, _headers(messages, writing))


def _settings(request: ChatRequest, thought: Thought, structure: Structure, writing: Writing) -> Extra:
    fields = sampling_fields(request, thought, writing)
    fields |= _own_fields(request, writing)
    for more in (thought_fields(thought), structure.fields):
        config = {**fields.get("output_config", {}), **more.get("output_config", {})}
        fields |= {**more, "output_config": config} if config else more
    if request.stream:
        fields["stream"] = True
    return fields


def _own_fields(request: ChatRequest, writing: Writing) -> Extra:
    fields = writing.kept(request.extra, "")
    if request.user:
        fields["metadata"] = {**fields.get("metadata", {}), "user_id": _user(request.user, writing)}
    if request.cache_key:
        writing.losses.drop("prompt_cache_key", f"{API} has no such field")
    return fields


def _user(user: str, writing: Writing) -> str:
    if writing.own or len(user) <= _LONGEST_USER:
        return user
    return hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()


def _headers(messages: list[Message], writing: Writing) -> dict[str, str]:
    """Anthropic's own clients name the beta features that they use themselves."""
    if not writing.own and any(message.role == "system" for message in messages):
        return {"anthropic-beta": _MID_CONVERSATION_SYSTEM}
    return {}


def _tool_fields(request: ChatRequest, structure: Structure, messages: list[Message], writing: Writing) -> Extra:
    tools = write_tools(request.tools, request.tool_choice, writing)
    choice = write_tool_choice(request.tool_choice, request.parallel_tool_calls, tools, writing)
    if structure.tool:
        tools.append(structure.tool)
        choice = with_stand_in(choice, tools)
    if not tools and not writing.own and (called := _called(messages)):
        tools, choice = tools_of_history(called), {"type": "none"}
    fields: Extra = {}
    if tools or (writing.own and request.tools):
        fields["tools"] = tools
    if choice:
        fields["tool_choice"] = choice
    return fields


def _called(messages: list[Message]) -> list[str]:
    return [part.name for message in messages for part in message.parts if isinstance(part, ToolCall)]


def _thought(request: ChatRequest, max_tokens: int, writing: Writing) -> Thought:
    if writing.fits_model:
        return fitted_thought(request.reasoning, writing, max_tokens)
    return given_thought(request.reasoning, writing)


def _is_forced(tools: Extra) -> bool:
    return tools.get("tool_choice", {}).get("type") in _FORCED


def _lacks_thinking(thought: Thought, messages: list[Message], writing: Writing) -> bool:
    """A client's own omissions are for Anthropic to refuse; those that translation or a change of provider has
    made are ours to make good."""
    if not thought.on or not thought.fields or thought.fields["type"] != "enabled":
        return False
    ours = not writing.own or any(loss.path == UNSIGNED for loss in writing.losses.items)
    return ours and loop_lacks_thinking(messages)


def _thought_or_choice(thought: Thought, tools: Extra, writing: Writing) -> Thought:
    """A model cannot think and be forced to call a tool; one that always thinks is not forced."""
    profile = writing.target.profile
    if not _is_forced(tools):
        return thought
    if profile.can_disable_thinking:
        if not thought.on and profile.thinking != "adaptive":
            return thought
        return switched_off(thought, writing, "a model that is forced to call a tool cannot think")
    writing.losses.change("tool_choice", f"{writing.target.model} cannot be forced to call a tool")
    tools["tool_choice"] = {**tools["tool_choice"], "type": "auto"}
    tools["tool_choice"].pop("name", None)
    return thought


def _written_message(message: Message, writing: Writing) -> Extra:
    blocks = [block for part in message.parts if (block := write_block(part, own=writing.own)) is not None]
    return {"role": message.role, "content": blocks, **writing.kept(message.extra, "messages")}
