"""What mitmweb and the console remember stays within bounds, in number and in bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mitmproxy import http
from mitmproxy.addons.view import View
from mitmproxy.test import taddons

from addons.bounds import Bounds
from proxy_core.config.settings import Limits
from tests.addons.flows import client_flow

SMALL = 6 * 1024
"""Bytes that a flow with next to no body is counted as."""


@pytest.fixture
def view() -> Iterator[View]:
    view = View()
    with taddons.context(view):
        yield view


def over(bounds: Bounds, view: View, size: int = 0) -> http.HTTPFlow:
    flow = client_flow(b"", content=b"x" * size)
    view.add([flow])
    bounds.response(flow)
    return flow


def kept(view: View, flows: list[http.HTTPFlow]) -> list[bool]:
    return [view.get_by_id(flow.id) is not None for flow in flows]


def test_the_oldest_go_beyond_the_number(view: View) -> None:
    bounds = Bounds(lambda: Limits(flows=3))
    flows = [over(bounds, view) for _ in range(5)]
    assert kept(view, flows) == [False, False, True, True, True]


def test_the_oldest_go_beyond_the_bytes(view: View) -> None:
    bounds = Bounds(lambda: Limits(flows_bytes=4 * (SMALL + 1000)))
    flows = [over(bounds, view, 1000) for _ in range(5)]
    assert kept(view, flows) == [False, True, True, True, True]
    large = over(bounds, view, 2 * (SMALL + 1000))
    assert kept(view, [*flows, large]) == [False, False, False, False, True, True]


def test_a_flow_that_grew_is_counted_once(view: View) -> None:
    bounds = Bounds(lambda: Limits(flows_bytes=3 * SMALL))
    flow = over(bounds, view)
    for _ in range(10):
        bounds.response(flow)
    bounds.error(flow)
    second = over(bounds, view)
    assert kept(view, [flow, second]) == [True, True]


def test_flows_under_way_are_not_counted(view: View) -> None:
    bounds = Bounds(lambda: Limits(flows=1))
    under_way = client_flow()
    view.add([under_way])
    flows = [over(bounds, view), over(bounds, view)]
    assert kept(view, [under_way, *flows]) == [True, False, True]


def test_new_limits_hold_at_once(view: View) -> None:
    limits = [Limits(flows=5)]
    bounds = Bounds(lambda: limits[0])
    flows = [over(bounds, view) for _ in range(4)]
    limits[0] = Limits(flows=2)
    flows.append(over(bounds, view))
    assert kept(view, flows) == [False, False, False, True, True]


def test_what_somebody_removed_by_hand_does_no_harm(view: View) -> None:
    bounds = Bounds(lambda: Limits(flows=1))
    first = over(bounds, view)
    view.remove([first])
    second = over(bounds, view)
    assert kept(view, [first, second]) == [False, True]


def test_without_a_view_nothing_is_kept() -> None:
    bounds = Bounds(lambda: Limits(flows=1))
    with taddons.context():
        bounds.response(client_flow())
    assert not bounds._sizes
