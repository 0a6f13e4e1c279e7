"""Answers that break off after their first content, and are gone on with in the same message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from proxy_core.config.settings import Failover
from proxy_core.routing.upstreams import Backend
from tests.failover.faults import PART, SHORT, begun
from tests.failover.speaking import PROTOCOLS, SSE, VENDORS, address, good, overload_event, request, seen_stream
from tests.failover.upstream import Asked, Deed
from tests.failover.world import CLIENT_KEY, World
from tests.live.clients.sdk import Drivers
from tests.live.vendors.said import Said

ON = Failover(after_content="continue")
REST = "and the rest."
WHOLE = PART + REST
BREAKS = ("cut", "clean end", "error", "silence")


@dataclass(frozen=True)
class Cell:
    """`first` breaks off, `second` goes on."""

    client: str
    first: str
    second: str
    how: str = "cut"

    def __str__(self) -> str:
        return f"{self.client}: {self.first}, {self.second}, {self.how}"

    def backends(self, world: World) -> list[Backend]:
        return [world.backend("one", self.first), world.backend("two", self.second)]  # type: ignore[arg-type]

    def broken(self, asked: Asked) -> Deed:
        match self.how:
            case "cut":
                return begun(self.first, asked, then="cut")
            case "clean end":
                return begun(self.first, asked)
            case "error":
                return replace(begun(self.first, asked, then="wait"), rest=[overload_event(self.first)])
            case _:
                return begun(self.first, asked, then="hold")

    def deed(self, asked: Asked) -> Deed:
        return self.broken(asked) if asked.backend == "one" else good(self.second, asked, REST)

    def stage(self, world: World, failover: Failover = ON, **more: Any) -> None:
        timeout = SHORT if self.how == "silence" else 20
        world.stage(self.backends(world), self.deed, failover=failover, timeout=timeout, **more)


def lanes(client: str) -> Iterator[tuple[str, str]]:
    """Same protocol and another, for either attempt."""
    other, third = (PROTOCOLS[(PROTOCOLS.index(client) + turn) % 4] for turn in (1, 2))
    yield from ((client, client), (client, other), (other, client), (other, third))


CELLS = [Cell(client, first, second, how) for client in PROTOCOLS for first, second in lanes(client) for how in BREAKS]
PAIRS = [cell for cell in CELLS if cell.how == "cut"]


def events(client: str, body: bytes) -> list[dict[str, Any]]:
    lines = body.replace(b"\r\n", b"\n").decode().split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and "[DONE]" not in line]


def check_shape(client: str, body: bytes) -> None:
    """One message: one beginning, one end, what is numbered numbered through."""
    told = events(client, body)
    match client:
        case "openai_chat":
            assert len({event["id"] for event in told}) == 1
            assert sum(bool(choice["delta"].get("role")) for event in told for choice in event["choices"]) == 1
            assert sum(bool(choice["finish_reason"]) for event in told for choice in event["choices"]) == 1
            assert body.count(b"[DONE]") == 1
        case "openai_responses":
            assert [event["sequence_number"] for event in told] == list(range(len(told)))
            kinds = [event["type"] for event in told]
            assert [kinds.count(f"response.{state}") for state in ("created", "completed", "failed")] == [1, 1, 0]
            items = [event for event in told if event["type"] == "response.output_item.added"]
            assert [item["output_index"] for item in items] == list(range(len(items)))
        case "anthropic":
            kinds = [event["type"] for event in told]
            assert [kinds.count(f"message_{state}") for state in ("start", "delta", "stop")] == [1, 1, 1]
            starts = [event["index"] for event in told if event["type"] == "content_block_start"]
            stops = [event["index"] for event in told if event["type"] == "content_block_stop"]
            assert starts == stops == list(range(len(starts)))
        case _:
            assert len({event["responseId"] for event in told}) == 1
            assert sum("finishReason" in one for event in told for one in event.get("candidates", ())) == 1


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_next_attempt_goes_on_in_the_same_message(world: World, cell: Cell) -> None:
    cell.stage(world)
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.text, told.ended, told.error) == (WHOLE, True, None)
    check_shape(cell.client, answer.content)
    assert [asked.backend for asked in world.upstream.asked] == ["one", "two"]
    assert answer.headers["x-parley-backend"] == "one"
    check_asked(cell.second, world.upstream.asked[1].body)


def check_asked(vendor: str, body: dict[str, Any]) -> None:
    """What was said is in the assistant's own turn; then it is either gone on from, or asked to be."""
    assert "Hi" in json.dumps(body)
    turns = body.get("messages") or body.get("input") or body["contents"]
    asks = "Note of the proxy" in json.dumps(turns[-1])
    assert turns[-2 if asks else -1]["role"] == ("model" if vendor == "gemini" else "assistant")
    assert PART.strip() in json.dumps(turns[-2 if asks else -1])
    assert asks == (vendor != "anthropic"), "of these, Anthropic's models go on from the assistant's words"


