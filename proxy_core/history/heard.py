"""Collects a reply while it goes by, for the history."""

from __future__ import annotations

from collections.abc import Iterable

from proxy_core.turn.events import Event
from proxy_core.turn.fold import Folder
from proxy_core.turn.reply import Reply


class Heard:
    """An observer, or a stage: where secrets are put back for the client it stands before that, so that it never has
    them."""

    def __init__(self) -> None:
        self._folder = Folder()

    def see(self, event: Event) -> None:
        self._folder.add(event)

    def feed(self, event: Event) -> Iterable[Event]:
        self._folder.add(event)
        return (event,)

    def reply(self) -> Reply:
        """As far as it came; to be called once, when nothing more will."""
        return self._folder.so_far()
