"""Collects a reply while it goes by, for the history."""

from __future__ import annotations

from collections.abc import Iterable

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
            reply.choices[0].parts[:0] = begun[0].parts
        elif begun:
            reply.choices = begun
        return reply