@pytest.mark.parametrize("cell", PAIRS, ids=str)
def test_the_official_sdks_read_it_as_one_message(world: World, sdks: Drivers, cell: Cell) -> None:
    cell.stage(world)
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
    assert reply["text"] == WHOLE
    assert reply["finish"] in ("stop", "completed", "end_turn", "STOP")
    prompt = 31 + (31 if cell.first in ("anthropic", "gemini") else 0)
    assert reply["usage"]["prompt"] == prompt, "the others count nothing before the end"
    begun = 17 if cell.first == "gemini" else 2
    assert reply["usage"]["output"] == 17 + begun, "what the broken one did not count is estimated"


@pytest.mark.parametrize("thinking", ["", "Let me think."], ids=["calls", "thinks and calls"])
@pytest.mark.parametrize("cell", PAIRS, ids=str)
def test_the_one_that_goes_on_may_think_and_call_tools(world: World, sdks: Drivers, cell: Cell, thinking: str) -> None:
    said = Said(REST, thinking, "c2VhbGVk" if thinking else "", calls=(("weather", {"city": "Rome"}),))
    cell.stage(world)

    def deed(asked: Asked) -> Deed:
        chunks = list(VENDORS[cell.second].stream(said, asked.named))
        return cell.broken(asked) if asked.backend == "one" else Deed(chunks, content_type=SSE)

    world.deed = deed
    tool = {"name": "weather", "description": "Tells it.", "schema": {"type": "object", "properties": {}}}
    answer = sdks[cell.client].talk(
        client=cell.client,
        base=f"http://127.0.0.1:{world.plain}",
        key=CLIENT_KEY,
        model="r",
        stream=True,
        tools=[tool],
        steps=[{"user": "Hi"}],
    )
    assert "error" not in answer, answer["error"]
    (reply,) = answer["replies"]
    assert reply["text"].replace(PART.strip(), "").strip() == REST
    assert reply["calls"] == [["weather", {"city": "Rome"}]]
    assert thinking in reply["thinking"]
    world.stage(cell.backends(world), deed, failover=ON)
    check_shape(cell.client, world.ask(cell.client, stream=True).content)


@pytest.mark.parametrize("cell", PAIRS, ids=str)
def test_when_nobody_can_go_on_it_ends_with_the_error(world: World, cell: Cell) -> None:
    cell.stage(world)
    world.deed = lambda asked: cell.broken(asked) if asked.backend == "one" else Deed(status=500)
    told = seen_stream(cell.client, world.ask(cell.client, stream=True).content)
    assert (told.text, told.ended) == (PART, False)
    assert told.error
    assert "Backend 'one' failed" in told.error[1]
    assert len(world.upstream.asked) == 2


