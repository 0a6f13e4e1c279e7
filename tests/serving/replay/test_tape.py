"""Which recorded exchange answers which request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.protocols import recognise
from proxy_core.serving.replay import RawExchange, Recorded, Tape, recorded

CHAT = "/v1/chat/completions"
PATHS = {
    "openai_chat": CHAT,
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/m:generateContent",
}


def raw(body: Any, answer: str, target: str = CHAT, **more: Any) -> RawExchange:
    return RawExchange("POST", target, json.dumps(body).encode(), 200, [], answer.encode(), **more)


def said(exchange: Recorded) -> str:
    return b"".join(data for _, data in exchange.pieces).decode()


def take(tape: Tape, body: dict[str, Any], target: str = CHAT) -> str:
    path, _, query = target.partition("?")
    call = recognise("POST", path, {"alt": "sse"} if query else {})
    assert call
    return said(tape.take(call, body))


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages), **more}


BODIES: dict[str, Any] = {
    "openai_chat": chat(user("hi")),
    "openai_responses": {"model": "m", "input": "hi"},
    "anthropic": {"model": "m", "max_tokens": 9, "messages": [user("hi")]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}


@pytest.mark.parametrize("protocol", PATHS)
def test_the_same_request_has_the_same_answer_in_every_protocol(protocol: str) -> None:
    tape = Tape(recorded([raw(BODIES[name], name, path) for name, path in PATHS.items()]))
    assert take(tape, BODIES[protocol], PATHS[protocol]) == protocol


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (chat(user("hi")), chat(user("hi"), model="another")),
        (chat(user("hi"), user="a"), chat(user("hi"), user="b", metadata={"x": "y"})),
        (chat(user("Today is 2026-11-21.")), chat(user("Today is 2027-01-02."))),
        (chat(user("It is Sat Nov 21 2026, 10:22:01 AM")), chat(user("It is Sun Nov 22 2026, 4:05:59 PM"))),
        (chat(user("in 0f8fad5b-d9cb-469f-a165-70867728950e")), chat(user("in 7c9e6679-7425-40de-944b-e07fc1f90ae7"))),
        (chat(user("call_abcdef123 did")), chat(user("call_zzzzzz987 did"))),
        ({"model": "m", "n": 1, "messages": [user("x")]}, {"messages": [user("x")], "n": 1, "model": "m"}),
    ],
)
def test_ids_dates_names_and_the_order_of_fields_do_not_matter(then: Any, now: Any) -> None:
    """Two others lie around it, so that it is not just the next one."""
    tape = Tape(recorded([raw(chat(user("before")), "a"), raw(then, "it"), raw(chat(user("after")), "b")]))
    assert take(tape, now) == "it"


def test_numbers_that_mean_something_do_matter() -> None:
    tape = Tape(recorded([raw(chat(user("What is 2 + 2?")), "4"), raw(chat(user("What is 3 + 3?")), "6")]))
    assert take(tape, chat(user("What is 3 + 3?"))) == "6"
    assert take(tape, chat(user("What is 2 + 2?"))) == "4"


def test_the_same_request_asked_several_times_is_answered_in_turn_and_then_as_the_last_time() -> None:
    tape = Tape(recorded([raw(chat(user("hi")), "busy"), raw(chat(user("hi")), "hello")]))
    assert [take(tape, chat(user("hi"))) for _ in range(4)] == ["busy", "hello", "hello", "hello"]


def loop(*results: str) -> dict[str, Any]:
    messages = [user("List the files.")]
    for number, result in enumerate(results):
        call = {"id": f"c{number}", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
        messages.append({"role": "assistant", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": result})
    return chat({"role": "system", "content": "You are at /tmp."}, *messages)


def test_a_tool_loop_goes_on_step_by_step_although_tools_say_something_else_now() -> None:
    steps = [raw(loop(), "1"), raw(loop("a"), "2"), raw(loop("a", "b"), "3")]
    tape = Tape(recorded(steps))
    assert [take(tape, body) for body in (loop(), loop("12 ms"), loop("12 ms", "7 ms"))] == ["1", "2", "3"]


def test_conversations_that_run_side_by_side_do_not_get_each_others_answers() -> None:
    def step(name: str, *results: str) -> dict[str, Any]:
        told = [{"role": "tool", "tool_call_id": "c", "content": result} for result in results]
        return chat(user(name), *told)

    names = ("A", "B")
    tape = Tape(recorded([raw(step(n, *["x"] * k), f"{n}{k}") for k in range(3) for n in names]))
    order = [("B", 0), ("A", 0), ("A", 1), ("B", 1), ("A", 2), ("B", 2)]
    assert [take(tape, step(n, *["other"] * k)) for n, k in order] == [f"{n}{k}" for n, k in order]


def test_an_errand_beside_the_conversation_has_its_own_answer() -> None:
    title = {"role": "system", "content": "Write a title for this."}
    work = {"role": "system", "content": "You are a coding agent."}
    tape = Tape(recorded([raw(chat(work, user("Fix it")), "work"), raw(chat(title, user("Fix it")), "title")]))
    assert take(tape, chat(title, user("Fix it"), temperature=0)) == "title"
    assert take(tape, chat(work, user("Fix it"), temperature=0)) == "work"


def test_nothing_fits() -> None:
    tape = Tape(recorded([raw(chat(user("hi")), "x")]))
    with pytest.raises(ParleyError) as caught:
        take(tape, chat(user("Something else entirely")))
    fault = caught.value.fault
    assert fault.kind is FaultKind.NOT_FOUND
    assert "openai_chat chat" in fault.message
    assert "'Something else entirely'" in fault.message
    assert "1 of openai_chat chat" in fault.message


@pytest.mark.parametrize("stream", [True, False])
def test_a_stream_is_for_who_wants_a_stream(stream: bool) -> None:
    tape = Tape(recorded([raw(chat(user("hi"), stream=wanted), str(wanted)) for wanted in (True, False)]))
    assert take(tape, chat(user("hi"), stream=stream)) == str(stream)


def test_geminis_two_framings_are_not_mixed_up() -> None:
    body = BODIES["gemini"]
    path = "/v1beta/models/m:streamGenerateContent"
    tape = Tape(recorded([raw(body, "array", path), raw(body, "sse", f"{path}?alt=sse")]))
    assert take(tape, body, f"{path}?alt=sse") == "sse"
    assert take(tape, body, path) == "array"


def test_providers_own_paths_are_known_too() -> None:
    tape = Tape(recorded([raw(chat(user("hi")), "x", "/openai/v1/chat/completions")]))
    assert take(tape, chat(user("hi"))) == "x"


def test_what_is_no_call_is_left_out() -> None:
    junk = [
        raw(chat(user("x")), "x", "/v1/models"),
        RawExchange("POST", CHAT, b"no json", 200, [], b""),
        RawExchange("GET", "/", b"", 200, [], b""),
    ]
    assert recorded(junk) == []


def test_models_are_listed_once_in_their_order() -> None:
    tape = Tape(recorded([raw(chat(user(name), model=name), "x") for name in ("b", "a", "b")]))
    assert tape.models == ("b", "a")


def test_pieces_are_cut_as_they_came_and_a_body_that_is_too_short_broke() -> None:
    (exchange,) = recorded([raw(chat(user("x")), "abcdef", chunks=[[0, 2], [1500, 3], [2000, 1]])])
    assert exchange.pieces == [(0.0, b"ab"), (1.5, b"cde"), (2.0, b"f")]
    assert not exchange.broke
    (cut,) = recorded([raw(chat(user("x")), "abc", chunks=[[0, 2], [1500, 3]])])
    assert cut.pieces == [(0.0, b"ab"), (1.5, b"c")]
    assert cut.broke


def test_headers_that_the_proxy_says_itself_are_not_said_twice() -> None:
    headers = [("Content-Type", "a/b"), ("X-Parley-Backend", "x"), ("content-length", "1"), ("retry-after", "3")]
    exchange = RawExchange("POST", CHAT, b"{}", 429, headers, b"")
    assert recorded([exchange])[0].headers == [("Content-Type", "a/b"), ("retry-after", "3")]
