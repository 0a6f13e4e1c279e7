"""What fills the window of each session's last request, worked out when somebody asks."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from proxy_core.errors import ParleyError
from proxy_core.exchange.inbound import Admitted
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call
from proxy_core.viewing.breakdown import Share, breakdown
from proxy_core.wire.json import parse_body

MAX_SESSIONS = 32
MAX_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class _Last:
    """`shares` once somebody has asked."""

    model: str
    call: Call
    body: bytes
    shares: list[Share] | None = None


class Contexts:
    """Keeps the bodies, as redacted, of the sessions used last: at most so many, and so many bytes in all."""

    def __init__(self, max_sessions: int = MAX_SESSIONS, max_bytes: int = MAX_BYTES) -> None:
        self._last: OrderedDict[str, _Last] = OrderedDict()
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._bytes = 0

    def keep(self, scope: str, admitted: Admitted) -> None:
        """`scope` tells sessions of several owners apart."""
        self.forget(scope)
        if len(admitted.body) > self._max_bytes:
            return
        self._last[scope] = _Last(admitted.model, admitted.call, admitted.body)
        self._bytes += len(admitted.body)
        while len(self._last) > self._max_sessions or self._bytes > self._max_bytes:
            self.forget(next(iter(self._last)))

    def forget(self, scope: str) -> None:
        known = self._last.pop(scope, None)
        if known:
            self._bytes -= len(known.body)

    def of(self, scope: str) -> dict[str, Any] | None:
        """The model and the estimated tokens by part, those with the most first; None where nothing is known. Takes
        some 80 ms for a megabyte, and may be called in any thread."""
        known = self._last.get(scope)
        return _described(known) if known else None


def _described(last: _Last) -> dict[str, Any] | None:
    if last.shares is None:
        try:
            last.shares = breakdown(CODECS[last.call.protocol].read_request(parse_body(last.body), last.call))
        except ParleyError:
            return None
    shares = [{"kind": share.kind, "name": share.name, "tokens": share.tokens} for share in last.shares]
    return {"model": last.model, "tokens": sum(share.tokens for share in last.shares), "parts": shares}
