from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_core.commands.grammar import Argument, find
from proxy_core.commands.table import VOCABULARY


def names(text: str, prefix: str = "!/") -> list[tuple[str, str | None]]:
    return [(command.name, command.problem) for command in find(text, prefix, VOCABULARY)]


def arguments(text: str) -> list[tuple[str | None, str]]:
    (command,) = find(text, "!/", VOCABULARY)
    return [(argument.key, argument.value) for argument in command.arguments]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!/set(model=a:b)", [("model", "a:b")]),
        ("!/set( model = a:b , temperature=0.5 )", [("model", "a:b"), ("temperature", "0.5")]),
        ("!/set(project='a, (b) c')", [("project", "a, (b) c")]),
        ('!/set(project="it\'s")', [("project", "it's")]),
        ("!/set(project=John's, temperature=1)", [("project", "John's"), ("temperature", "1")]),
        ("!/set(project=f(x))", [("project", "f(x)")]),
        ("!/set(openai_url=http://x/v1?a=b)", [("openai-url", "http://x/v1?a=b")]),
        ("!/route-append(name=r, a:b, c:d/e)", [("name", "r"), (None, "a:b"), (None, "c:d/e")]),
        ("!/SET (model=a:b)", [("model", "a:b")]),
        ("!/set(\n  model=a:b,\n)", [("model", "a:b")]),
        ("!/unset(model, project)", [(None, "model"), (None, "project")]),
        ("!/help()", []),
        ("!/set(project='')", [("project", "")]),
    ],
)
def test_arguments(text, expected):
    assert arguments(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "!/bin/sh",
        "#!/bin/sh",
        "#!/usr/bin/env python",
        "run !/usr/local/bin/x(1)",
        "jar:file:/a.jar!/help",
        "see \\!/help",
        "see `!/help",
        "!/help.md and !/hello-world.txt",
        "I like !/foo very much",
        "!/ set(model=a)",
        "wow!/set(model=a)",
    ],
)
def test_what_only_looks_like_a_command_is_text(text):
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!/help", ["help"]),
        ("please !/help.", ["help"]),
        ("!/list-failover-routes", ["list-failover-routes"]),
        ("!/list_failover_routes", ["list-failover-routes"]),
        ("!/hello !/help(set) and !/set(model=a:b)!/unset(model)", ["hello", "help", "set", "unset"]),
        ("请用!/set(model=a:b)写", ["set"]),
        ('"!/set(model=a:b)"', ["set"]),
        ("!/sett(model=x)", ["sett"]),
        ("hi\n  !/frobnicate \nthere", ["frobnicate"]),
        ("please !/helpp me", ["helpp"]),
        ("!/help (see below)", ["help"]),
    ],
)
def test_commands_are_found(text, expected):
    assert [name for name, _ in names(text)] == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("!/set model=x", "parentheses"),
        ("!/set", "parentheses"),
        ("!/set(model=x", "parenthesis"),
        ("!/set(project='x)", "quotation"),
    ],
)
def test_malformed_commands_say_why(text, word):
    ((_, problem),) = names(text)
    assert problem
    assert word in problem


@pytest.mark.parametrize("prefix", ["$/", "~!", "cmd:", "##/", ".*", "((", "/set"])
def test_any_prefix(prefix):
    text = f"a {prefix}set(model=x:y) b"
    (command,) = find(text, prefix, VOCABULARY)
    assert text[command.start : command.end] == command.typed == f"{prefix}set(model=x:y)"
    assert command.arguments == (Argument("model", "x:y"),)


@pytest.mark.parametrize("piece", ["!/set(", "!/set(a='", "!/foo(", "!/x ", "!/set(a=(", "!/helpp ", "'!/set(a=''''"])
def test_hostile_text_is_read_in_bounded_work(piece):
    commands = find(piece * (400_000 // len(piece)), "!/", VOCABULARY)
    assert all(one.end <= next_one.start for one, next_one in pairwise(commands))


@given(st.text(alphabet="!/set(model=x:y)'\", \nhelp", max_size=120))
def test_spans_are_exact_and_in_order(text):
    position = 0
    for command in find(text, "!/", VOCABULARY):
        assert command.start >= position
        assert text[command.start : command.end] == command.typed
        position = command.end
