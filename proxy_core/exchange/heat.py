"""Attempts side by side: each is read apart from the others, until one has something for the client."""

from __future__ import annotations

from proxy_core.exchange.attempt import HEDGED, Attempt
from proxy_core.exchange.exchange import Exchange


class Heat(Exchange):
    """What comes of one attempt of an exchange. Its first step other than HOLD or a retry wins; the exchange then
    adopts it, and the others lose: what they still hear leads to nothing."""

    def __init__(self, of: Exchange, attempt: Attempt) -> None:
        super().__init__(
            of.admitted, of.client, iter(()), of._report, settled=of._settled, clock=of._clock, abort=of._abort
        )
        self.attempt = attempt
        self._opened = of._opened

    @property
    def may_keep_alive(self) -> bool:
        """Signs of life are the exchange's own business."""
        return False

    def head_was_sent(self) -> None:
        """The client has got its head, for a sign of life."""
        self._opened = True

    def lose(self) -> None:
        if self.attempt and not self.finished:
            self._settle(self.attempt, HEDGED)
        self.finished = True
