from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_core.config.edit import Unchangeable, put, remove
from proxy_core.config.files import parse_tree, plain

COMMENTED = """\
# top
settings:   # saved
    port: 8000   # mine
    # about the prefix
    command_prefix: '$/'

    # about routes
    failover_routes:
        strong:
            policy: m   # each once
            elements:
            - a:b   # first
            # then
            - c:d
        # the other
        weak: {policy: k, elements: [e:f]}

# backends follow
backends: {}
"""


def changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went and those that came."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize(
    ("path", "value", "gone", "came"),
    [
        (("settings", "command_prefix"), "!/", ["    command_prefix: '$/'"], ['    command_prefix: "!/"']),
        (("settings", "port"), 9, ["    port: 8000   # mine"], ["    port: 9   # mine"]),
        (("settings", "default_backend"), "on", [], ['    default_backend: "on"']),
        (("settings", "failover_routes", "strong", "elements"), ["a:b", "c:d", "g:h"], [], ["            - g:h"]),
        (("settings", "failover_routes", "strong", "elements"), ["g:h", "a:b", "c:d"], [], ["            - g:h"]),
        (
            ("settings", "failover_routes", "weak", "elements"),
            ["e:f", "g:h*2"],
            ["        weak: {policy: k, elements: [e:f]}"],
            ["        weak: {policy: k, elements: [e:f, g:h*2]}"],
        ),
        (("backends",), {"x": {"base_url": "http://x"}}, ["backends: {}"], ['backends: {x: {base_url: "http://x"}}']),
    ],
)
def test_only_the_line_in_question_changes(path: tuple[str, ...], value: Any, gone: list[str], came: list[str]) -> None:
    assert changed(COMMENTED, put(COMMENTED, path, value)) == (gone, came)


def test_taking_out_leaves_every_comment() -> None:
    shorter = remove(COMMENTED, ("settings", "failover_routes", "strong"))
    assert "# the other" in shorter
    shorter = remove(shorter, ("settings", "command_prefix"))
    assert "# about the prefix" in shorter
    assert "# about routes" in shorter
    assert plain(parse_tree(shorter))["settings"] == {
        "port": 8000,
        "failover_routes": {"weak": {"policy": "k", "elements": ["e:f"]}},
    }


@pytest.mark.parametrize(
    "text",
    ["", "# nothing yet\n", "# no newline at the end", "backends: {}", "settings: {} # why\nbackends: {}\n", "{}\n"],
)
def test_what_is_put_can_be_taken_out_again(text: str) -> None:
    longer = put(text, ("settings", "port"), 1)
    assert plain(parse_tree(longer))["settings"] == {"port": 1}
    assert plain(parse_tree(remove(longer, ("settings", "port"))))["settings"] == {}
    assert all(comment in longer for comment in ("# nothing yet", "# no newline", "# why") if comment in text)


def test_a_list_that_is_emptied_or_changes_its_order() -> None:
    for value, line in (([], "[]"), (["c:d", "a:b"], "[c:d, a:b]")):
        text = put(COMMENTED, ("settings", "failover_routes", "strong", "elements"), value)
        assert f"            elements: {line}\n        # the other\n" in text


def test_json_stays_json() -> None:
    text = '{\n    "port": 1,\n    "failover_routes": {}\n}\n'
    longer = put(text, ("failover_routes", "r"), {"policy": "k", "elements": ["a:ü"]})
    assert json.loads(longer)["failover_routes"] == {"r": {"policy": "k", "elements": ["a:ü"]}}
    assert '\n    "port": 1,\n' in longer
    assert remove(longer, ("failover_routes", "r")) == text


def test_json_with_comments_is_left_alone() -> None:
    with pytest.raises(Unchangeable, match="comments"):
        put('{"port": 1 # mine\n}', ("port",), 2)


def test_an_anchor_would_change_more_than_was_asked_for() -> None:
    with pytest.raises(Unchangeable, match="anchors"):
        put("a: &x {p: 1}\nsettings: *x\n", ("settings", "q"), 2)


def test_a_flow_list_with_a_comma_at_its_end() -> None:
    longer = put("settings: {port: 1,}  # here\n", ("settings", "timeout"), 2)
    assert plain(parse_tree(longer)) == {"settings": {"port": 1, "timeout": 2}}
    assert "# here" in longer


KEYS = st.sampled_from(["a", "b-c", "true", "1", "x y"])
SCALARS = st.one_of(st.booleans(), st.integers(-5, 5), st.text(st.characters(codec="utf-8"), max_size=6))
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(KEYS, SCALARS, max_size=2))


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.lists(KEYS, min_size=1, max_size=3).map(tuple), VALUES), max_size=4))
def test_it_means_what_was_put(steps: list[tuple[tuple[str, ...], Any]]) -> None:
    text, wanted = "# first\n", {}
    for path, value in steps:
        tree = wanted
        for step in path[:-1]:
            tree = tree.setdefault(step, {}) if isinstance(tree, dict) else None
            if not isinstance(tree, dict):
                return
        try:
            text = put(text, path, value)
        except Unchangeable:
            return
        tree[path[-1]] = value
    assert plain(parse_tree(text)) == wanted
    assert text.startswith("# first\n")
