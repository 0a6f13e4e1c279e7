"""Placeholders: the same for the same secret, not to be guessed, put back exactly."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from proxy_core.redaction.checks import PLACEHOLDER
from proxy_core.redaction.reveal import reveal_text
from proxy_core.redaction.vault import ONE_WAY, Vault
from tests.redaction.samples import GITHUB, KEY_BLOCK, PASSWORD


def test_the_same_secret_has_the_same_placeholder_in_a_session() -> None:
    vault = Vault("a")
    placeholder = vault.stand_in(GITHUB.encode(), "github-token")
    assert placeholder.startswith(b"SECRET_GITHUB_TOKEN_")
    assert PLACEHOLDER.fullmatch(placeholder)
    assert vault.stand_in(GITHUB.encode(), "credential") == placeholder
    assert Vault("a").stand_in(GITHUB.encode(), "github-token") == placeholder
    assert Vault("b").stand_in(GITHUB.encode(), "github-token") != placeholder


def test_a_placeholder_needs_no_escape_anywhere() -> None:
    placeholder = Vault().stand_in(PASSWORD.encode(), "Strange, id! 'x'").decode()
    assert re.fullmatch(r"[A-Za-z0-9_]+", placeholder)


def test_what_was_not_issued_is_left_alone() -> None:
    vault = Vault("a")
    vault.stand_in(b"one secret", "x")
    foreign = Vault("b").stand_in(b"one secret", "x").decode()
    text = f"SECRET_ {foreign} SECRET_KEY_abcdefghij SECRET_SECRET_X_"
    assert reveal_text(text, vault) == text


def test_nested_beginnings_do_not_hide_a_placeholder() -> None:
    vault = Vault()
    placeholder = vault.stand_in(GITHUB.encode(), "github-token").decode()
    assert reveal_text(f"MY_SECRET_{placeholder}_X", vault) == f"MY_SECRET_{GITHUB}_X"


def test_a_full_vault_hides_without_a_way_back() -> None:
    vault = Vault(most=1)
    assert vault.stand_in(b"first secret", "x") != ONE_WAY
    assert vault.stand_in(b"second secret", "x") == ONE_WAY
    assert vault.stand_in(KEY_BLOCK.encode(), "x") == ONE_WAY
    assert len(vault) == 1
    assert Vault(most_bytes=20).stand_in(KEY_BLOCK.encode(), "private-key") == ONE_WAY


@given(st.text(min_size=8, max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_whatever_was_hidden_comes_back(secret: str, before: str, after: str) -> None:
    vault = Vault()
    data = secret.encode("utf-8", "surrogatepass")
    placeholder = vault.stand_in(data, "x").decode()
    if "SECRET_" not in before:
        assert reveal_text(before + placeholder + after, vault) == before + secret + after
