"""What was hidden in a session, so that it can be put back. In memory only; nothing of it is ever written or shown."""

from __future__ import annotations

import base64
import hmac
import re
import secrets

from proxy_core.redaction.exact import ExactStrings
from proxy_core.redaction.forms import all_forms, escaped

ONE_WAY = b"(API_KEY_HAS_BEEN_REDACTED)"
"""What a secret becomes that is not put back."""

DISTINCT = 8
"""Bytes from which on a secret is hidden wherever it stands; a shorter one only where a rule told it."""

_LONG = 16
"""Bytes from which on a secret is looked for in base64 and URLs too."""

_PROCESS_KEY = secrets.token_bytes(32)
_NOT_IN_KINDS = re.compile(r"[^A-Z0-9]+")


class Vault:
    """The secrets of one session. A secret has the same placeholder as long as the process runs, and wherever `key` is
    the same.

    Placeholders are `SECRET_KIND_` and ten of a-z2-7: one word in any language, shell, URL, JSON and Markdown, which
    models copy as they copy names. They cannot be guessed, and what the vault did not issue is never replaced.
    When full (`most` secrets or `most_bytes`), further secrets are hidden without a way back.
    """

    def __init__(
        self,
        session: str = "",
        most: int = 5_000,
        most_bytes: int = 4 * 1024 * 1024,
        key: bytes | None = None,
    ) -> None:
        self._session = session.encode()
        self._key = key or _PROCESS_KEY
        self._room, self._room_bytes = most, most_bytes
        self._stand_ins: dict[bytes, bytes] = {}
        self._rules: dict[bytes, str] = {}
        self._secrets: dict[str, str] = {}
        self._beginnings: set[str] = set()
        self._exact: ExactStrings | None = None
        self._longest = 0

    def __bool__(self) -> bool:
        return bool(self._stand_ins)

    def __len__(self) -> int:
        return len(self._stand_ins)

    def stand_in(self, secret: bytes, rule: str, reversible: bool = True) -> bytes:
        """What to send in place of `secret`. A secret keeps its first stand-in."""
        known = self._stand_ins.get(secret)
        if known is not None:
            return known
        if len(self._stand_ins) >= self._room or len(secret) > self._room_bytes:
            return ONE_WAY
        self._room_bytes -= len(secret)
        stand_in = self._issue(secret, rule) if reversible else ONE_WAY
        self._stand_ins[secret] = stand_in
        if len(secret) >= DISTINCT:
            self._learn_forms(secret, rule)
        return stand_in

    def rule_of(self, form: bytes) -> str:
        """The rule that told a secret, by any form of it that `find` finds."""
        return self._rules[form]

    def find(self, data: bytes) -> list[tuple[int, int]]:
        """Every place of `data` where a secret of the session stands, in whatever form."""
        if self._exact is None:
            self._exact = ExactStrings(self._rules)
        return list(self._exact.find(data))

    def seen(self, data: bytes) -> set[bytes]:
        return {data[start:end] for start, end in self.find(data)}

    def is_reversible(self, secret: bytes) -> bool:
        return self._stand_ins.get(secret, ONE_WAY) != ONE_WAY

    def secret(self, placeholder: str) -> str | None:
        return self._secrets.get(placeholder)

    def has_placeholders(self) -> bool:
        return bool(self._secrets)

    def begun(self, text: str) -> int:
        """The length of the end of `text` that may become a placeholder with what follows; 0 if none does."""
        for start in range(max(0, len(text) - self._longest + 1), len(text)):
            if text[start] == "S" and text[start:] in self._beginnings:
                return len(text) - start
        return 0

    def _issue(self, secret: bytes, rule: str) -> bytes:
        kind = _NOT_IN_KINDS.sub("_", rule.upper()).strip("_")[:24].strip("_") or "VALUE"
        mark = hmac.digest(self._key, self._session + b"\0" + secret, "sha256")
        placeholder = f"SECRET_{kind}_{base64.b32encode(mark).decode().lower()[:10]}"
        self._secrets[placeholder] = secret.decode("utf-8", "surrogateescape")
        self._beginnings.update(placeholder[:size] for size in range(1, len(placeholder)))
        self._longest = max(self._longest, len(placeholder))
        return placeholder.encode()

    def _learn_forms(self, secret: bytes, rule: str) -> None:
        forms = all_forms(secret) if len(secret) >= _LONG else {two for one in escaped(secret) for two in escaped(one)}
        for form in forms:
            self._rules.setdefault(form, rule)
        self._exact = None
