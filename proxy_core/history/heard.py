"""Collects a reply while it goes by, for the history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proxy_core.turn.content import Part, Text
from proxy_core.turn.events import Event
from proxy_core.turn.fold import Folder
from proxy_core.turn.reply import Reply


class Heard:
    """An observer, or a stage: where secrets are put back for the client it stands before that, so that it never has
    them. `before` is what was heard of the same answer from another attempt, which this one goes on with."""

    def __init__(self) -> None:
        self.before: Heard | None = None
        self._folder = Folder()

    def see(self, event: Event) -> None:
        self._folder.add(event)

    def feed(self, event: Event) -> Iterable[Event]:
        self._folder.add(event)
        return (event,)

    def reply(self) -> Reply:
        """As far as it came; to be called once, when nothing more will."""
        reply = self._folder.so_far()
        begun = self.before.reply().choices if self.before else []
        if begun and reply.choices:
            reply.choices[0].parts = _joined(begun[0].parts, reply.choices[0].parts)
        elif begun:
            reply.choices = begun
        return reply


def _joined(parts: list[Part], more: list[Part]) -> list[Part]:
    """A text that was broken off is one with what follows."""
    match parts, more:
        case [*before, Text() as begun], [Text() as rest, *behind]:
            return [*before, replace(begun, text=begun.text + rest.text), *behind]
        case _:
            return [*parts, *more]
