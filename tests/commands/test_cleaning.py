"""Commands and the proxy's own words in replayed history."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_core.agents.detection import named
from proxy_core.agents.replies import as_patch, shape_reply
from proxy_core.agents.rows import UNKNOWN
from proxy_core.commands.grammar import find
from proxy_core.commands.marks import preface, sealed
from proxy_core.commands.obeying import Obeyed, clean_only
from proxy_core.commands.table import VOCABULARY
from proxy_core.protocols import MESSAGES
from proxy_core.turn.content import Text, ToolCall
from tests.commands.material import (
    IMAGES,
    PROTOCOLS,
    FakeControls,
    body,
    dialogue,
    message,
    obeyed,
    part,
    texts,
)

BOTH = pytest.mark.parametrize("as_string", [True, False])
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)


@EACH
@BOTH
def test_ten_turns_reach_the_model_as_if_no_command_had_been_typed(protocol, as_string):
    """A client that sends its whole history each time: every request is made of the real answers before it."""
    controls = FakeControls(interactive=False)
    typed = [
        "!/set(model=openai:gpt-5)",
        "Hello\n\n  there",
        "!/set(temperature=0.2) What is 2+2?\n\n```\nkeep  this\n```",
        "!/help",
        "and\t!/unset(temperature)\nnow?",
        "!/sett(x=1)",
        "!/set(project='my work')\n",
        "!/set(interactive=on)",
        "Then !/set(project=two) tell me",
        "What did I ask first?",
    ]
    as_if = [
        "Hello\n\n  there",
        "re: Hello\n\n  there",
        " What is 2+2?\n\n```\nkeep  this\n```",
        "re:  What is 2+2?\n\n```\nkeep  this\n```",
        "and\t\nnow?",
        "re: and\t\nnow?",
        "Then  tell me",
        "re: Then  tell me",
        "What did I ask first?",
    ]
    history: list[str] = []
    reached: list[str] = []
    for text in typed:
        request = dialogue(protocol, *history, text, as_string=as_string)
        result = obeyed(request, protocol, controls)
        reached = texts(request)
        if result.answer is None:
            assert reached == as_if[: len(reached)]
            answer = f"{result.confirmations or ''}re: {reached[-1]}"
        else:
            answer = result.answer
        history += [text, answer]
    assert reached == as_if
    assert "project set to two" in history[-3]
    assert controls.session.settings.project == "two"


@EACH
@BOTH
def test_a_command_only_exchange_disappears_also_when_its_answer_lost_the_mark(protocol, as_string):
    request = dialogue(protocol, "!/set(model=a:b)", "model set to a:b", "hi", "hello", "next", as_string=as_string)
    obeyed(request, protocol)
    assert texts(request) == ["hi", "hello", "next"]


@EACH
def test_what_only_a_model_says_stays_behind_a_command(protocol):
    thoughts: dict[str, Any] = {
        "openai_chat": {"role": "assistant", "content": "x", "reasoning_content": "Hm."},
        "openai_responses": {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        "anthropic": {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]},
        "gemini": {"role": "model", "parts": [{"text": "Hm.", "thought": True}]},
    }
    request = body(protocol, message(protocol, "user", "!/help"), thoughts[protocol], message(protocol, "user", "next"))
    obeyed(request, protocol)
    assert "Hm." in json.dumps(request)
    assert "!/help" not in json.dumps(request)


@EACH
def test_confirmations_in_front_of_a_reply_are_taken_out_of_history(protocol):
    controls = FakeControls(interactive=True)
    first = dialogue(protocol, "!/set(temperature=1) hi")
    result = obeyed(first, protocol, controls)
    assert result.confirmations is not None
    assert result.confirmations.startswith("Hello, this is Parley ")
    assert "temperature set to: 1.0" in result.confirmations
    request = dialogue(protocol, "!/set(temperature=1) hi", f"{result.confirmations}\n Hello!\n", "next")
    assert obeyed(request, protocol, controls).confirmations is None
    assert texts(request) == [" hi", "\n Hello!\n", "next"]


def test_a_preface_that_is_a_part_of_its_own_goes_as_a_whole():
    request = body(
        "anthropic",
        message("anthropic", "user", "hi"),
        message("anthropic", "assistant", preface("model set to a:b").strip(), "Hello!"),
        message("anthropic", "user", "next"),
    )
    obeyed(request, "anthropic")
    assert request["messages"][1]["content"] == [part("anthropic", "Hello!", "assistant")]


@EACH
def test_an_error_and_its_command_disappear_but_the_persons_words_stay(protocol):
    request = dialogue(protocol, "!/sett(x=1) write a poem", sealed("unknown command 'sett'"), "!/set(model=a:b) go")
    obeyed(request, protocol)
    assert texts(request) == [" write a poem", " go"]


@EACH
def test_images_beside_commands_stay(protocol):
    request = body(
        protocol,
        message(protocol, "user", "!/set(model=a:b)", IMAGES[protocol]),
        message(protocol, "assistant", "A cat."),
        message(protocol, "user", "!/set(model=a:b) And this?", IMAGES[protocol]),
    )
    result = obeyed(request, protocol)
    assert result.answer is None
    assert request == body(
        protocol,
        message(protocol, "user", IMAGES[protocol]),
        message(protocol, "assistant", "A cat."),
        message(protocol, "user", " And this?", IMAGES[protocol]),
    )


@EACH
def test_context_of_a_command_only_message_moves_to_the_next_one(protocol):
    reminder = "<system-reminder>\ngit status\n</system-reminder>"
    request = body(
        protocol,
        message(protocol, "user", reminder, "!/set(model=a:b)"),
        message(protocol, "assistant", sealed("model set to a:b")),
        message(protocol, "user", "hi"),
    )
    obeyed(request, protocol)
    assert request == body(protocol, message(protocol, "user", reminder, "hi"))


@EACH
def test_a_state_of_the_moment_goes_with_its_message(protocol):
    request = body(
        protocol,
        message(protocol, "user", "<task>\n!/set(model=a:b)\n</task>", "<environment_details>x</environment_details>"),
        message(protocol, "assistant", sealed("model set to a:b")),
        message(protocol, "user", "<feedback>\nhi\n</feedback>", "<environment_details>y</environment_details>"),
    )
    obeyed(request, protocol, agent=named("cline"))
    assert texts(request) == ["<feedback>\nhi\n</feedback>", "<environment_details>y</environment_details>"]


def test_cache_marks_move_to_what_stands_before():
    mark = {"type": "ephemeral", "ttl": "1h"}
    request = body(
        "anthropic",
        message("anthropic", "user", "one", {**part("anthropic", "!/set(model=a:b)"), "cache_control": mark}),
        {"role": "assistant", "content": "plain"},
        message("anthropic", "user", {**part("anthropic", "!/help"), "cache_control": mark}),
        message("anthropic", "assistant", sealed("x")),
        message("anthropic", "user", {**part("anthropic", "!/set(model=a:b) go"), "cache_control": mark}),
    )
    obeyed(request, "anthropic")
    assert request["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "one", "cache_control": mark}]},
        {"role": "assistant", "content": [{"type": "text", "text": "plain", "cache_control": mark}]},
        {"role": "user", "content": [{"type": "text", "text": " go", "cache_control": mark}]},
    ]


def test_a_cache_mark_never_lands_on_a_thought():
    mark = {"type": "ephemeral"}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    request = body(
        "anthropic",
        message("anthropic", "user", "hi"),
        {"role": "assistant", "content": [part("anthropic", "yes"), thought]},
        message("anthropic", "user", {**part("anthropic", "!/help"), "cache_control": mark}),
        message("anthropic", "assistant", sealed("x")),
        message("anthropic", "user", "next"),
    )
    obeyed(request, "anthropic")
    assert request["messages"][1]["content"] == [{**part("anthropic", "yes"), "cache_control": mark}, thought]


CALLS: dict[str, Any] = {
    "openai_chat": lambda call, words: [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}],
        },
        {"role": "tool", "tool_call_id": call.id, "content": words},
    ],
    "openai_responses": lambda call, words: [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call.id, "output": words},
    ],
    "anthropic": lambda call, words: [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": words}]},
    ],
    "gemini": lambda call, words: [
        {"role": "model", "parts": [{"functionCall": {"name": call.name, "args": json.loads(call.arguments)}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": call.name, "response": {"output": words}}}]},
    ],
}  # fmt: skip


@EACH
@pytest.mark.parametrize("words", ["<user_message>\nnow go on\n</user_message>", ""])
def test_a_completion_call_of_our_own_goes_and_its_result_becomes_the_persons_words(protocol, words):
    tools = {"tools": [{"name": "attempt_completion"}]}
    (call,) = shape_reply(named("roo_code"), tools, protocol, sealed("model set to a:b"))
    assert isinstance(call, ToolCall)
    request = body(
        protocol,
        message(protocol, "user", "<task>!/set(model=a:b)</task>"),
        *CALLS[protocol](call, words),
        *([] if words else [message(protocol, "user", "now go on")]),
    )
    obeyed(request, protocol, agent=named("roo_code"))
    (only,) = next(iter(request.values()))
    assert only["role"] == "user"
    assert texts(only) == [words or "now go on"]


@EACH
def test_a_command_in_the_answer_to_our_own_completion_is_obeyed(protocol):
    (call,) = shape_reply(named("roo_code"), {"tools": [{"name": "attempt_completion"}]}, protocol, sealed("x set"))
    assert isinstance(call, ToolCall)
    words = "<user_message>\n!/set(project=p)\n</user_message>"
    request = body(protocol, message(protocol, "user", "hi"), *CALLS[protocol](call, words))
    controls = FakeControls()
    result = obeyed(request, protocol, controls, named("roo_code"))
    assert controls.session.settings.project == "p"
    assert result.nothing_left


@EACH
def test_a_completion_of_the_models_own_stays(protocol):
    call = ToolCall("c1", "attempt_completion", '{"result": "done"}')
    request = body(protocol, message(protocol, "user", "hi"), *CALLS[protocol](call, "<user_message>ok</user_message>"))
    before = copy.deepcopy(request)
    assert obeyed(request, protocol, agent=named("roo_code")) == Obeyed()
    assert request == before


@EACH
@pytest.mark.parametrize(
    "shape", [as_patch, lambda t: f"<attempt_completion>\n<result>\n{t}\n</result>\n</attempt_completion>"]
)
def test_wrapped_answers_are_known_again(protocol, shape):
    request = dialogue(protocol, "hi !/sett(x)", shape(sealed("unknown command 'sett'")), "next")
    obeyed(request, protocol)
    assert texts(request) == ["hi ", "next"]


@EACH
def test_commands_under_a_former_prefix_are_taken_out_too(protocol):
    request = dialogue(
        protocol,
        "!/set(command-prefix=$/)",
        "ok",
        "$/set(command-prefix=~!)",
        "ok",
        "I wrote !/help once",
        "I see",
        "go",
    )
    assert obeyed(request, protocol, prefix="~!").changed
    assert texts(request) == ["I wrote !/help once", "I see", "go"]


@EACH
def test_count_requests_are_cleaned_without_anything_being_carried_out(protocol):
    request = dialogue(protocol, "!/help", sealed("x"), "!/set(model=a:b) go")
    assert clean_only(request, protocol, "!/", UNKNOWN)
    assert texts(request) == [" go"]
    alone = dialogue(protocol, "!/help")
    assert not clean_only(alone, protocol, "!/", UNKNOWN)
    assert alone[MESSAGES[protocol]]


def test_a_body_that_cannot_be_read_is_left_alone():
    for request in ({}, {"messages": None}, {"messages": ["!/help"]}, {"messages": [{"role": "user", "content": 5}]}):
        before = copy.deepcopy(request)
        assert obeyed(request) == Obeyed()
        assert request == before


_WORDS = st.text(alphabet="ab !/(){}[]<>`\n\"'#=parley", max_size=60)


@settings(max_examples=300)
@given(st.lists(_WORDS, min_size=1, max_size=6), st.sampled_from(PROTOCOLS), st.booleans())
def test_cleaning_never_changes_a_conversation_without_commands(words, protocol, as_string):
    request = dialogue(protocol, *words, as_string=as_string)
    before = copy.deepcopy(request)
    result = obeyed(request, protocol)
    if not result.commands and not _has_command(words[::2]):
        assert request == before
        assert not result.changed


def _has_command(words: list[str]) -> bool:
    return any(find(text, "!/", VOCABULARY) for text in words)


@given(st.text(), st.text(), st.sampled_from(PROTOCOLS))
def test_what_stands_beside_a_command_stays_byte_for_byte(before, after, protocol):
    text = f"x{before} !/set(model=a:b) {after}"
    request = dialogue(protocol, text)
    result = obeyed(request, protocol)
    if result.commands == ("!/set(model=a:b)",):
        assert texts(request) == [f"x{before}  {after}"]
    else:
        assert texts(request) == [text]


def test_plain_replies_are_texts():
    assert shape_reply(UNKNOWN, {}, "openai_chat", "hi") == [Text("hi")]
