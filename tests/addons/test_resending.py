"""A person who watches sends flows again, with mitmproxy's own `replay.client`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from mitmproxy import ctx, http
from mitmproxy.proxy.mode_specs import ProxyMode

from tests.failover.speaking import PROTOCOLS, good, seen_stream, seen_whole, user_text
from tests.failover.upstream import Asked, Deed
from tests.failover.world import CLIENT_KEY, World

QUESTION, EDITED = "What is the time?", "What is the date?"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.end()


def staged(world: World) -> None:
    def deed(asked: Asked) -> Deed:
        return good("anthropic", asked, f"You asked: {user_text('anthropic', asked.body)}")

    world.stage([world.backend("one", "anthropic")], deed)


def again(world: World, flow: http.HTTPFlow) -> http.Response:
    async def resending() -> None:
        playback: Any = ctx.master.addons.get("clientplayback")
        ctx.options.update(store_streamed_bodies=True)
        playback.start_replay([flow])
        while flow.response is None or len(world.program.table):  # noqa: ASYNC110  (mitmproxy offers no event)
            await asyncio.sleep(0)

    world.run(resending())
    assert flow.response
    return flow.response


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_client_s_flow_can_be_edited_and_sent_again_without_its_key(
    world: World, protocol: str, stream: bool
) -> None:
    staged(world)
    world.ask(protocol, stream=stream, text=QUESTION)
    (flow,) = world.watcher.client
    flow.request.text = (flow.request.text or "").replace(QUESTION, EDITED)
    answer = again(world, flow)
    told = seen_stream(protocol, answer.content or b"") if stream else seen_whole(protocol, answer.json())
    assert (answer.status_code, told.text, told.error) == (200, f"You asked: {EDITED}", None)
    assert CLIENT_KEY not in str(flow.get_state())
    assert len(world.upstream.asked) == 2


def test_an_attempt_can_not_since_its_key_is_not_kept(world: World) -> None:
    staged(world)
    world.ask("gemini", stream=False, text=QUESTION)
    (attempt,) = world.watcher.attempts
    answer = again(world, attempt)
    assert (answer.status_code, len(world.upstream.asked)) == (400, 1)
    assert "Send the client's flow again" in (answer.text or "")


def test_what_came_with_the_client_s_own_key_can_not(world: World) -> None:
    staged(world)
    world.ask("anthropic", stream=False, text=QUESTION)
    (flow,) = world.watcher.client
    flow.client_conn.proxy_mode = ProxyMode.parse("regular")
    answer = again(world, flow)
    assert (answer.status_code, len(world.upstream.asked)) == (400, 1)
    assert "Only the client can repeat it" in (answer.text or "")
