from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_core.turn.content import Seal
from proxy_core.turn.seals import sealed_for, unsealed_from

PROTOCOLS: Any = st.sampled_from(["openai_chat", "openai_responses", "anthropic", "gemini"])


@given(st.builds(Seal, PROTOCOLS, st.text()), PROTOCOLS)
def test_a_seal_comes_back_unharmed_from_any_protocols_client(seal: Seal, protocol: Any) -> None:
    assert unsealed_from(sealed_for(seal, protocol), protocol) == seal


@given(st.text(), PROTOCOLS)
def test_a_foreign_string_is_the_seal_of_where_it_was_found(data: str, protocol: Any) -> None:
    assert unsealed_from(data, protocol) == Seal(protocol, data)


def test_an_envelope_is_padded_base64_in_which_the_own_string_cannot_be_mistaken() -> None:
    envelope = sealed_for(Seal("gemini", "CiQB"), "anthropic")
    assert base64.b64decode(envelope, validate=True)
    assert sealed_for(Seal("gemini", "CiQB"), "gemini") == "CiQB"


@pytest.mark.parametrize("damage", ["é", "=", "!", "A"])
def test_a_damaged_envelope_is_taken_as_it_stands(damage: str) -> None:
    broken = sealed_for(Seal("gemini", "CiQB"), "anthropic")[:16] + damage
    assert unsealed_from(broken, "anthropic") == Seal("anthropic", broken)
