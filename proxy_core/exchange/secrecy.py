"""Secrets on their way through an exchange: hidden in the request, put back in the reply, looked for at the end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from proxy_core.config.settings import Settings
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.attempt import OutgoingRequest
from proxy_core.exchange.headers import CREDENTIALS
from proxy_core.exchange.inbound import Admitted
from proxy_core.pipeline.stages import Stage
from proxy_core.redaction import configured_finder
from proxy_core.redaction.completions import CompletionsReveal
from proxy_core.redaction.conceal import Concealed, Mode, conceal, leaks
from proxy_core.redaction.finder import Finder
from proxy_core.redaction.reveal import RevealStage, reveal_text
from proxy_core.redaction.vault import Vault
from proxy_core.wire.json import dumps, loads

_MOST_VAULTS = 1000


class Secrecy:
    """A vault for each session, and the finder that all share. Rebuilt with the settings; `vaults` live on.

    `key` is what placeholders are made with; None: with one of this process alone."""

    def __init__(self, settings: Settings, vaults: OrderedDict[str, Vault], key: bytes | None = None) -> None:
        self._key = key
        self._redaction = settings.redaction
        self._vaults = vaults
        self._on = settings.redact
        self._finder = configured_finder(settings)

    def hide(self, admitted: Admitted, session: str) -> tuple[Admitted, Hidden]:
        """`admitted` without its secrets. `session` tells clients and conversations apart."""
        vault = self._vault(session)
        mode, own_keys = self._redaction.mode, self._redaction.own_keys
        concealed = conceal(admitted.json, admitted.call.protocol, vault, self._finder, mode, own_keys)
        if concealed.changed:
            count = sum(concealed.counts.values())
            changes = (*admitted.changes, f"{count} secret{'s'[: count > 1]} redacted")
            admitted = replace(admitted, body=dumps(admitted.json), changes=changes)
        return admitted, Hidden(vault, self._finder, concealed, (mode, own_keys))

    def check_passing(self, body: bytes) -> None:
        """A request that is none of ours may carry anything but the proxy's own keys."""
        if self._on and self._finder.own_seen(body):
            raise ParleyError(
                Fault(FaultKind.PERMISSION, "A key of this proxy is in the request's body; it was not sent on.")
            )

    def blot(self, body: bytes) -> bytes:
        """A body as it may be kept and shown: without the proxy's own keys."""
        return self._finder.without_own(body)

    def hide_message(self, content: bytes, scope: str) -> bytes:
        """The same for a text message of a WebSocket. Raises ParleyError where a secret could not be taken out."""
        try:
            message = loads(content)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self.check_passing(content)
            return content
        inner = message.get("response")
        body = inner if isinstance(inner, dict) else message
        mode, own_keys = self._redaction.mode, self._redaction.own_keys
        vault = self._vault(scope)
        concealed = conceal(body, "openai_responses", vault, self._finder, mode, own_keys)
        hidden = dumps(message) if concealed.changed else content
        _check(hidden, vault, self._finder, concealed.sealed)
        return hidden

    def reveal_message(self, text: str, scope: str) -> str:
        """What a server says over a WebSocket, with the secrets whose placeholders stand in it whole."""
        vault = self._vaults.get(scope)
        return reveal_text(text, vault, json_text=True) if vault and vault.has_placeholders() else text

    def hide_again(self, body: dict[str, Any], session: str) -> None:
        """Hides the secrets of a Chat Completions body that is to be kept, in place, whatever may leave."""
        mode = "one_way" if self._redaction.mode == "off" else self._redaction.mode
        conceal(body, "openai_chat", self._vault(session), self._finder, mode, self._redaction.own_keys)

    def _vault(self, session: str) -> Vault:
        vault = self._vaults.pop(session, None) or Vault(session, key=self._key)
        self._vaults[session] = vault
        if len(self._vaults) > _MOST_VAULTS:
            self._vaults.popitem(last=False)
        return vault


class Hidden:
    """What was hidden in one request."""

    def __init__(self, vault: Vault, finder: Finder, concealed: Concealed, modes: tuple[Mode, Mode]) -> None:
        self._vault = vault
        self._modes = modes
        self._finder = finder
        self.counts = concealed.counts
        self._sealed = concealed.sealed

    @property
    def may_come_back(self) -> bool:
        """Whether the model has been given placeholders that its answer may hold."""
        return self._vault.has_placeholders()

    def stages(self, json_answer: bool) -> Sequence[Stage]:
        return (RevealStage(self._vault, json_answer),)

    def completions(self, first: Callable[[bytes], bytes]) -> CompletionsReveal:
        return CompletionsReveal(self._vault, first)

    def again(self, text: str) -> str:
        """What the client has read, as a backend may see it."""
        message = {"role": "assistant", "content": text}
        conceal({"messages": [message]}, "openai_chat", self._vault, self._finder, *self._modes)
        return message["content"]

    def check(self, request: OutgoingRequest) -> None:
        """The last look before bytes leave. Raises ParleyError, and nothing is sent."""
        shown = b"\n".join(
            f"{name}: {value}".encode("utf-8", "surrogateescape")
            for name, value in request.headers
            if name.lower() not in CREDENTIALS
        )
        leaving = b"\n".join((request.body, request.url.encode("utf-8", "surrogateescape"), shown))
        _check(leaving, self._vault, self._finder, self._sealed)


def _check(leaving: bytes, vault: Vault, finder: Finder, sealed: frozenset[bytes]) -> None:
    found = leaks(leaving, vault, finder, sealed)
    if found:
        message = f"Nothing was sent: a secret ({', '.join(found)}) was still in the request after redaction."
        raise ParleyError(Fault(FaultKind.INTERNAL, message))
