"""Where secrets are found, and what it costs."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from proxy_core.redaction.finder import OWN_KEY, CustomRule, Finder
from proxy_core.redaction.rules import RULES
from tests.redaction.samples import ANTHROPIC, GITHUB, KEY_BLOCK, OWN, STRIPE


def found(finder: Finder, text: str) -> list[tuple[str, str]]:
    data = text.encode()
    return [(finding.rule, data[finding.start : finding.end].decode()) for finding in finder.find(data)]


def test_places_are_bytes_and_text_around_does_not_matter() -> None:
    assert found(Finder(), f"é→😀{GITHUB}é") == [("github-token", GITHUB)]
    assert found(Finder(), f'{{"a": "x\\n{GITHUB}\\n"}}') == [("github-token", GITHUB)]
    assert found(Finder(), f"key%3D{STRIPE}%26") == [("stripe-key", STRIPE)]


def test_the_most_certain_rule_wins() -> None:
    assert found(Finder(), f'ANTHROPIC_API_KEY="{ANTHROPIC}"') == [("anthropic-key", ANTHROPIC)]


def test_a_key_block_is_one_secret_and_one_that_breaks_off_is_too() -> None:
    assert found(Finder(), f"a\n{KEY_BLOCK}\nb") == [("private-key", KEY_BLOCK)]
    broken = KEY_BLOCK[:400]
    assert [rule for rule, _ in found(Finder(), f"a\n{broken}\n[truncated]")] == ["private-key"]


@pytest.mark.parametrize(
    "form",
    [
        OWN,
        quote(OWN, safe=""),
        json.dumps(OWN),
        base64.b64encode(OWN.encode()).decode(),
        base64.b64encode(f"user:{OWN}".encode()).decode(),
        base64.urlsafe_b64encode(f"u:{OWN}".encode()).decode(),
    ],
)
def test_own_keys_are_found_in_every_form(form: str) -> None:
    assert OWN_KEY in [rule for rule, _ in found(Finder(own=[OWN]), f"before {form} after")]


def test_own_keys_need_no_form_of_a_key_but_some_length() -> None:
    assert found(Finder(own=["correct horse"]), "a correct horse") == [(OWN_KEY, "correct horse")]
    assert found(Finder(own=["none", "", "lm-studio"]), "none of lm-studio") == []


def test_what_is_allowed_may_stay_but_own_keys_never() -> None:
    assert found(Finder(allow=[GITHUB]), GITHUB) == []
    assert found(Finder(allow=["ghp_.*"]), GITHUB) == []
    assert found(Finder(allow=["ghp_"]), GITHUB) != []
    assert found(Finder(own=[GITHUB], allow=[GITHUB]), GITHUB) == [(OWN_KEY, GITHUB)]


def test_rules_of_the_users_own() -> None:
    rule = CustomRule("acme", r"(?:acme|ACME)_(?P<secret>[0-9]{6})", ("Acme_",))
    assert found(Finder(custom=[rule]), "an acme_123456 and ACME_654321") == [("acme", "123456"), ("acme", "654321")]
    assert found(Finder(custom=[CustomRule("n", "Project [A-Z]+")]), "on Project ZEUS.") == [("n", "Project ZEUS")]
    with pytest.raises(ValueError, match="RE2"):
        Finder(custom=[CustomRule("bad", "(")])


def test_a_text_seen_again_is_not_searched_again() -> None:
    finder = Finder(remembered=2)
    finder.find(GITHUB.encode())
    attempts = finder.attempts
    assert finder.find(GITHUB.encode())
    assert finder.attempts == attempts
    for text in (b"password=1", b"password=2", GITHUB.encode()):
        finder.find(text)
    assert finder.attempts > attempts


HOSTILE = [
    "sk-" * 20_000,
    "-----BEGIN RSA PRIVATE " + "KEY-----\n" + ("-----BEGIN RSA PRIVATE " + "KEY-----\n") * 2_000,
    "eyJ" * 20_000,
    "eyJa.eyJa." * 6_000,
    "password=" * 7_000,
    'password:"' * 6_000,
    "password" + " " * 50_000,
    "://:" * 15_000,
    "A" * 60_000,
    "curl " * 12_000,
    ":AA1234567" * 6_000,
    "\\" * 60_000,
    "mysql " * 10_000,
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_texts_cost_no_more_than_their_length(number: int) -> None:
    """Rules are tried at most once per keyword that ends at a place, and each sees no more than its window."""
    finder, text = Finder(), HOSTILE[number].encode()
    finder.find(text)
    once = finder.attempts
    finder.find(text + text)
    assert finder.attempts - once <= 2 * once + 60
    assert once <= 12 * len(text)


def test_windows_are_bounded() -> None:
    assert max(rule.window for rule in RULES) <= 20_200
    assert max(rule.before for rule in RULES) <= 80
