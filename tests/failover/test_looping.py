"""Streamed answers that repeat themselves, and go on in the same message: told by the next element, or steered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy_core.config.settings import LoopSettings
from tests.failover.speaking import PROTOCOLS, SSE, VENDORS, good, seen_stream
from tests.failover.test_continuing import Cell, check_shape, lanes
from tests.failover.upstream import Asked, Deed
from tests.failover.world import CLIENT_KEY, World
from tests.live.clients.sdk import Drivers
from tests.live.vendors.said import Said

OPENING = "You asked for a proof of it. There are several, of which the shortest is the one by contradiction.\n\n"
LOOP = "Let me check the result once more before I go on. "
REST = "So it is proven."
ENDED = "[Parley ended this answer"
CELLS = [Cell(client, first, second, "loop") for client in PROTOCOLS for first, second in lanes(client)]


def looping(vendor: str, asked: Asked, opening: str = OPENING, thinking: bool = False) -> Deed:
    """It goes on until the caller hangs up."""
    text = opening + LOOP * 100
    said = Said("Done.", text, "c2VhbA==", every=25) if thinking else Said(text, every=25)
    chunks = list(VENDORS[vendor].stream(said, asked.named))
    shown = next(n for n, chunk in enumerate(chunks) if text[:5].encode() in chunk) + 1
    return Deed(chunks[:shown], content_type=SSE, then="wait", rest=chunks[shown:150])


def stage(world: World, cell: Cell, on_loop: Any, second: Callable[[Asked], Deed] | None = None, **more: Any) -> None:
    """`second` is what is answered the second time, by whomever."""

    def deed(asked: Asked) -> Deed:
        first = len(world.upstream.asked) == 1
        if first:
            return looping(cell.first, asked, **more)
        vendor = cell.first if asked.backend == "one" else cell.second
        return second(asked) if second else good(vendor, asked, REST)

    world.stage(cell.backends(world), deed, loops=LoopSettings(on_loop=on_loop))


@pytest.mark.parametrize("on_loop", ["next_element", "steer"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_it_goes_on_in_the_same_message(world: World, cell: Cell, on_loop: str) -> None:
    stage(world, cell, on_loop)
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.ended, told.error) == (True, None)
    assert told.text.startswith(OPENING + LOOP)
    assert told.text.endswith(f"]\n\n{REST}")
    assert len(told.text) < len(OPENING) + 1500
    check_shape(cell.client, answer.content)
    sentence = (
        "one:m here: it had begun to repeat itself" if on_loop == "next_element" else "Parley stopped a repetition"
    )
    assert told.text.count(sentence) == 1
    assert told.text.count("Parley") == 1
    assert [asked.backend for asked in world.upstream.asked] == ["one", "two" if on_loop == "next_element" else "one"]
    check_asked(world.upstream.asked[1].body, on_loop)
    (attempt, _) = world.watcher.attempts
    assert attempt.error
    assert "looped" in world.watcher.client[0].comment


def check_asked(body: dict[str, Any], on_loop: str) -> None:
    """What had been said before the repetition is sent, with what was repeated in it once."""
    sent = json.dumps(body)
    assert sent.count(json.dumps(OPENING.strip())[1:-1]) == 1
    assert sent.count(LOOP.strip()) == 1
    assert "Parley" not in sent
    assert ("again and again" in sent) == (on_loop == "steer")


@pytest.mark.parametrize("on_loop", ["next_element", "steer"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_official_sdks_read_it_as_one_message(world: World, sdks: Drivers, cell: Cell, on_loop: str) -> None:
    stage(world, cell, on_loop)
    answer = sdks[cell.client].talk(
        client=cell.client,
        base=f"http://127.0.0.1:{world.plain}",
        key=CLIENT_KEY,
        model="r",
        stream=True,
        steps=[{"user": "Hi"}],
    )
    assert "error" not in answer, answer["error"]
    (reply,) = answer["replies"]
    assert reply["text"].endswith(f"]\n\n{REST}")
    assert reply["finish"] in ("stop", "completed", "end_turn", "STOP")
    assert reply["usage"]["output"] > 17 + len(OPENING) // 4


@pytest.mark.parametrize("on_loop", ["next_element", "steer"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_second_loop_is_the_end(world: World, cell: Cell, on_loop: str) -> None:
    vendor = cell.second if on_loop == "next_element" else cell.first
    stage(world, cell, on_loop, lambda asked: looping(vendor, asked, "Once more.\n\n"))
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.ended, told.error) == (True, None)
    assert told.text.count(ENDED) == 1
    check_shape(cell.client, answer.content)
    assert len(world.upstream.asked) == 2
    assert world.watcher.client[0].metadata["parley"]["attempts"][-1]["outcome"] == "cut"


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_where_the_next_one_fails_the_answer_ends(world: World, cell: Cell) -> None:
    stage(world, cell, "next_element", lambda asked: Deed(status=500))
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.ended, told.error) == (True, None)
    assert "Nobody could go on (upstream)" in told.text
    check_shape(cell.client, answer.content)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_without_a_next_element_the_answer_ends_as_ever(world: World, cell: Cell) -> None:
    stage(world, cell, "next_element")
    world.stage(cell.backends(world)[:1], world.deed, loops=LoopSettings(on_loop="next_element"))
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.ended, told.error, told.text.count(ENDED)) == (True, None, 1)
    assert answer.headers["x-parley-lane"] == ("edit" if cell.first == cell.client else "translate")


@pytest.mark.parametrize("on_loop", ["next_element", "steer"])
@pytest.mark.parametrize("client", PROTOCOLS)
def test_thoughts_that_repeat_themselves_are_not_sent_on(world: World, client: str, on_loop: str) -> None:
    stage(world, Cell(client, "anthropic", "openai_chat"), on_loop, thinking=True)
    answer = world.ask(client, stream=True)
    told = seen_stream(client, answer.content)
    assert (told.ended, told.error) == (True, None)
    assert told.text.endswith(f"]\n\n{REST}")
    check_shape(client, answer.content)
    sent = json.dumps(world.upstream.asked[1].body)
    assert "You asked for a proof" not in sent
    assert ("your thoughts were stopped" in sent) == (on_loop == "steer")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_loop_that_the_client_has_seen_nothing_of_is_moved_on_from_plainly(world: World, cell: Cell) -> None:
    def at_once(vendor: str, asked: Asked) -> Deed:
        deed = looping(vendor, asked)
        return replace(deed, chunks=[b"".join([*deed.chunks, *deed.rest])], rest=(), then="hold")

    def stage_with(second: Callable[[Asked], Deed]) -> None:
        def deed(asked: Asked) -> Deed:
            return at_once(cell.first, asked) if asked.backend == "one" else second(asked)

        world.stage(cell.backends(world), deed, loops=LoopSettings(on_loop="next_element"))

    stage_with(lambda asked: good(cell.second, asked, REST))
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.text, told.ended, told.error) == (REST, True, None)
    assert answer.headers["x-parley-backend"] == "two"
    stage_with(lambda asked: Deed(status=500))
    assert world.ask(cell.client, stream=True).status_code == 500
    stage_with(lambda asked: at_once(cell.second, asked))
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.ended, told.error, told.text.count(ENDED)) == (True, None, 1)
    check_shape(cell.client, answer.content)
    assert world.watcher.client[0].metadata["parley"]["cut"] == "loop"
