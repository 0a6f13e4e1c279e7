"""A backend of Cohere's protocol behind clients of every other, when things go wrong."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.failover.speaking import PROTOCOLS, SSE, Seen, failing, good, partly, seen_stream, seen_whole
from tests.failover.upstream import Asked, Deed
from tests.failover.world import World
from tests.live.vendors.said import data, named

KEYS = ("sk-aaaaaaaa-1111", "sk-bbbbbbbb-2222")
GOOD = "A good answer."
ENDED = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "The model broke."}}
BROKEN: dict[str, Callable[[Asked], Deed]] = {
    "429": lambda asked: Deed([failing("cohere", 429, "You are too fast.")], 429),
    "500": lambda asked: Deed([failing("cohere", 500, "internal server error")], 500),
    "503": lambda asked: Deed([b"<html>no</html>"], 503, content_type="text/html"),
    "an answer that is none": lambda asked: Deed([b'{"id": "r"}'] if not asked.streams else [b"data: nonsense\n\n"]),
    "cut before anything": lambda asked: _begun(asked, then="cut"),
    "an error before anything": lambda asked: _begun(asked, named(ENDED)),
    "an error event": lambda asked: _begun(asked, data({"id": "r", "message": "internal server error"})),
}


def _begun(asked: Asked, *more: bytes, then: str = "end") -> Deed:
    """Streamed, the opening comes before the trouble."""
    if asked.streams:
        return Deed([*partly("cohere", asked)[0], *more], content_type=SSE, then=then)  # type: ignore[arg-type]
    whole = b'{"id": "r", "message": {"role": "assistant", "content": []}, "finish_reason": "ERROR"}'
    return Deed([whole])


def seen(client: str, stream: bool, answer: httpx.Response) -> Seen:
    return seen_stream(client, answer.content) if stream else seen_whole(client, answer.json())


@pytest.mark.parametrize("trouble", BROKEN)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_next_is_asked_before_the_client_sees_anything(world: World, stream: bool, trouble: str) -> None:
    for client, other in zip(PROTOCOLS, reversed(PROTOCOLS), strict=True):
        backends = [world.backend("one", "cohere"), world.backend("two", other)]
        world.stage(backends, lambda asked: BROKEN[trouble](asked) if asked.backend == "one" else good(other, asked))  # noqa: B023
        answer = world.ask(client, stream)
        assert [asked.backend for asked in world.upstream.asked] == ["one", "two"]
        told = seen(client, stream, answer)
        assert (told.text, told.ended, told.error) == (GOOD, True, None)


@pytest.mark.parametrize("client", PROTOCOLS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_it_is_the_next(world: World, stream: bool, client: str) -> None:
    backends = [world.backend("one", "openai_chat"), world.backend("two", "cohere")]
    down = Deed([failing("openai_chat", 503, "No.")], 503)
    world.stage(backends, lambda asked: down if asked.backend == "one" else good("cohere", asked))
    answer = world.ask(client, stream)
    assert world.upstream.asked[1].path == "/two/v2/chat"
    assert answer.headers["x-parley-backend"] == "two"
    told = seen(client, stream, answer)
    assert (told.text, told.error) == (GOOD, None)


@pytest.mark.parametrize("client", PROTOCOLS)
@pytest.mark.parametrize("rest", [[named(ENDED)], [data({"message": "no"})], []], ids=["error", "event", "cut"])
def test_what_breaks_in_the_middle_ends_with_the_clients_own_error(
    world: World, client: str, rest: list[bytes]
) -> None:
    def breaks(asked: Asked) -> Deed:
        first, some = partly("cohere", asked)
        return Deed([*first, *some], content_type=SSE, then="wait", rest=rest)

    world.stage([world.backend("one", "cohere"), world.backend("two", "anthropic")], breaks)
    told = seen_stream(client, world.ask(client, stream=True).content)
    assert (told.text, told.ended) == ("A part ", False)
    assert told.error


def test_keys_take_turns_and_rest(world: World) -> None:
    one = world.backend("one", "cohere", *KEYS)

    def first_is_limited(asked: Asked) -> Deed:
        limited = Deed([failing("cohere", 429, "Slow down.")], 429, headers=[("retry-after", "600")])
        return limited if asked.key == KEYS[0] else good("cohere", asked)

    world.stage([one], first_is_limited)
    answers = [world.ask("anthropic", stream=False, model="one:m") for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}
    keys = [asked.key for asked in world.upstream.asked]
    assert (keys.count(KEYS[0]), keys.count(KEYS[1])) == (1, 4)


@pytest.mark.parametrize(("client", "status"), [("openai_chat", 400), ("anthropic", 401), ("gemini", 404)])
def test_its_own_words_reach_the_client_in_the_clients_shape(world: World, client: str, status: int) -> None:
    message = "invalid request: the model is not there"
    world.stage([world.backend("one", "cohere")], lambda asked: Deed([failing("cohere", status, message)], status))
    answer = world.ask(client, stream=True)
    assert answer.status_code == status
    told = seen_whole(client, answer.json()).error
    assert told is not None
    assert message in told[1]


def test_no_client_speaks_it(world: World) -> None:
    """Not even to a backend that does: the path is none of ours."""
    world.stage([world.backend("one", "cohere")], lambda asked: good("cohere", asked))

    async def asking() -> int:
        async with world.client() as client:
            body = {"model": "one:m", "messages": [{"role": "user", "content": "Hi"}]}
            return (await client.post("/v2/chat", json=body)).status_code

    assert world.run(asking()) == 404
    assert world.upstream.asked == []