@pytest.mark.parametrize("cell", PAIRS, ids=str)
def test_when_the_one_that_goes_on_breaks_too_a_third_one_does(world: World, cell: Cell) -> None:
    third = world.backend("three", cell.first)  # type: ignore[arg-type]
    world.stage([*cell.backends(world), third], cell.deed, failover=ON)

    def deed(asked: Asked) -> Deed:
        if asked.backend == "three":
            return good(cell.first, asked, REST)
        return cell.broken(asked) if asked.backend == "one" else begun(cell.second, asked, then="cut")

    world.deed = deed
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.text, told.ended, told.error) == (PART + PART + REST, True, None)
    check_shape(cell.client, answer.content)
    assert (PART * 2).strip() in json.dumps(world.upstream.asked[2].body)


@pytest.mark.parametrize("cell", PAIRS, ids=str)
def test_an_attempt_that_fails_before_it_goes_on_is_passed_over(world: World, cell: Cell) -> None:
    third = world.backend("three", cell.first)  # type: ignore[arg-type]
    world.stage([*cell.backends(world), third], cell.deed, failover=ON)

    def deed(asked: Asked) -> Deed:
        if asked.backend == "two":
            return Deed([overload_event(cell.second)], content_type=SSE)
        return cell.broken(asked) if asked.backend == "one" else good(cell.first, asked, REST)

    world.deed = deed
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.text, told.ended, told.error) == (WHOLE, True, None)
    check_shape(cell.client, answer.content)


@pytest.mark.parametrize("cell", PAIRS, ids=str)
def test_one_that_answers_in_one_piece_goes_on_as_well(world: World, cell: Cell) -> None:
    cell.stage(world)

    def deed(asked: Asked) -> Deed:
        whole = json.dumps(VENDORS[cell.second].whole(Said(REST), asked.named)).encode()
        return cell.broken(asked) if asked.backend == "one" else Deed([whole])

    world.deed = deed
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.text, told.ended, told.error) == (WHOLE, True, None)
    check_shape(cell.client, answer.content)


@pytest.mark.parametrize("cell", PAIRS, ids=str)
def test_not_behind_a_tool_call_that_has_begun(world: World, cell: Cell) -> None:
    def deed(asked: Asked) -> Deed:
        said = Said("Let me see.", calls=(("weather", {"city": "Rome" * 9}), ("weather", {"city": "Oslo"})))
        chunks = list(VENDORS[cell.first].stream(said, asked.named))
        last = next(number for number, chunk in enumerate(chunks) if b"Rome" in chunk)
        return Deed(chunks[: last + 1], content_type=SSE, then="cut")

    cell.stage(world)
    world.deed = deed
    told = seen_stream(cell.client, world.ask(cell.client, stream=True).content)
    assert (told.text, told.ended) == ("Let me see.", False)
    assert told.error
    assert len(world.upstream.asked) == 1


@pytest.mark.parametrize("sealed", [False, True], ids=["bare", "signed"])
@pytest.mark.parametrize("client", PROTOCOLS)
def test_thoughts_are_sent_nowhere_and_signed_ones_alone_are_the_end(world: World, client: str, sealed: bool) -> None:
    said = Said("Never.", "A secret thought.", "c2lnbmF0dXJl" if sealed else "")

    def deed(asked: Asked) -> Deed:
        if asked.backend == "two":
            return good("openai_chat", asked, REST)
        chunks = list(VENDORS["anthropic"].stream(said, asked.named))
        place = b"signature_delta" if sealed else b"thinking_delta"
        last = max(number for number, chunk in enumerate(chunks) if place in chunk)
        return Deed(chunks[: last + 1], content_type=SSE, then="cut")

    world.stage([world.backend("one", "anthropic"), world.backend("two", "openai_chat")], deed, failover=ON)
    answer = world.ask(client, stream=True)
    told = seen_stream(client, answer.content)
    if sealed:
        assert (told.ended, len(world.upstream.asked)) == (False, 1)
        assert told.error
        return
    assert (told.ended, told.error) == (True, None)
    assert told.text.endswith(REST)
    check_shape(client, answer.content)
    body = world.upstream.asked[1].body
    assert "secret thought" not in json.dumps(body)
    assert body["messages"][-1]["role"] == "user"


