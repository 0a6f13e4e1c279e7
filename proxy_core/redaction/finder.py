"""Where the secrets of a text are. One pass for keywords and known secrets; rules only where a keyword stands.

The time is linear in the text: an automaton finds the keywords, and each rule sees no more than its window.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import ahocorasick_rs

from proxy_core.config.expressions import expression
from proxy_core.redaction.checks import PLACEHOLDER, checksummed, entropy, from_documentation, secret_span
from proxy_core.redaction.exact import ExactStrings
from proxy_core.redaction.forms import all_forms
from proxy_core.redaction.rule import Rule
from proxy_core.redaction.rules import RULES

OWN_KEY = "own-key"
"""The rule id of the proxy's own keys."""

_SHORT_OWN = 8
_NO_KEYS = frozenset(
    {b"not-needed", b"no-key-required", b"sk-no-key-required", b"lm-studio", b"placeholder", b"anything"}
)
"""What local servers are given where a key is asked for."""


class Finding(NamedTuple):
    """A secret at `data[start:end]`, by the rule of this id."""

    start: int
    end: int
    rule: str


class CustomRule(NamedTuple):
    """A rule from the configuration; `regex` in RE2's syntax, its group `secret` or else group 1 or else all of it.

    With `keywords` it is only tried on texts that have one of them, in whatever case.
    """

    id: str
    regex: str
    keywords: tuple[str, ...] = ()


def known_secrets(secrets: Iterable[str]) -> frozenset[bytes]:
    """Those that are long enough to be told from words."""
    encoded = {secret.strip().encode() for secret in secrets}
    return frozenset(secret for secret in encoded if len(secret) >= _SHORT_OWN and secret not in _NO_KEYS)


class _Compiled(NamedTuple):
    rank: int
    rule: Rule
    pattern: re.Pattern[bytes]
    tail: re.Pattern[bytes]


