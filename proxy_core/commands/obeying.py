"""Commands of one request, from finding them to what the client and the model are to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proxy_core.agents.errands import is_errand, wants_structure
from proxy_core.agents.rows import Agent
from proxy_core.commands import table
from proxy_core.commands.banner import banner
from proxy_core.commands.cleaning import nothing_left, remove_own_words
from proxy_core.commands.conversation import Conversation
from proxy_core.commands.draft import CommandError, Controls, Draft
from proxy_core.commands.grammar import Command
from proxy_core.commands.history import DEFAULT_PREFIX, Said, clean, clean_history, commands_in
from proxy_core.commands.layout import calls, role_of
from proxy_core.commands.marks import OPENING, preface, sealed
from proxy_core.commands.typed import newest_turn, typed_texts
from proxy_core.errors import ParleyError
from proxy_core.turn.content import ProtocolName

_DONE = "Proxy command processed. No query sent to LLM."
_LONGEST_QUOTE = 200
_MOST_COMMANDS = 50


@dataclass(slots=True)
class Obeyed:
    """`answer`: nothing goes upstream, the client gets this text, shaped for its agent. `confirmations` go in front of
    the model's reply exactly as they are; both carry the proxy's mark. `changed`: the body is no longer as it came.

    `nothing_left`: the person typed nothing but commands. `errand`: the agent asks for its own sake (a title, a
    summary), with the person's words in it; nobody commands there, and a one-off model is not for it.
    `commands` are as typed.
    """

    changed: bool = False
    answer: str | None = None
    is_error: bool = False
    confirmations: str | None = None
    nothing_left: bool = False
    errand: bool = False
    commands: tuple[str, ...] = ()


def obey(
    body: dict[str, Any], protocol: ProtocolName, prefix: str, agent: Agent, controls: Controls, *, greet: bool = True
) -> Obeyed:
    """Carries out what the person typed in the newest user turn, and cleans `body` in place.

    All commands of a message are carried out, in their order, or none. With `greet` false a banner comes by itself only
    where somebody switched interactive mode on.
    """
    errand = is_errand(protocol, body)
    draft = Draft(controls, prefix, agent.name)
    conversation = Conversation.of(protocol, body)
    if conversation is None or not conversation.holds((prefix, DEFAULT_PREFIX, OPENING)):
        return _uncommanded(protocol, body, draft, errand, greet)
    answered = remove_own_words(conversation)
    history, newest = _said(conversation, agent)
    found = commands_in(newest.texts, prefix) if newest else []
    commands = [command for _, typed in found for command in typed]
    if errand or not commands:
        clean_history(conversation, [*history, newest] if newest else history, prefix, answered)
        return _untouched(conversation, draft, errand, greet)
    assert newest
    return _commanded(conversation, Ordered(history, newest, found, commands, answered), draft, greet)


def clean_only(body: dict[str, Any], protocol: ProtocolName, prefix: str, agent: Agent) -> bool:
    """Takes commands and the proxy's words out of a body that is only to be counted; whether it was changed."""
    conversation = Conversation.of(protocol, body)
    if conversation is None or not conversation.holds((prefix, DEFAULT_PREFIX, OPENING)):
        return False
    answered = remove_own_words(conversation)
    history, newest = _said(conversation, agent)
    clean_history(conversation, [*history, newest] if newest else history, prefix, answered)
    if not _someone_speaks(conversation):
        return False
    conversation.rebuild()
    return conversation.changed


@dataclass(slots=True)
class Ordered:
    """A request with commands: what was said before, in the newest turn, and what is ordered there."""

    history: list[Said]
    newest: Said
    found: list[Any]
    commands: list[Command]
    answered: set[int]


