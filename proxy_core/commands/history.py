"""Commands that a client sends back with its history, under whichever prefix they were typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxy_core.commands.cleaning import cut, let_go
from proxy_core.commands.conversation import Conversation
from proxy_core.commands.grammar import Command, find
from proxy_core.commands.layout import has_media
from proxy_core.commands.table import NAMES, VOCABULARY
from proxy_core.commands.typed import Typed, is_nothing

DEFAULT_PREFIX = "!/"


@dataclass(slots=True)
class Said:
    """What a person typed in one message: its index, and its texts."""

    index: int
    texts: list[Typed]


def commands_in(texts: Sequence[Typed], prefix: str) -> list[tuple[Typed, list[Command]]]:
    found = [(typed, find(typed.text, prefix, VOCABULARY, typed.spans, typed.quoted)) for typed in texts]
    return [(typed, commands) for typed, commands in found if commands]


def clean(conversation: Conversation, said: Said, found: Sequence[tuple[Typed, list[Command]]]) -> None:
    """Takes the commands found out of a message, and the message out of the conversation when it held nothing else."""
    for typed, commands in found:
        cut(typed, commands)
    if found:
        conversation.changed = True
        let_go(conversation, said.index, said.texts, [typed for typed, _ in found])


def clean_history(conversation: Conversation, history: Sequence[Said], prefix: str, answered: set[int]) -> None:
    former = _former_prefixes(history, prefix)
    for said in history:
        clean(conversation, said, commands_in(said.texts, prefix))
    for old in former:
        for said in history:
            found = commands_in(said.texts, old)
            if found and _was_obeyed(conversation, said, found, answered):
                clean(conversation, said, found)


def _former_prefixes(history: Sequence[Said], prefix: str) -> list[str]:
    """The default one, and those that commands in the history set, one after the other."""
    known = list(dict.fromkeys((prefix, DEFAULT_PREFIX)))
    for old in known:
        for said in history:
            for _, commands in commands_in(said.texts, old):
                new = [value for command in commands for value in _prefixes_of(command)]
                known += [value for value in dict.fromkeys(new) if value not in known]
    return known[1:]


def _prefixes_of(command: Command) -> list[str]:
    return [
        argument.value
        for argument in command.arguments
        if argument.key in ("command-prefix", "prefix") and 2 <= len(argument.value) <= 10
    ]


def _was_obeyed(
    conversation: Conversation, said: Said, found: Sequence[tuple[Typed, list[Command]]], answered: set[int]
) -> bool:
    """Under a prefix that is none today a text may be a person's words about commands: it counts only where the
    proxy answered it, or where there is nothing beside it."""
    message = conversation.messages[said.index]
    if id(message) in answered:
        return True
    well_formed = all(c.name in NAMES and not c.problem for _, commands in found for c in commands)
    by_text = {id(typed): commands for typed, commands in found}
    alone = all(is_nothing(_rest(typed, by_text.get(id(typed), []))) for typed in said.texts)
    return well_formed and alone and not has_media(conversation.protocol, message)


def _rest(typed: Typed, commands: Sequence[Command]) -> str:
    text = "".join(typed.text[start:end] for start, end in typed.spans)
    for command in commands:
        text = text.replace(command.typed, "", 1)
    return text
