from __future__ import annotations

from typing import Any

from proxy_core.sessions.prefix import PrefixWatch

LONG = "word " * 2000


def body(*texts: str, tools: tuple[str, ...] = ("read",), system: str = LONG) -> dict[str, Any]:
    return {
        "system": [{"type": "text", "text": system}],
        "tools": [{"name": name, "input_schema": {}} for name in tools],
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}]} for text in texts],
    }


def test_a_conversation_that_grows_keeps_its_prefix() -> None:
    watch = PrefixWatch()
    assert watch.see("s", body("a"), "anthropic") is None
    assert watch.see("s", body("a", "b"), "anthropic") is None
    assert watch.see("s", body("a", "b", "c"), "anthropic") is None


def test_a_changed_tool_is_named_with_what_it_costs() -> None:
    watch = PrefixWatch()
    watch.see("s", body("a", "b"), "anthropic")
    change = watch.see("s", body("a", "b", tools=("write",)), "anthropic")
    assert change is not None
    assert change.block == "tools[0]"
    assert change.tokens > 2000


def test_a_volatile_system_text_is_found() -> None:
    watch = PrefixWatch()
    watch.see("s", body("a", "b", system=f"now 12:00 {LONG}"), "anthropic")
    change = watch.see("s", body("a", "b", system=f"now 12:01 {LONG}"), "anthropic")
    assert change is not None
    assert change.block == "system[0]"


def test_a_cache_mark_that_moves_is_no_change() -> None:
    watch = PrefixWatch()
    first, second = body("a", "b"), body("a", "b", "c")
    first["messages"][1]["content"][0]["cache_control"] = {"type": "ephemeral"}
    watch.see("s", first, "anthropic")
    assert watch.see("s", second, "anthropic") is None


def test_a_repeated_request_and_another_session_are_no_change() -> None:
    watch = PrefixWatch()
    watch.see("s", body("a"), "anthropic")
    assert watch.see("s", body("a"), "anthropic") is None
    assert watch.see("t", body("z", system="other"), "anthropic") is None


def test_sessions_are_bounded() -> None:
    watch = PrefixWatch(max_sessions=2)
    for session in "abc":
        watch.see(session, body("a", "b"), "anthropic")
    assert watch.see("a", body("a", "x", "y", system="s"), "anthropic") is None


def test_conversations_under_one_name_are_kept_apart() -> None:
    watch = PrefixWatch()
    title = {"system": "Make a title.", "messages": [{"role": "user", "content": LONG}]}
    subagent = body("search", "found", system=f"You search. {LONG}")
    for turn in range(1, 4):
        mine = body(*(f"turn {number} of the conversation" for number in range(turn)))
        assert watch.see("s", mine, "anthropic") is None
        assert watch.see("s", title, "anthropic") is None
        assert watch.see("s", subagent, "anthropic") is None
    changed = watch.see("s", body("turn 0 of the conversation", "turn 1 of the conversation", system="x"), "anthropic")
    assert changed is not None
    assert changed.block == "system[0]"


def test_a_history_that_was_rewritten_in_the_middle_is_found() -> None:
    watch = PrefixWatch()
    watch.see("s", body("a", LONG, "b", LONG), "anthropic")
    change = watch.see("s", body("a", LONG, "B", LONG, "c"), "anthropic")
    assert change is not None
    assert change.block == "messages[2]"
