"""A request's system text and turns as `system` and `messages`."""

from __future__ import annotations

from dataclasses import replace

from proxy_core.protocols.anthropic.content_write import write_block
from proxy_core.protocols.anthropic.parts import fitted_parts, readable
from proxy_core.protocols.anthropic.regroup import Conversation, Message
from proxy_core.protocols.anthropic.writing import API, Writing
from proxy_core.turn.content import Extra, Opaque, Part, ProtocolName, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import ChatRequest, Turn

_LIST_OF_TURNS: dict[ProtocolName, str] = {
    "openai_chat": "messages",
    "openai_responses": "input",
    "anthropic": "messages",
    "gemini": "contents",
}
_SYSTEM_ROLES = ("system", "developer")
_BEGIN = "Begin."
_CONTINUE = "Continue."


def written_conversation(
    request: ChatRequest, instruction: str | None, writing: Writing
) -> tuple[list[Extra], list[Message]]:
    if writing.own:
        system, messages = (
            list(request.system),
            [_own_message(turn, i, writing) for i, turn in enumerate(request.turns)],
        )
        messages = [message for message in messages if message.parts or message.extra]
    else:
        system, messages = _regrouped(request, writing)
    if instruction:
        system.append(Text(instruction))
    blocks = [block for part in system if (block := write_block(part, own=writing.own)) is not None]
    return blocks, messages


def _own_message(turn: Turn, index: int, writing: Writing) -> Message:
    """A message as its client sent it, less thoughts that Anthropic has not signed."""
    parts = [part for part in turn.parts if _is_own(part, writing)]
    if turn.role not in _SYSTEM_ROLES:
        return Message("assistant" if turn.role == "assistant" else "user", parts, turn.extra)
    if writing.target.profile.mid_conversation_system or not writing.fits_model:
        return Message("system", parts, turn.extra)
    path = f"messages[{index}]"
    writing.losses.change(path, "the model takes system text only at the beginning; a user message holds it")
    writing.losses.drop_extra(path, turn.extra, writing.target.model)
    return Message("user", [_wrapped(part) for part in parts if isinstance(part, Text)])


def _is_own(part: Part, writing: Writing) -> bool:
    if isinstance(part, Thinking):
        return readable(part, writing)
    return not (isinstance(part, Text) and part.seal and not part.text)


def _wrapped(part: Text) -> Text:
    return replace(part, text=f"<system>\n{part.text}\n</system>")


def _regrouped(request: ChatRequest, writing: Writing) -> tuple[list[Part], list[Message]]:
    """Turns of another protocol. System turns before the first message join the system text."""
    system = _system_parts(request.system, "system", writing)
    conversation = Conversation(writing)
    for index, turn in enumerate(request.turns):
        path = f"{_LIST_OF_TURNS[request.origin]}[{index}]"
        writing.kept(turn.extra, path)
        if turn.name:
            writing.losses.drop(f"{path}.name", f"{API} has no such field")
        if turn.role not in _SYSTEM_ROLES:
            _add_turn(conversation, turn, path, writing)
        elif conversation.begun:
            conversation.instruct(_system_parts(turn.parts, f"{path}.content", writing), path)
        else:
            system += _system_parts(turn.parts, f"{path}.content", writing)
    return _begun(system, conversation.messages())


def _system_parts(parts: list[Part], path: str, writing: Writing) -> list[Part]:
    texts: list[Part] = []
    for index, part in enumerate(fitted_parts(parts, path, writing)):
        if isinstance(part, Text):
            texts.append(part)
        else:
            writing.losses.drop(f"{path}[{index}]", f"{API} takes text as system prompt only")
    return texts


def _add_turn(conversation: Conversation, turn: Turn, path: str, writing: Writing) -> None:
    role = "assistant" if turn.role == "assistant" else "user"
    for part in fitted_parts(turn.parts, f"{path}.content", writing):
        match part:
            case ToolResult():
                conversation.answer(part, path)
            case ToolCall():
                conversation.call(part)
            case Text() | Thinking() | Opaque():
                conversation.say(role, part)
            case _ if role == "user":
                conversation.say(role, part)
            case _:
                writing.losses.drop(path, f"{API} takes no pictures or files from the assistant")


def _begun(system: list[Part], messages: list[Message]) -> tuple[list[Part], list[Message]]:
    """The first message must be the user's; a conversation of system text only becomes what the user says."""
    if not messages and system:
        return [], [Message("user", system)]
    if not messages or messages[0].role != "user":
        messages.insert(0, Message("user", [Text(_BEGIN)]))
    return system, messages


def continued(messages: list[Message], thinking: bool, writing: Writing) -> None:
    """Makes the end of the conversation one that the model takes: not the assistant's words where it refuses to
    go on from them (T49), and no white space at their end where it does."""
    last = messages[-1] if messages else None
    if last is None or last.role != "assistant" or not writing.fits_model:
        return
    if not writing.target.profile.prefill or (thinking and not writing.own):
        writing.losses.change("messages", f"{writing.target.model} does not go on from the assistant's words")
        messages.append(Message("user", [Text(_CONTINUE)]))
        return
    end = last.parts[-1]
    if isinstance(end, Text) and not writing.own:
        last.parts[-1] = replace(end, text=end.text.rstrip())
