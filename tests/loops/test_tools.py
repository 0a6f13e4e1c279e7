from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from proxy_core.config.settings import ToolLoopSettings
from proxy_core.loops.tools import GRACE, ToolLoops, sentence, steered, tool_loop
from proxy_core.profiles.target import Target
from proxy_core.protocols import CODECS, recognise
from proxy_core.turn.content import Media, Part, Text, ToolCall, ToolResult
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, Turn
from tests.recordings import client_requests

SETTINGS = ToolLoopSettings(mode="break")
CHANCE = ToolLoopSettings(mode="chance")
N = SETTINGS.max_repeats


def request(*turns: Turn) -> ChatRequest:
    return ChatRequest("anthropic", "m", [Turn("user", [Text("Correct the test.")]), *turns])


_ids = iter(range(10**9))


def step(name: str, arguments: str = "{}", result: str | Part = "done", error: bool | None = None) -> list[Turn]:
    call_id = f"c{next(_ids)}"
    content: list[Part] = [Text(result) if isinstance(result, str) else result]
    return [
        Turn("assistant", [Text(f"Round {call_id}."), ToolCall(call_id, name, arguments)]),
        Turn("tool", [ToolResult(call_id, content, is_error=error)]),
    ]


def rounds(*steps: list[Turn]) -> ChatRequest:
    return request(*(turn for one in steps for turn in one))


def same(count: int, result: str = "done") -> ChatRequest:
    return rounds(*(step("read", '{"path": "a"}', result) for _ in range(count)))


def test_same_call_is_found_at_the_threshold():
    assert tool_loop(same(N - 1), SETTINGS) is None
    finding = tool_loop(same(N), SETTINGS)
    assert finding
    assert (finding.kind, finding.names, finding.repeats) == ("same_call", "read", N)


def test_order_of_keys_and_blanks_do_not_matter():
    spellings = ['{"a": 1, "b": 2}', '{"b":2,"a":1}']
    assert tool_loop(rounds(*(step("f", spellings[n % 2]) for n in range(N))), SETTINGS)


def test_other_results_are_polling():
    steps = [step("build", "{}", f"{n} % done") for n in range(40)]
    assert tool_loop(rounds(*steps), SETTINGS) is None


def test_other_arguments_are_work():
    steps = [step("read", json.dumps({"line": n})) for n in range(40)]
    assert tool_loop(rounds(*steps), SETTINGS) is None


@pytest.mark.parametrize("name", ["BashOutput", "TaskOutput", "write_stdin", "wait_agent", "get_status", "sleep"])
def test_waiting_tools_have_more_patience(name: str):
    assert tool_loop(rounds(*(step(name) for _ in range(2 * N))), SETTINGS) is None
    assert tool_loop(rounds(*(step(name) for _ in range(4 * N))), SETTINGS)


def test_work_after_the_row_ends_it():
    repeated = [step("read") for _ in range(N)]
    assert tool_loop(rounds(*repeated, step("edit")), SETTINGS) is None


@pytest.mark.parametrize("cycle", [2, 3])
def test_ping_pong(cycle: int):
    steps = [step("abc"[n % cycle]) for n in range(cycle * N)]
    finding = tool_loop(rounds(*steps), SETTINGS)
    assert finding
    assert (finding.kind, finding.repeats) == ("ping_pong", N)
    assert tool_loop(rounds(*steps[:-1]), SETTINGS) is None


def test_edit_and_test_with_progress_is_no_ping_pong():
    steps = [step("test" if n % 2 else "edit", "{}", f"{n} failed") for n in range(40)]
    assert tool_loop(rounds(*steps), SETTINGS) is None


def test_same_failure_of_different_calls():
    steps = [
        step("edit", json.dumps({"old": "x" * n}), f"Error: old text not found (took {n} ms)")
        for n in range(SETTINGS.max_failures)
    ]
    finding = tool_loop(rounds(*steps), SETTINGS)
    assert finding
    assert finding.kind == "same_failure"
    assert tool_loop(rounds(*steps[1:]), SETTINGS) is None


def test_same_success_of_different_calls_is_work():
    steps = [step("edit", json.dumps({"old": "x" * n}), "The file was changed.") for n in range(60)]
    assert tool_loop(rounds(*steps), SETTINGS) is None


def test_marked_failure_needs_no_words():
    steps = [step("edit", json.dumps({"n": n}), "nothing there", error=True) for n in range(SETTINGS.max_failures)]
    assert tool_loop(rounds(*steps), SETTINGS)


def test_parallel_calls_of_one_round_count_once():
    calls: list[Part] = [ToolCall(f"p{n}", "roll", "{}") for n in range(20)]
    results: list[Part] = [ToolResult(f"p{n}", [Text("4")]) for n in range(20)]
    assert tool_loop(request(Turn("assistant", calls), Turn("user", results)), SETTINGS) is None


def test_parallel_calls_that_are_repeated_are_found():
    turns = []
    for n in range(N):
        turns += [
            Turn("assistant", [ToolCall(f"a{n}", "read", "{}"), ToolCall(f"b{n}", "list", "{}")]),
            Turn("user", [ToolResult(f"a{n}", [Text("x")]), ToolResult(f"b{n}", [Text("y")])]),
        ]
    finding = tool_loop(request(*turns), SETTINGS)
    assert finding
    assert finding.names == "read, list"


def test_a_new_user_message_resets():
    turns = same(2 * N).turns
    assert tool_loop(request(*turns, Turn("user", [Text("Go on.")])), SETTINGS) is None
    assert tool_loop(request(*turns, Turn("user", [Text("Go on.")]), *step("read", '{"path": "a"}')), SETTINGS) is None