@pytest.mark.parametrize("cell", PAIRS, ids=str)
def test_switched_off_nothing_is_other_than_before(world: World, cell: Cell) -> None:
    cell.stage(world, Failover())
    answer = world.ask(cell.client, stream=True)
    told = seen_stream(cell.client, answer.content)
    assert (told.text, told.ended) == (PART, False)
    assert told.error
    assert [asked.backend for asked in world.upstream.asked] == ["one"]
    assert answer.headers["x-parley-lane"] == ("edit" if cell.first == cell.client else "translate")


def test_an_answer_that_has_to_be_json_and_a_model_without_others_are_left_alone(world: World) -> None:
    cell = Cell("openai_chat", "openai_chat", "openai_chat")
    cell.stage(world)
    shape = {"response_format": {"type": "json_object"}}

    async def asking(**more: Any) -> bytes:
        async with world.client() as http:
            body = {**request("openai_chat", "r", True), **more}
            return (await http.post(address("openai_chat", "r", True), json=body)).content

    for more in (shape, {"model": "one:m"}, {"n": 2}):
        assert seen_stream("openai_chat", world.run(asking(**more))).error
    assert [asked.backend for asked in world.upstream.asked] == ["one"] * 3


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("client", PROTOCOLS)
def test_a_client_that_leaves_cancels_the_one_that_goes_on(world: World, client: str, http2: bool) -> None:
    second = PROTOCOLS[PROTOCOLS.index(client) - 1]

    def deed(asked: Asked) -> Deed:
        if asked.backend == "one":
            return begun(client, asked, then="cut")
        return begun(second, asked, then="hold")

    backends = [world.backend("one", client), world.backend("two", second)]  # type: ignore[arg-type]
    world.stage(backends, deed, failover=ON)

    async def leave() -> None:
        async with (
            world.client(http2) as http,
            http.stream("POST", address(client, "r", True), json=request(client, "r", True)) as answer,
        ):
            body = b""
            async for chunk in answer.aiter_raw():
                body += chunk
                if body.count(PART.encode()) > 1:
                    return
        raise AssertionError("it ended by itself")

    async def over() -> None:
        while len(world.program.table) or len(world.watcher.client) < 1:  # noqa: ASYNC110  (there is no event)
            await asyncio.sleep(0)

    world.run(leave())
    world.run(over())
    assert [flow.error.msg for flow in world.watcher.attempts if flow.error][-1] == "the client has gone"
    assert [flow.metadata["parley"]["attempts"][-1]["outcome"] for flow in world.watcher.client] == ["cancelled"]


def test_it_is_told_on_the_flow_and_in_the_usage(world: World) -> None:
    cell = Cell("anthropic", "anthropic", "openai_chat")
    cell.stage(world)
    world.ask("anthropic", stream=True)
    (flow,) = world.watcher.client
    assert "continued" in flow.comment
    assert "goes on where one:m broke off" in flow.comment
    assert flow.marked == ":arrow_right_hook:"
    tries = flow.metadata["parley"]["attempts"]
    assert [(one["outcome"], "broke off" in one["why"]) for one in tries] == [("failed", False), ("answered", True)]
    (row,) = world.run(recent(world))
    assert [one.get("goes_on", "") for one in row["attempt_list"]] == ["", "goes on where one:m broke off"]
    assert (row["outcome"], row["fault"], row["output_tokens"], row["tokens_by"]) == (
        "answered",
        None,
        17 + 2,
        "estimated",
    )
    assert row["input_tokens"] + row["cache_read_tokens"] == 31 * 2