class Finder:
    """`own`: secrets found in any form, whatever `allow` says. `allow`: literals or RE2 expressions for whole secrets.

    Findings are remembered by the text's digest, so that a history is only searched once. Raises ValueError for a
    custom rule that is none.
    """

    def __init__(
        self,
        own: Iterable[str] = (),
        custom: Iterable[CustomRule] = (),
        allow: Iterable[str] = (),
        rules: Iterable[Rule] = RULES,
        remembered: int = 20_000,
    ) -> None:
        self._own = ExactStrings({form for secret in known_secrets(own) for form in all_forms(secret)})
        self._custom = [(rule, expression(rule.regex), _cases(rule.keywords)) for rule in custom]
        self._allowed = frozenset(entry.encode() for entry in allow)
        self._allow = [compiled for entry in allow if (compiled := _expression(entry))]
        self._by_keyword: list[tuple[_Compiled, ...]] = []
        self._automaton = self._compile(tuple(rules))
        self._memory: OrderedDict[bytes, tuple[Finding, ...]] = OrderedDict()
        self._remembered = remembered
        self.attempts = 0
        """How often a rule was tried; what a text costs."""

    def find(self, data: bytes) -> tuple[Finding, ...]:
        """The secrets of a text in UTF-8, in order, none overlapping another."""
        digest = hashlib.sha256(data).digest()
        findings = self._memory.get(digest)
        if findings is None:
            findings = self._memory[digest] = self._search(data)
            if len(self._memory) > self._remembered:
                self._memory.popitem(last=False)
        else:
            self._memory.move_to_end(digest)
        return findings

    def forget(self) -> None:
        self._memory.clear()

    def own_seen(self, data: bytes) -> set[bytes]:
        """The proxy's own keys in `data`, in the form they have there."""
        return self._own.seen(data)

    def without_own(self, data: bytes) -> bytes:
        """`data` with asterisks in place of the proxy's own keys; itself when there are none."""
        for form in self.own_seen(data):
            data = data.replace(form, b"*" * len(form))
        return data

    def _compile(self, rules: tuple[Rule, ...]) -> ahocorasick_rs.BytesAhoCorasick:
        by_keyword: dict[str, list[_Compiled]] = {}
        for rank, rule in enumerate(rules):
            compiled = _Compiled(rank, rule, rule.compiled(), re.compile(rule.tail.encode()))
            for keyword in rule.keywords:
                by_keyword.setdefault(keyword, []).append(compiled)
        self._by_keyword = [tuple(found) for found in by_keyword.values()]
        words = [word.encode() for word in by_keyword]
        return ahocorasick_rs.BytesAhoCorasick(words, implementation=ahocorasick_rs.Implementation.DFA)

    def _search(self, data: bytes) -> tuple[Finding, ...]:
        chosen = _Chosen()
        for start, end in self._own.find(data):
            chosen.add(Finding(start, end, OWN_KEY), whole=True)
        for finding in self._by_custom_rules(data):
            chosen.add(finding)
        for _, finding in sorted(self._by_rules(data)):
            chosen.add(finding)
        return tuple(chosen.findings)

    def _by_rules(self, data: bytes) -> Iterator[tuple[int, Finding]]:
        done: dict[int, int] = {}
        for keyword, start, _ in self._automaton.find_matches_as_indexes(data, overlapping=True):
            for compiled in self._by_keyword[keyword]:
                if start < done.get(compiled.rank, 0):
                    continue
                self.attempts += 1
                match = _tried(compiled, data, start)
                if match is None:
                    continue
                finding = Finding(*secret_span(match), compiled.rule.id)
                if self._is_secret(compiled.rule, match, data[finding.start : finding.end]):
                    done[compiled.rank] = finding.end
                    yield compiled.rank, finding

    def _is_secret(self, rule: Rule, match: Any, secret: bytes) -> bool:
        if rule.check is not None and not rule.check(match):
            return False
        if PLACEHOLDER.fullmatch(secret) or self._is_allowed(secret):
            return False
        if rule.entropy and not (entropy(secret) >= rule.entropy or checksummed(secret)):
            return False
        return not (rule.documented and from_documentation(secret))

    def _is_allowed(self, secret: bytes) -> bool:
        return secret in self._allowed or any(allowed.fullmatch(secret) for allowed in self._allow)

    def _by_custom_rules(self, data: bytes) -> Iterator[Finding]:
        for rule, pattern, keywords in self._custom:
            if keywords and not any(keyword in data for keyword in keywords):
                continue
            group = pattern.groupindex.get("secret", min(1, pattern.groups))
            for match in pattern.finditer(data):
                start, end = match.span(group)
                if 0 <= start < end and not self._is_allowed(data[start:end]):
                    yield Finding(start, end, rule.id)


class _Chosen:
    """Findings in order of their place. What overlaps an earlier one only keeps what lies beyond it, or is dropped."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def add(self, finding: Finding, whole: bool = False) -> None:
        """`whole`: of two that overlap the longer one is kept, if it begins no later."""
        index = bisect_left(self.findings, finding)
        before = self.findings[index - 1] if index else None
        after = self.findings[index] if index < len(self.findings) else None
        if before and before.end > finding.start:
            return
        if after and after.start < finding.end:
            if not (whole and after.start == finding.start):
                return
            self.findings.pop(index)
        self.findings.insert(index, finding)


def _tried(compiled: _Compiled, data: bytes, start: int) -> re.Match[bytes] | None:
    _, rule, pattern, tail = compiled
    if not rule.before:
        return pattern.match(data, start, start + rule.window)
    if rule.tail and not tail.match(data, start):
        return None
    return pattern.search(data, max(0, start - rule.before), start + rule.window)


def _cases(keywords: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(form.encode() for word in keywords for form in {word, word.lower(), word.upper(), word.title()})


def _expression(entry: str) -> Any:
    """The entry as an expression; None when it is a literal only."""
    try:
        return expression(entry)
    except ValueError:
        return None
