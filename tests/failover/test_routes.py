"""Keys, rests, windows and routes, over the wire: who is asked with which key, request after request."""

from __future__ import annotations

import pytest

from proxy_core.config.schema import ModelEntry
from tests.failover.speaking import failing, good, seen_whole
from tests.failover.upstream import Asked, Deed
from tests.failover.world import World

KEYS = ("sk-aaaaaaaa-1111", "sk-bbbbbbbb-2222", "sk-cccccccc-3333")
LONG = "This model's maximum context length is 8000 tokens. However, your messages resulted in 9000 tokens."


def asked(world: World) -> list[str]:
    """Backend and the last four characters of its key, in order; forgotten once told."""
    told = [f"{one.backend} {one.key[-4:]}" for one in world.upstream.asked]
    world.upstream.asked.clear()
    return told


def limited(asked: Asked, *headers: tuple[str, str]) -> Deed:
    return Deed([failing("openai_chat", 429, "You are too fast.", "rate_limit_error")], 429, headers=headers)


@pytest.mark.parametrize(
    ("policy", "order"),
    [
        ("k", ["one 1111", "one 2222"]),
        ("m", ["one 1111", "two 1111", "three 1111"]),
        ("km", ["one 1111", "one 2222", "two 1111", "three 1111", "three 2222", "three 3333"]),
        ("mk", ["one 1111", "two 1111", "three 1111", "one 2222", "three 2222", "three 3333"]),
    ],
)
def test_each_policy_makes_its_attempts_once_and_in_order(world: World, policy: str, order: list[str]) -> None:
    backends = [
        world.backend("one", "openai_chat", *KEYS[:2]),
        world.backend("two", "anthropic", KEYS[0]),
        world.backend("three", "gemini", *KEYS),
    ]
    world.stage(backends, lambda asked: Deed([failing("openai_chat", 409, "Not now.")], 409), policy=policy)
    assert world.ask("anthropic", stream=False).status_code == 409
    assert asked(world) == order


def test_a_plain_model_s_keys_take_turns_and_those_that_are_limited_rest(world: World) -> None:
    one = world.backend("one", "openai_chat", *KEYS)
    world.stage([one], lambda asked: good("openai_chat", asked))
    for _ in range(4):
        world.ask("openai_chat", stream=False, model="one:m")
    assert asked(world) == ["one 1111", "one 2222", "one 3333", "one 1111"]

    def second_is_limited(asked: Asked) -> Deed:
        return limited(asked, ("retry-after", "600")) if asked.key == KEYS[1] else good("openai_chat", asked)

    world.stage([one], second_is_limited)
    answers = [world.ask("openai_chat", stream=False, model="one:m") for _ in range(6)]
    assert {answer.status_code for answer in answers} == {200}
    assert asked(world).count("one 2222") == 1
    for model in ("one:another", "one:another", "one:another"):
        world.ask("openai_chat", stream=False, model=model)
    assert asked(world).count("one 2222") == 1, "it rests for one model only"


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_key_rests_for_every_model(world: World, status: int) -> None:
    one = world.backend("one", "openai_chat", *KEYS[:2])

    def first_is_refused(asked: Asked) -> Deed:
        refusal = Deed([failing("openai_chat", status, "No.")], status)
        return refusal if asked.key == KEYS[0] else good("openai_chat", asked)

    world.stage([one], first_is_refused)
    for model in ("one:m", "one:m", "one:other", "one:third"):
        assert world.ask("openai_chat", stream=False, model=model).status_code == 200
    assert asked(world).count("one 1111") == 1


def test_when_all_keys_rest_the_one_that_wakes_first_is_asked(world: World) -> None:
    waits = dict[str, str](zip(KEYS, ("600", "60", "300"), strict=True))
    world.stage(
        [world.backend("one", "openai_chat", *KEYS)], lambda asked: limited(asked, ("retry-after", waits[asked.key]))
    )
    first = world.ask("openai_chat", stream=False, model="one:m")
    assert (first.status_code, first.headers["retry-after"]) == (429, "60")
    asked(world)
    assert world.ask("openai_chat", stream=False, model="one:m").status_code == 429
    assert asked(world) == ["one 2222"]


