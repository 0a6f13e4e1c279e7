"""Secrets are taken out of a request's body before it leaves, wherever a text of it may be."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from proxy_core.protocols import SLOTS
from proxy_core.protocols.slots import Slot, other_slots
from proxy_core.redaction.exact import leftmost_longest
from proxy_core.redaction.finder import OWN_KEY, Finder, Finding
from proxy_core.redaction.vault import Vault
from proxy_core.turn.content import ProtocolName

type Mode = Literal["reversible", "one_way", "off"]

_LITERAL = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_OF_ADDRESSES = frozenset(("signed-url", "azure-sas"))
"""What must be in an address for it to be of use."""
_NAMED = 512
"""Bytes of the longest value that is judged by the name of its field."""


@dataclass(frozen=True, slots=True)
class Concealed:
    """`counts` are hidden places by rule. `sealed` are secrets within what a provider signed: it wrote them itself,
    and changing them would break the signature; the last check must let them pass."""

    counts: dict[str, int] = field(default_factory=dict)
    sealed: frozenset[bytes] = frozenset()

    @property
    def changed(self) -> bool:
        return bool(self.counts)


def conceal(
    body: dict[str, Any],
    protocol: ProtocolName,
    vault: Vault,
    finder: Finder,
    mode: Mode = "reversible",
    own_keys: Mode = "one_way",
) -> Concealed:
    """Hides the secrets of a native body in place. `own_keys` is how the proxy's own are hidden; they always are.

    First all texts are searched, then what was found anywhere is hidden everywhere: a password that a configuration
    file gives away may stand in a log without a word that tells it.
    """
    hiding = _Hiding(vault, finder, mode, own_keys)
    found = list(SLOTS[protocol](body))
    slots = [(slot, _data(slot)) for slot in found if slot.text] + hiding.suspects(list(other_slots(body, found)))
    for slot, data in slots:
        if not slot.signed:
            hiding.learn(slot, data)
    sealed: set[bytes] = set()
    for slot, data in slots:
        if slot.signed:
            data = hiding.restore(slot, data)
            sealed |= hiding.known_in(data)
        else:
            hiding.hide(slot, data)
    return Concealed(dict(hiding.counts), frozenset(sealed))


def leaks(data: bytes, vault: Vault, finder: Finder, sealed: frozenset[bytes] = frozenset()) -> list[str]:
    """The rules of the known secrets that are in bytes about to leave: a body, a URL, headers. [] is safe.

    Known are the proxy's own keys and what the session's vault holds, in every form they may take in JSON.
    """
    own = {OWN_KEY for form in finder.own_seen(data) if not _is_sealed(form, sealed)}
    return sorted(own | {vault.rule_of(form) for form in vault.seen(data) if not _is_sealed(form, sealed)})


def _is_sealed(form: bytes, sealed: frozenset[bytes]) -> bool:
    return any(form in other or other in form for other in sealed)


def _data(slot: Slot) -> bytes:
    """The bytes that a slot stands for. A document that is no base64 stays what it is, to be searched as such."""
    if slot.base64:
        try:
            return base64.b64decode(slot.text[_url_head(slot) :], validate=True)
        except (ValueError, binascii.Error):
            slot.base64 = False
    return slot.text.encode("utf-8", "surrogatepass")


def _store(slot: Slot, data: bytes) -> None:
    if slot.base64:
        slot.text = slot.text[: _url_head(slot)] + base64.b64encode(data).decode()
    else:
        slot.text = data.decode("utf-8", "surrogatepass")


def _url_head(slot: Slot) -> int:
    """The length of `data:…;base64,`; 0 where there is none."""
    return slot.text.find(",", 0, 200) + 1 if slot.text.startswith("data:") else 0


@dataclass(slots=True)
class _Hiding:
    """The hiding of one body's secrets."""

    vault: Vault
    finder: Finder
    mode: Mode
    own_keys: Mode
    counts: Counter[str] = field(default_factory=Counter)

    def suspects(self, slots: list[Slot]) -> list[tuple[Slot, bytes]]:
        """`slots` with their bytes if there may be a secret in any of them: one look at all of them together."""
        texts = [_data(slot) for slot in slots]
        together = b"\n".join(texts)
        if self.finder.find(together) or self.vault:
            return list(zip(slots, texts, strict=True))
        return []

    def learn(self, slot: Slot, data: bytes) -> None:
        for finding in self._findings(slot, data):
            secret = data[finding.start : finding.end]
            self._stand_in(_unescaped(secret) if slot.json else secret, finding.rule)
        if slot.json:
            for literal in _escaped_literals(data):
                self._learn_all(literal, self.finder.find(literal))

    def hide(self, slot: Slot, data: bytes) -> None:
        """Within JSON text strings with escapes come first, as the strings they are."""
        hidden = _LITERAL.sub(self._literal, data) if slot.json and b"\\" in data else data
        findings = self._findings(slot, hidden)
        hidden = self._without(hidden, findings)
        if hidden is not data:
            _store(slot, hidden)

    def restore(self, slot: Slot, data: bytes) -> bytes:
        """A signed tool call as the model wrote it: with the placeholders that the client was given the secrets for."""
        if slot.kind != "tool_call":
            return data
        places = [(a, b) for a, b in self.vault.find(data) if self.vault.is_reversible(data[a:b])]
        restored = self._replaced(data, places, {})
        if restored is not data:
            _store(slot, restored)
        return restored

    def known_in(self, data: bytes) -> set[bytes]:
        return self.finder.own_seen(data) | self.vault.seen(data)

    def _learn_all(self, data: bytes, findings: Iterable[Finding]) -> None:
        for finding in self._wanted(findings):
            self._stand_in(data[finding.start : finding.end], finding.rule)

    def _findings(self, slot: Slot, data: bytes) -> list[Finding]:
        findings = list(self._wanted(self.finder.find(data)))
        if slot.kind == "address":
            return [finding for finding in findings if finding.rule not in _OF_ADDRESSES]
        return findings or list(self._wanted(self._by_name(slot, data)))

    def _wanted(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        return (finding for finding in findings if finding.rule == OWN_KEY or self.mode != "off")

    def _by_name(self, slot: Slot, data: bytes) -> Iterator[Finding]:
        """A value of structured arguments, judged together with its field's name."""
        if slot.kind not in ("tool_call", "tool_result") or not isinstance(slot.key, str) or len(data) > _NAMED:
            return
        ahead = slot.key.encode("utf-8", "surrogatepass") + b'="'
        if b'"' in data or b"\\" in data or b"\n" in data:
            return
        for start, end, rule in self.finder.find(ahead + data + b'"'):
            if start >= len(ahead):
                yield Finding(start - len(ahead), end - len(ahead), rule)

    def _stand_in(self, secret: bytes, rule: str) -> bytes:
        how = self.own_keys if rule == OWN_KEY else self.mode
        return self.vault.stand_in(secret, rule, how == "reversible")

    def _literal(self, literal: re.Match[bytes]) -> bytes:
        inner = literal.group(1)
        if b"\\" not in inner:
            return literal.group()
        decoded = _unescaped(inner)
        hidden = self._without(decoded, list(self._wanted(self.finder.find(decoded))))
        if hidden is decoded:
            return literal.group()
        text = hidden.decode("utf-8", "surrogatepass")
        return json.dumps(text, ensure_ascii=inner.isascii()).encode("utf-8", "surrogatepass")

    def _without(self, data: bytes, findings: list[Finding]) -> bytes:
        """`data` itself when nothing is in it."""
        rules = {(finding.start, finding.end): finding.rule for finding in findings}
        places = [*rules, *self.vault.find(data)] if self.vault else list(rules)
        return self._replaced(data, places, rules)

    def _replaced(self, data: bytes, places: list[tuple[int, int]], rules: dict[tuple[int, int], str]) -> bytes:
        if not places:
            return data
        pieces, done = [], 0
        for start, end in leftmost_longest(places):
            secret = data[start:end]
            rule = rules.get((start, end)) or self.vault.rule_of(secret)
            pieces += [data[done:start], self._stand_in(secret, rule)]
            self.counts[rule] += 1
            done = end
        return b"".join([*pieces, data[done:]])


def _escaped_literals(data: bytes) -> Iterator[bytes]:
    """The strings of a JSON text that have escapes, without them."""
    return (_unescaped(inner) for inner in _LITERAL.findall(data) if b"\\" in inner) if b"\\" in data else iter(())


def _unescaped(inner: bytes) -> bytes:
    """What the inside of a JSON string stands for; itself when that cannot be told."""
    try:
        return json.loads(b'"' + inner + b'"', strict=False).encode("utf-8", "surrogatepass")
    except ValueError:
        return inner


__all__ = ["Concealed", "Mode", "conceal", "leaks"]
