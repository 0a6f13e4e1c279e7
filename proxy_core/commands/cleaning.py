"""Takes commands, and the proxy's own words, out of a request, so that the model reads it as if neither had been.

What a person typed beside a command stays byte for byte; a message that held nothing else goes, and its answer with
it. Context that an agent had put into such a message moves to the front of the next one. A cache mark on something
that goes moves to what stands before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy_core.commands.conversation import Conversation
from proxy_core.commands.grammar import Command
from proxy_core.commands.layout import (
    Message,
    Piece,
    calls,
    has_media,
    is_text,
    parts_of,
    results,
    role_of,
    text_part,
    user_message,
)
from proxy_core.commands.marks import holds_mark, without_own
from proxy_core.commands.typed import Typed
from proxy_core.protocols.slots import Slot
from proxy_core.turn.content import ProtocolName


def remove_own_words(conversation: Conversation) -> set[int]:
    """Takes what the proxy said itself out of assistant messages; a tool result that answers a call of the proxy's
    own becomes the person's words. Returns the ids (`id()`) of the user messages that it had answered."""
    answered: set[int] = set()
    own_calls: set[str] = set()
    asking: Message | None = None
    after_own = False
    for index, message in enumerate(conversation.messages):
        role = role_of(conversation.protocol, message)
        if role == "assistant":
            found = _own_calls(conversation, message)
            if (_cut_own_texts(conversation, index) or found) and asking:
                answered.add(id(asking))
            own_calls |= found
            if after_own and _says_nothing(conversation.protocol, message):
                conversation.gone.add(id(message))
            after_own = not conversation.stays(message)
        elif own_calls:
            _take_as_persons_words(conversation, index, own_calls)
        if role == "user":
            asking, after_own = message, False
    if conversation.changed:
        conversation.read_slots()
    return answered


def _cut_own_texts(conversation: Conversation, index: int) -> bool:
    message = conversation.messages[index]
    found = False
    for slot in conversation.slots[index]:
        if slot.kind != "assistant" or not holds_mark(slot.text):
            continue
        before = slot.text
        slot.text = without_own(before)
        if slot.text != before:
            found = conversation.changed = True
            _let_go_if_empty(conversation, message, slot)
    return found


def _let_go_if_empty(conversation: Conversation, message: Message, slot: Slot) -> None:
    if slot.text:
        return
    if slot.holder is not message:
        conversation.gone.add(id(slot.holder))
    elif not message.get("tool_calls"):
        conversation.gone.add(id(message))


def _says_nothing(protocol: ProtocolName, message: Message) -> bool:
    """Google's SDK keeps each chunk of a stream as a message, also the last, which says only that it is the last."""
    parts = parts_of(protocol, message)
    return parts is not None and all(part == {"text": ""} for part in parts)


def _own_calls(conversation: Conversation, message: Message) -> set[str]:
    own = [piece for piece in calls(conversation.protocol, message) if _is_own(piece)]
    for piece in own:
        conversation.changed = True
        if piece.holder is not None and piece.holder is message.get("tool_calls"):
            piece.holder[:] = [call for call in piece.holder if call is not piece.element]
        else:
            conversation.gone.add(id(piece.element))
    if message.get("tool_calls") == []:
        del message["tool_calls"]
        if not message.get("content"):
            conversation.gone.add(id(message))
    return {piece.id for piece in own}


def _is_own(piece: Piece) -> bool:
    return any(holds_mark(text) and not without_own(text) for text in piece.texts)


def _take_as_persons_words(conversation: Conversation, index: int, own_calls: set[str]) -> None:
    protocol, message = conversation.protocol, conversation.messages[index]
    for piece in list(results(protocol, message)):
        if piece.id not in own_calls:
            continue
        own_calls.discard(piece.id)
        conversation.changed = True
        text = "\n".join(piece.texts)
        if not text.strip():
            conversation.gone.add(id(piece.element))
        elif piece.holder is None:
            conversation.messages[index] = user_message(protocol, text)
        else:
            number = next(place for place, part in enumerate(piece.holder) if part is piece.element)
            mark = {name: value for name, value in piece.element.items() if name == "cache_control"}
            piece.holder[number] = {**text_part(protocol, text), **mark}


def cut(typed: Typed, commands: Sequence[Command]) -> None:
    """Takes commands out of a text; nothing else of it changes, and its spans follow."""
    text = typed.text
    kept: list[str] = []
    position = 0
    for command in commands:
        kept.append(text[position : command.start])
        position = command.end
    typed.slot.text = "".join([*kept, text[position:]])
    typed.spans = [(_moved(start, commands), _moved(end, commands)) for start, end in typed.spans]


def _moved(offset: int, commands: Sequence[Command]) -> int:
    return offset - sum(max(min(command.end, offset) - command.start, 0) for command in commands)


def nothing_left(protocol: ProtocolName, message: Message, texts: Iterable[Typed]) -> bool:
    """Whether the person's part of a message, commands cut out, is empty."""
    return all(typed.blank for typed in texts) and not has_media(protocol, message)


def let_go(conversation: Conversation, index: int, texts: Sequence[Typed], touched: Sequence[Typed]) -> None:
    """Marks what commands have left empty: the `touched` texts, or, when nothing of the person's is left in the
    message, all of them but the context that later turns need."""
    message = conversation.messages[index]
    whole = nothing_left(conversation.protocol, message, texts)
    emptied = [typed for typed in (texts if whole else touched) if typed.blank and not typed.keeps]
    if whole:
        _let_go_of_answer(conversation, index)
    if parts_of(conversation.protocol, message) is None:
        if whole and len(emptied) == len(texts):
            conversation.gone.add(id(message))
        return
    conversation.gone.update(id(typed.slot.holder) for typed in emptied)
    if whole:
        conversation.dissolved.add(id(message))


def _let_go_of_answer(conversation: Conversation, index: int) -> None:
    """What follows a message that held only commands is the proxy's own answer, should a client have lost its mark."""
    answer = conversation.messages[index + 1] if index + 1 < len(conversation.messages) else {}
    if role_of(conversation.protocol, answer) == "assistant" and _is_plain(conversation.protocol, answer):
        conversation.gone.add(id(answer))


def _is_plain(protocol: ProtocolName, message: Message) -> bool:
    """Nothing but text: neither calls nor thoughts, which only a model has."""
    if message.get("type", "message") != "message" or message.get("tool_calls") or message.get("reasoning_content"):
        return False
    return all(is_text(part) and not part.get("thought") for part in parts_of(protocol, message) or ())