def test_the_key_with_the_most_head_room_goes_first(world: World) -> None:
    left = dict[str, str](zip(KEYS, ("10", "90", "50"), strict=True))

    def deed(asked: Asked) -> Deed:
        answer = good("openai_chat", asked)
        headers = [("x-ratelimit-limit-requests", "100"), ("x-ratelimit-remaining-requests", left[asked.key])]
        return Deed(answer.chunks, headers=headers)

    world.stage([world.backend("one", "openai_chat", *KEYS)], deed)
    for _ in range(6):
        world.ask("openai_chat", stream=False, model="one:m")
    assert asked(world) == ["one 1111", "one 2222", "one 3333", "one 2222", "one 2222", "one 2222"]


def test_a_dead_backend_costs_a_probe_and_not_every_request(world: World) -> None:
    backends = [world.backend("one", "openai_chat"), world.backend("two", "openai_chat")]
    world.stage(backends, lambda asked: Deed(then="reset") if asked.backend == "one" else good("openai_chat", asked))
    for _ in range(12):
        assert world.ask("openai_chat", stream=False).status_code == 200
    told = asked(world)
    assert (told.count("one 6789"), told.count("two 6789")) == (5, 12)


@pytest.mark.parametrize("policy", ["km", "mk"])
def test_a_context_that_is_too_long_burns_no_key_and_goes_to_a_larger_window(world: World, policy: str) -> None:
    """T76."""
    windows = {"one": 8000, "two": 4000, "three": 100_000}
    models = {f"{name}:m": ModelEntry(profile={"context_window": size}) for name, size in windows.items()}
    backends = [world.backend(name, "openai_chat", *KEYS[:2]) for name in windows]

    def deed(asked: Asked) -> Deed:
        too_long = Deed([failing("openai_chat", 400, LONG, "invalid_request_error", "context_length_exceeded")], 400)
        return good("openai_chat", asked) if asked.backend == "three" else too_long

    world.stage(backends, deed, policy=policy, models=models)
    for _ in range(2):
        answer = world.ask("gemini", stream=False)
        assert seen_whole("gemini", answer.json()).text == "A good answer."
        assert asked(world) == ["one 1111", "three 1111"]
    world.stage(backends[:2], deed, policy=policy, models=models)
    answer = world.ask("anthropic", stream=True)
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "type": "invalid_request_error",
        "message": "prompt is too long: 9000 tokens > 8000 maximum",
    }
    assert asked(world) == ["one 1111"]


def test_rr_shares_requests_by_weight_and_still_fails_over(world: World) -> None:
    backends = [world.backend("one", "openai_chat"), world.backend("two", "anthropic")]
    vendors = {"one": "openai_chat", "two": "anthropic"}
    world.stage(backends, lambda asked: good(vendors[asked.backend], asked), route=("one:m*3", "two:m"), policy="rr")
    for _ in range(8):
        world.ask("openai_chat", stream=False)
    told = asked(world)
    assert (told.count("one 6789"), told.count("two 6789")) == (6, 2)
    world.deed = lambda asked: Deed(status=500) if asked.backend == "one" else good("anthropic", asked)
    assert world.ask("openai_chat", stream=False).status_code == 200


def test_a_route_in_a_route_is_refused_with_a_reason(world: World) -> None:
    world.stage([world.backend("one", "openai_chat")], lambda asked: good("openai_chat", asked), route=("r", "one:m"))
    answer = world.ask("openai_chat", stream=False)
    assert answer.status_code == 400
    assert "routes cannot be nested" in answer.json()["error"]["message"]
    assert asked(world) == []


def test_a_route_whose_backends_have_no_key_says_so(world: World) -> None:
    world.stage([world.backend("one", "openai_chat")], lambda asked: Deed(), route=("demo:echo",))
    answer = world.ask("anthropic", stream=False)
    assert answer.status_code in (400, 502)
    assert answer.json()["type"] == "error"