def test_a_picture_of_the_user_resets():
    turns = same(2 * N).turns
    assert tool_loop(request(*turns, Turn("user", [Media("image", data="AAAA")])), SETTINGS) is None


@pytest.mark.parametrize("reminder", ["<system-reminder>\nThe list is empty.\n</system-reminder>", " \n"])
def test_reminders_of_agents_do_not_reset(reminder: str):
    turns = []
    for call, result in (step("read") for _ in range(N)):
        turns += [call, Turn("user", [*result.parts, Text(reminder)])]
    assert tool_loop(request(*turns), SETTINGS)


def test_results_without_ids_are_matched_in_order():
    """Gemini's calls and results may have no id."""
    turns = []
    for _ in range(N):
        turns += [
            Turn("assistant", [ToolCall("", "read", "{}"), ToolCall("", "list", "{}")]),
            Turn("user", [ToolResult("", [Text("y")], "list"), ToolResult("", [Text("x")], "read")]),
        ]
    assert tool_loop(request(*turns), SETTINGS)
    turns[-1] = Turn("user", [ToolResult("", [Text("new")], "list"), ToolResult("", [Text("x")], "read")])
    assert tool_loop(request(*turns), SETTINGS) is None


def test_pictures_as_results_are_compared():
    steps = [step("screenshot", "{}", Media("image", data=f"{n}AAA")) for n in range(N)]
    assert tool_loop(rounds(*steps), SETTINGS) is None
    assert tool_loop(rounds(*(step("screenshot", "{}", Media("image", data="AAA")) for _ in range(N))), SETTINGS)


def test_off():
    assert tool_loop(same(50), ToolLoopSettings(mode="off")) is None
    assert ToolLoops().judge("s", same(50), ToolLoopSettings(mode="off"), 0).action == "pass"


def grown(settings: ToolLoopSettings, count: int, pause: float = 1.0) -> list[str]:
    loops = ToolLoops()
    return [loops.judge("s", same(n), settings, n * pause).action for n in range(1, count + 1)]


def test_break():
    assert grown(SETTINGS, N + 1) == ["pass"] * (N - 1) + ["break", "break"]


def test_chance_steers_first():
    assert grown(CHANCE, N + GRACE) == ["pass"] * (N - 1) + ["steer"] * GRACE + ["break"]


def test_slow_repetition_is_polling():
    assert set(grown(SETTINGS, 30, pause=SETTINGS.ttl + 1)) == {"pass"}


def test_a_repeated_request_is_no_loop():
    """Clients repeat a request up to 30 times after 429, 529 or a cut stream."""
    loops = ToolLoops()
    request_ = same(N - 1)
    assert {loops.judge("s", request_, CHANCE, n * 0.5).action for n in range(30)} == {"pass"}
    steering = same(N)
    assert {loops.judge("s", steering, CHANCE, 20 + n * 0.5).action for n in range(30)} == {"steer"}


def test_the_request_that_was_answered_goes_through_when_it_is_sent_again():
    """Earlier systems answered 409 for ever, since the history stays the same."""
    loops = ToolLoops()
    request_ = same(N)
    assert [loops.judge("s", request_, SETTINGS, n).action for n in range(5)] == ["break"] + ["pass"] * 4
    assert loops.judge("s", same(N + 1), SETTINGS, 6).action == "break"


def test_sessions_are_apart_and_forgotten():
    loops = ToolLoops()
    assert loops.judge("a", same(N), SETTINGS, 0).action == "break"
    assert loops.judge("b", same(N), SETTINGS, 0).action == "break"
    for n in range(5000):
        loops.judge(f"s{n}", same(2), SETTINGS, 0)
    assert len(loops._sessions) <= 4096


def test_a_restart_does_not_forget_the_loop():
    assert ToolLoops().judge("s", same(N + GRACE), CHANCE, 0).action == "break"


def test_steering_adds_a_note_and_leaves_the_request_alone():
    request_ = same(N)
    finding = tool_loop(request_, CHANCE)
    assert finding
    count = len(request_.turns)
    changed = steered(request_, finding)
    assert len(request_.turns) == count
    assert changed.turns[:-1] == request_.turns
    assert isinstance(changed.turns[-1].parts[0], Text)
    assert "read was called 5 times" in changed.turns[-1].parts[0].text


def test_sentence_says_what_and_how_to_go_on():
    finding = tool_loop(same(N), SETTINGS)
    assert finding
    assert "read was called 5 times" in sentence(finding)
    assert "%%set(x)" in sentence(finding, "%%set(x)")
    assert "loops.tool.mode" in sentence(finding, None)


def test_thresholds_can_be_set():
    assert tool_loop(same(N), replace(SETTINGS, max_repeats=N + 1)) is None
    assert tool_loop(same(2), replace(SETTINGS, max_repeats=2))


@pytest.mark.parametrize("recorded", client_requests())
def test_recorded_clients_are_in_no_loop(recorded):
    path, _, query = recorded["path"].partition("?")
    call = recognise("POST", path, dict(parse_qsl(query)))
    if call is None or call.operation != "chat" or not isinstance(recorded.get("json"), dict):
        pytest.skip("no request for a reply")
    assert tool_loop(CODECS[call.protocol].read_request(recorded["json"], call), SETTINGS) is None


@pytest.mark.parametrize("protocol", ["openai_chat", "openai_responses", "anthropic", "gemini"])
def test_steering_can_be_said_in_every_protocol(protocol):
    finding = tool_loop(same(N), SETTINGS)
    assert finding
    call = CODECS[protocol].write_request(steered(same(N), finding), Target("m"), Losses())
    assert "Note of the proxy" in json.dumps(call.body, default=str)
