from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy_core.profiles.target import ToolIdRule
from proxy_core.turn.toolids import NamelessCalls, fitted_id

OPENAI = ToolIdRule()
MISTRAL = ToolIdRule(max_length=9, alphabet="[a-zA-Z0-9]", exact_length=9)
AZURE = ToolIdRule(max_length=40)

RULES = st.sampled_from([OPENAI, MISTRAL, AZURE, ToolIdRule(max_length=12)])


@given(st.text(max_size=120), RULES)
def test_a_fitted_id_is_accepted_and_stays(tool_id: str, rule: ToolIdRule) -> None:
    fitted = fitted_id(tool_id, rule)
    assert rule.accepts(fitted)
    assert fitted_id(fitted, rule) == fitted


@given(st.sets(st.text(max_size=120), min_size=2, max_size=20), RULES)
def test_different_ids_stay_different(tool_ids: set[str], rule: ToolIdRule) -> None:
    assert len({fitted_id(tool_id, rule) for tool_id in tool_ids}) == len(tool_ids)


def test_t43_ids_are_fitted_to_length_and_alphabet() -> None:
    assert fitted_id("call_1", OPENAI) == "call_1"
    assert fitted_id("run shell:1", OPENAI).startswith("call_")
    assert len(fitted_id("x" * 65, AZURE)) <= 40
    assert len(fitted_id("call_1", MISTRAL)) == 9
    assert "_" not in fitted_id("call_1", MISTRAL)


def test_t44_long_ids_with_a_shared_beginning_do_not_collide() -> None:
    start = "call_" + "a" * 70
    assert fitted_id(start + "1", OPENAI) != fitted_id(start + "2", OPENAI)
    assert fitted_id(start + "1", OPENAI) == fitted_id(start + "1", ToolIdRule())


def test_results_without_an_id_find_their_calls_by_name_and_order() -> None:
    calls = NamelessCalls()
    for name, call_id in (("read", "1"), ("write", "2"), ("read", "3")):
        calls.add(name, call_id)
    assert [calls.answered(name) for name in ("write", "read", "write", None, None)] == ["2", "1", None, "3", None]
    assert len(calls) == 0
