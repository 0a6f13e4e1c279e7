from __future__ import annotations

from collections import Counter

import pytest

from proxy_core.routing.keys import KeyRing
from proxy_core.routing.plan import rotated, weighted
from tests.routing.resting import Resting, backend


def test_keys_take_turns() -> None:
    ring = KeyRing(Resting().rests)
    target = backend("a", "k1", "k2", "k3")
    assert [ring.in_turn(target) for _ in range(4)] == [
        ("k1", "k2", "k3"),
        ("k2", "k3", "k1"),
        ("k3", "k1", "k2"),
        ("k1", "k2", "k3"),
    ]


def test_backends_take_turns_apart() -> None:
    ring = KeyRing(Resting().rests)
    ring.in_turn(backend("a", "k1", "k2"))
    assert ring.in_turn(backend("b", "x1", "x2")) == ("x1", "x2")


def test_a_backend_without_keys_has_one_candidate() -> None:
    assert KeyRing(Resting().rests).in_turn(backend("local")) == (None,)


def test_the_key_with_the_most_head_room_goes_first() -> None:
    resting = Resting()
    ring = KeyRing(resting.rests)
    for key, left in (("k1", 0.2), ("k2", 0.9), ("k3", 0.5)):
        resting.rests.note_headroom("a", key, left)
    assert ring.in_turn(backend("a", "k1", "k2", "k3")) == ("k2", "k3", "k1")


@pytest.mark.parametrize(
    ("left", "order"),
    [
        ({"a": 0.52, "b": 0.49, "c": 0.51}, ("b", "c", "a")),  # about the same: they take turns
        ({"a": 0.9, "b": 0.1}, ("c", "a", "b")),  # nothing is known of c yet
        ({}, ("b", "c", "a")),
    ],
)
def test_rotation_by_tenths_of_head_room(left: dict[str, float], order: tuple[str, ...]) -> None:
    assert rotated("abc", 1, left.get) == order


def test_weights_are_turns_in_a_round() -> None:
    firsts = [next(weighted(turn, (3, 1, 2))) for turn in range(12)]
    assert Counter(firsts) == {0: 6, 1: 2, 2: 4}
    assert list(weighted(3, (3, 1, 2))) == [1, 0, 2]
