"""Backends, and the upstream that one attempt goes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from proxy_core.turn.content import ProtocolName


@dataclass(frozen=True, slots=True)
class Backend:
    """A provider as configured. `base_url` ends in the version (`https://api.openai.com/v1`), no slash behind it.

    `credentials`: "own" sends one of `keys`; "client" passes the client's own credential headers on unchanged
    (a transparent backend, or an intercepted request). `model` overrides whatever the client asked for.
    `dialect` names a row of profiles.dialects.
    """

    name: str
    protocol: ProtocolName
    base_url: str
    keys: tuple[str, ...] = field(default=(), repr=False)
    dialect: str = "openai"
    credentials: Literal["own", "client"] = "own"
    model: str | None = None
    models: tuple[str, ...] = ()
    """Listed when the backend cannot be asked for its models."""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    timeout: float | None = None
    hedge_after: float | None = None
    """Seconds; 0: never. None: as for all backends."""
    key_optional: bool = False
    """A local server that needs no key."""
    envelope: str | None = None
    """The field that whole answers are wrapped in (`{"response": {…}}`), perhaps."""
    shows_own_name: bool = False
    """Answers name `backend:model` instead of what the client asked for (the demo)."""

    @property
    def usable(self) -> bool:
        return bool(self.keys) or self.key_optional or self.credentials == "client"


@dataclass(frozen=True, slots=True)
class Upstream:
    """One place to send one attempt to. `url` replaces base_url and path where a model has an address of its own."""

    backend: Backend
    model: str
    key: str | None = field(default=None, repr=False)
    url: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    """What addons.yaml knows better about the model: fields of ModelProfile."""
    hedge_after: float | None = None
    """Seconds without anything generated after which another attempt is made beside this one; None or 0: never."""

    @property
    def key_tail(self) -> str:
        """The key's last four characters, by which people tell keys apart; "" for a key too short to show any."""
        return f"…{self.key[-4:]}" if self.key and len(self.key) >= 12 else ""