def _commanded(conversation: Conversation, ordered: Ordered, draft: Draft, greet: bool) -> Obeyed:
    typed = tuple(command.typed for command in ordered.commands)
    try:
        says = _carry_out(ordered.commands, draft)
    except CommandError as error:
        return Obeyed(answer=sealed(str(error)), is_error=True, commands=typed)
    message = conversation.messages[ordered.newest.index]
    clean_history(conversation, ordered.history, draft.prefix, ordered.answered)
    clean(conversation, ordered.newest, ordered.found)
    alone = nothing_left(conversation.protocol, message, ordered.newest.texts)
    shown = says if alone or draft.interactive else _asked(ordered.commands, says)
    shown = _with_banner(shown, draft, greet)
    try:
        shown += draft.commit()
    except ParleyError as error:
        return Obeyed(answer=sealed(error.fault.message), is_error=True, commands=typed)
    if alone:
        return Obeyed(answer=sealed("\n".join(shown) or _DONE), nothing_left=True, commands=typed)
    conversation.rebuild()
    kept = not wants_structure(conversation.protocol, conversation.body)
    confirmations = preface("\n".join(shown)) if shown and kept else None
    return Obeyed(conversation.changed, confirmations=confirmations, commands=typed)


def _carry_out(commands: Sequence[Command], draft: Draft) -> list[str]:
    if len(commands) > _MOST_COMMANDS:
        raise CommandError(f"{len(commands)} commands in one message; at most {_MOST_COMMANDS} are carried out.")
    says: list[str] = []
    for command in commands:
        try:
            says.append(table.run(command, draft))
        except CommandError as error:
            raise CommandError(_complaint(command, str(error), draft.prefix, len(commands))) from None
    return says


def _complaint(command: Command, wrong: str, prefix: str, count: int) -> str:
    typed = command.typed if len(command.typed) <= _LONGEST_QUOTE else command.typed[:_LONGEST_QUOTE] + "…"
    others = " None of the message's commands was carried out." if count > 1 else ""
    return "\n".join(
        (
            wrong,
            f"You typed: {typed}",
            f"Right form: {table.right_form(command, prefix)}",
            f"Nothing was sent to a model.{others} {prefix}help lists the commands.",
        )
    )


def _asked(commands: Sequence[Command], says: Sequence[str]) -> list[str]:
    return [said for command, said in zip(commands, says, strict=True) if table.asks(command)]


def _with_banner(says: Sequence[str], draft: Draft, greet: bool) -> list[str]:
    own = draft.settings.interactive
    if not (own if own is not None else greet and draft.interactive) or draft.greeted:
        return list(says)
    draft.greeted = True
    return [banner(draft), *says]


def _said(conversation: Conversation, agent: Agent) -> tuple[list[Said], Said | None]:
    """What the person typed: before, and in the last message of the newest turn that has anything typed in it."""
    protocol, messages = conversation.protocol, conversation.messages
    names = {piece.id: piece.name for message in messages for piece in calls(protocol, message)}
    said: list[Said] = []
    for index, message in enumerate(messages):
        if role_of(protocol, message) in ("user", "tool"):
            texts = typed_texts(protocol, message, conversation.slots[index], names, agent.wraps)
            if texts:
                said.append(Said(index, texts))
    turn = set(newest_turn(protocol, messages))
    newest = next((entry for entry in reversed(said) if entry.index in turn and not _is_blank(entry)), None)
    return [entry for entry in said if entry is not newest], newest


def _is_blank(said: Said) -> bool:
    return all(typed.blank for typed in said.texts)


def _someone_speaks(conversation: Conversation) -> bool:
    protocol = conversation.protocol
    return any(
        role_of(protocol, message) in ("user", "tool") and conversation.stays(message)
        for message in conversation.messages
    )


def _untouched(conversation: Conversation, draft: Draft, errand: bool, greet: bool) -> Obeyed:
    if not _someone_speaks(conversation):
        return Obeyed(answer=sealed(_DONE), nothing_left=True, errand=errand)
    conversation.rebuild()
    obeyed = _uncommanded(conversation.protocol, conversation.body, draft, errand, greet)
    obeyed.changed = conversation.changed
    return obeyed


def _uncommanded(protocol: ProtocolName, body: dict[str, Any], draft: Draft, errand: bool, greet: bool) -> Obeyed:
    shown = [] if errand or wants_structure(protocol, body) else _with_banner([], draft, greet)
    if shown:
        draft.commit()
    return Obeyed(confirmations=preface("\n".join(shown)) if shown else None, errand=errand)
