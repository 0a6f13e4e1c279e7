"""The program starts, answers and says what it does."""

from __future__ import annotations

import httpx
import pytest

from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.said import Said
from tests.live.vendors.upstream import VENDORS, Upstream

HELLO = {"messages": [{"role": "user", "content": "ping"}]}


@pytest.mark.parametrize("backend", VENDORS)
def test_each_backend_is_reached(backend: str, parley: Program, vendors: Upstream, http: httpx.Client) -> None:
    vendors.will_say(Said("Hello from upstream"))
    answer = http.post(
        f"{parley.base}/v1/chat/completions",
        json={**HELLO, "model": f"{backend}:some-model"},
        headers={"authorization": f"Bearer {CLIENT_KEY}"},
    )
    assert vendors.problems == []
    assert answer.json()["choices"][0]["message"]["content"] == "Hello from upstream"
    assert [received.vendor for received in vendors.received] == [backend]


def test_the_clients_key_does_not_leave(parley: Program, vendors: Upstream, http: httpx.Client) -> None:
    for backend in VENDORS:
        body = {**HELLO, "model": f"{backend}:some-model"}
        http.post(f"{parley.base}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {CLIENT_KEY}"})
    assert len(vendors.received) == len(VENDORS)
    assert not [received for received in vendors.received if CLIENT_KEY in str(received)]
    for received in vendors.received:
        assert f"sk-upstream-{received.vendor}" in str(received.headers)