async def recent(world: World) -> list[dict[str, Any]]:
    async with world.client() as http:
        while True:
            rows = (await http.get("/usage/recent?limit=1")).json()["data"]
            if rows and rows[0]["attempt_list"][-1].get("goes_on"):
                return rows


def test_secrets_stay_hidden_from_the_one_that_goes_on(world: World) -> None:
    """The client has read the secret that the first model wrote as a placeholder."""
    secret = "ghp_" + "a1B2c3D4e5F6" * 3

    def deed(asked: Asked) -> Deed:
        if asked.backend == "two":
            return good("anthropic", asked, REST)
        text = json.dumps(asked.body)
        placeholder = text[text.index("SECRET_") :].split(" ")[0].rstrip('."}],\\')
        said = Said(f"The token is {placeholder} and it", every=200)
        chunks = list(VENDORS["openai_chat"].stream(said, asked.named))
        last = max(number for number, chunk in enumerate(chunks) if b"The token" in chunk)
        return Deed(chunks[: last + 1], content_type=SSE, then="cut")

    world.stage([world.backend("one", "openai_chat"), world.backend("two", "anthropic")], deed, failover=ON)
    answer = world.ask("openai_chat", stream=True, text=f"My token is {secret} so there")
    told = seen_stream("openai_chat", answer.content)
    assert told.text == f"The token is {secret} and it{REST}"
    sent = json.dumps(world.upstream.asked[1].body)
    assert secret not in sent
    assert "The token is SECRET_" in sent


@pytest.mark.parametrize("client", PROTOCOLS)
def test_one_of_several_side_by_side_is_gone_on_with_as_well(world: World, client: str) -> None:
    """The first keeps silent, so that the second is asked beside it, which breaks off."""
    other = PROTOCOLS[PROTOCOLS.index(client) - 1]
    vendors = {"one": other, "two": client, "three": other}

    def deed(asked: Asked) -> Deed:
        if asked.backend == "one":
            return Deed(then="silence")
        vendor = vendors[asked.backend]
        return begun(vendor, asked, then="cut") if asked.backend == "two" else good(vendor, asked, REST)

    backends = [world.backend(name, vendor) for name, vendor in vendors.items()]  # type: ignore[arg-type]
    world.stage(backends, deed, failover=replace(ON, hedge_after=0.05))
    answer = world.ask(client, stream=True)
    told = seen_stream(client, answer.content)
    assert (told.text, told.ended, told.error) == (WHOLE, True, None)
    check_shape(client, answer.content)
    assert [asked.backend for asked in world.upstream.asked] == ["one", "two", "three"]
    assert answer.headers["x-parley-backend"] == "two"


@pytest.mark.parametrize("client", PROTOCOLS)
def test_over_http2(world: World, client: str) -> None:
    cell = Cell(client, client, PROTOCOLS[PROTOCOLS.index(client) - 2])
    backends = [
        world.backend(name, vendor, tls=True)  # type: ignore[arg-type]
        for name, vendor in (("one", cell.first), ("two", cell.second))
    ]
    world.stage(backends, cell.deed, failover=ON)
    answer = world.ask(client, stream=True, http2=True)
    told = seen_stream(client, answer.content)
    assert (told.text, told.ended, told.error) == (WHOLE, True, None)
    check_shape(client, answer.content)


@pytest.mark.parametrize("first", ["gemini", "anthropic"])
def test_gemini_s_json_array_stays_one(world: World, first: str) -> None:
    Cell("gemini", first, "openai_chat").stage(world)

    async def asking() -> list[dict[str, Any]]:
        async with world.client() as http:
            path = "/v1beta/models/r:streamGenerateContent"
            return (await http.post(path, json=request("gemini", "r", True))).json()

    told = world.run(asking())
    assert "".join(part["text"] for one in told for part in one["candidates"][0]["content"]["parts"]) == WHOLE
    assert [one["candidates"][0].get("finishReason") for one in told][-2:] == [None, "STOP"]
