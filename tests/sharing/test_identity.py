from __future__ import annotations

from proxy_core.redaction.vault import Vault
from proxy_core.sharing.identity import identity


def test_all_that_have_the_client_key_call_things_the_same() -> None:
    one, other, stranger = identity("a"), identity("a"), identity("b")
    assert one == other
    assert len({one.owners, one.keys, one.placeholders, stranger.owners, stranger.keys, stranger.placeholders}) == 6


def test_without_a_lasting_client_key_placeholders_are_each_ones_own() -> None:
    assert identity(None, "redis password").placeholders is None
    assert identity(None, "one").owners != identity(None, "another").owners


def test_a_key_is_named_by_a_digest_that_says_nothing_without_the_client_key() -> None:
    name = identity("a").key_name("sk-one")
    assert name
    assert "sk-one" not in name
    assert name != identity("b").key_name("sk-one")
    assert identity("a").key_name(None) is None


def test_nothing_of_it_is_shown() -> None:
    shown = repr(identity("a"))
    assert "owners" not in shown
    assert "placeholders" not in shown


def test_a_secret_has_the_same_placeholder_in_the_same_session_everywhere() -> None:
    key, other = identity("a").placeholders, identity("b").placeholders
    here, there = Vault("s", key=key), Vault("s", key=key)
    placeholder = here.stand_in(b"ghp_secret_value_1", "github")
    assert there.stand_in(b"ghp_secret_value_1", "github") == placeholder
    assert Vault("another", key=key).stand_in(b"ghp_secret_value_1", "github") != placeholder
    assert Vault("s", key=other).stand_in(b"ghp_secret_value_1", "github") != placeholder
    assert Vault("s").stand_in(b"ghp_secret_value_1", "github") != placeholder
