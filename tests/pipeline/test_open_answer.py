"""Where the words of one attempt meet those of the next, and what a backend is asked."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.pipeline.open_answer import Seam, summed
from proxy_core.pipeline.rendering import render
from proxy_core.pipeline.unfinished import Unfinished
from proxy_core.protocols import CODECS
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import ProtocolName, Text
from proxy_core.turn.reply import Usage
from proxy_core.turn.request import ChatRequest, Reasoning, Turn

LINE = "It is a long way to the top of it"


@pytest.mark.parametrize(
    ("said", "pieces", "whole"),
    [
        ("A part ", ["and more"], "A part and more"),
        ("A part ", [" and", " more"], "A part and more"),
        ("A part", [" and more"], "A part and more"),
        ("def f():\n", ["\n", "    return 1"], "def f():\n    return 1"),
        ("def f():\n    ", ["\n    return 1"], "def f():\n    return 1"),
        ("def f():\n    ", ["    return 1"], "def f():\n    return 1"),
        ("def f():\n", ["    return 1"], "def f():\n    return 1"),
        (f"{LINE} ", [LINE, " and on"], f"{LINE} and on"),
        (f"{LINE} ", [*LINE, " ", "and on"], f"{LINE} and on"),
        (f"{LINE} ", ["It is", " over."], f"{LINE} It is over."),
        ("Ha", ["Ha!"], "HaHa!"),
        ("", ["  x"], "  x"),
    ],
)
def test_no_white_space_twice_and_nothing_said_again(said: str, pieces: list[str], whole: str) -> None:
    seam, told, over = Seam(said), said, False
    for piece in pieces:
        new = piece if over else seam.feed(piece)
        over = over or bool(new)
        told += new
    assert told == whole


def test_tokens_are_added_up_as_far_as_they_are_known() -> None:
    one, other = Usage(input=3, output=4, extra={"x": 1}), Usage(output=5, reasoning=2)
    assert summed(None, one) == Usage(input=3, output=4)
    assert summed(one, other) == Usage(input=3, output=9, reasoning=2)


def asked(
    protocol: ProtocolName, dialect: str, model: str, unfinished: Unfinished, **more: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    request = ChatRequest("openai_chat", "m", [Turn("user", [Text("Hi")])], **more)
    upstream = Upstream(Backend("b", protocol, "http://b/v1", dialect=dialect), model)
    body = render(request, upstream, CODECS[protocol], unfinished=unfinished).call.body
    return body["messages"], body


@pytest.mark.parametrize(
    ("protocol", "dialect", "model", "marks", "beside"),
    [
        ("anthropic", "anthropic", "claude-sonnet-4-5", {}, {}),
        ("openai_chat", "mistral", "mistral-large", {"prefix": True}, {}),
        ("openai_chat", "moonshot", "kimi-k2", {"partial": True}, {}),
        ("openai_chat", "vllm", "m", {}, {"continue_final_message": True, "add_generation_prompt": False}),
    ],
)
def test_backends_that_go_on_from_the_assistant_s_words(
    protocol: ProtocolName, dialect: str, model: str, marks: dict[str, Any], beside: dict[str, Any]
) -> None:
    messages, body = asked(protocol, dialect, model, Unfinished("A part "))
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert marks.items() <= messages[-1].items()
    assert beside.items() <= body.items()
    content = messages[-1]["content"]
    assert (content if isinstance(content, str) else content[0]["text"]) == "A part"


@pytest.mark.parametrize(
    ("protocol", "dialect", "model", "more"),
    [
        ("openai_chat", "openai", "gpt-4.1", {}),
        ("openai_chat", "default", "m", {}),
        ("anthropic", "anthropic", "claude-opus-4-6", {}),
        ("anthropic", "anthropic", "claude-sonnet-4-5", {"reasoning": Reasoning(enabled=True, budget=2000)}),
    ],
)
def test_others_are_asked_in_words(protocol: ProtocolName, dialect: str, model: str, more: dict[str, Any]) -> None:
    messages, _ = asked(protocol, dialect, model, Unfinished("A part "), **more)
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert "Go on exactly where it stops" in str(messages[-1]["content"])


def test_with_a_note_or_nothing_said_there_is_nothing_to_be_gone_on_from() -> None:
    messages, _ = asked("anthropic", "anthropic", "claude-sonnet-4-5", Unfinished("A part", note="Not again."))
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert "Not again." in str(messages[-1]["content"])
    messages, _ = asked("openai_chat", "openai", "gpt-4.1", Unfinished(" \n"))
    assert [message["role"] for message in messages] == ["user"]


def test_a_client_s_own_prefill_stays_one_message() -> None:
    request = ChatRequest("openai_chat", "m", [Turn("user", [Text("Hi")]), Turn("assistant", [Text("Well, ")])])
    upstream = Upstream(Backend("b", "openai_chat", "http://b/v1", dialect="mistral"), "m")
    body = render(request, upstream, CODECS["openai_chat"], unfinished=Unfinished("yes")).call.body
    assert body["messages"][-1] == {"role": "assistant", "content": "Well, yes", "prefix": True}
