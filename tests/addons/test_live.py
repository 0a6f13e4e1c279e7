"""Answers are shown in mitmweb while they stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from mitmproxy import http
from mitmproxy.flow import Flow
from mitmproxy.test import taddons

from addons.answers import refusal
from addons.host.exchanges import ExchangeTable
from addons.live import Live
from tests.addons.flows import client_flow


class Watcher:
    def __init__(self) -> None:
        self.updates: list[bytes | None] = []
        self.described: list[http.HTTPFlow] = []

    def update(self, flows: Sequence[Flow]) -> None:
        for flow in flows:
            assert isinstance(flow, http.HTTPFlow)
            assert flow.response
            self.updates.append(flow.response.raw_content)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    watcher = Watcher()
    with taddons.context(watcher):
        yield watcher


@pytest.fixture
def table() -> ExchangeTable:
    return ExchangeTable(refusal)


def streaming(table: ExchangeTable) -> tuple[http.HTTPFlow, bytearray]:
    flow = client_flow(content=None)
    table.streaming[flow.id] = flow, bytearray()
    return table.streaming[flow.id]


def test_what_has_come_is_shown_once_it_has_grown(watcher: Watcher, table: ExchangeTable) -> None:
    live = Live(table, watcher.described.append)
    flow, body = streaming(table)
    body += b"data: 1\n\n"
    live.show()
    live.show()
    body += b"data: 2\n\n"
    live.show()
    assert watcher.updates == [b"data: 1\n\n", b"data: 1\n\ndata: 2\n\n"]
    assert watcher.described == [flow, flow]


def test_what_is_over_is_left_alone(watcher: Watcher, table: ExchangeTable) -> None:
    live = Live(table, watcher.described.append)
    flow, body = streaming(table)
    body += b"x"
    live.show()
    table.forget(flow)
    live.show()
    assert len(watcher.updates) == 1


def test_several_at_once(watcher: Watcher, table: ExchangeTable) -> None:
    live = Live(table, watcher.described.append)
    for text in (b"a", b"b"):
        streaming(table)[1].extend(text)
    live.show()
    assert sorted(filter(None, watcher.updates)) == [b"a", b"b"]
