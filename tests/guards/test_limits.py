from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_core.errors import ParleyError
from proxy_core.guards.limits import (
    ClientClock,
    OpenStreams,
    Patience,
    check_depth,
    check_header_size,
    check_header_text,
    check_proxy_authorization,
    overdue,
)


def status(check, *arguments) -> int:
    with pytest.raises(ParleyError) as caught:
        check(*arguments)
    return caught.value.fault.http_status


def test_header_size():
    pairs = [("a" * 10, "b" * 86)]
    check_header_size(pairs, 100)
    assert status(check_header_size, pairs, 99) == 431
    assert status(check_header_size, [("x", "")] * 30, 100) == 431


@pytest.mark.parametrize("value", ["a\rx-evil: b", "a\r\n b", "a\nb", "a\0b", "\r"])
def test_a_header_is_one_line(value: str):
    check_header_text([("x-note", "a b\tc\u00e9")])
    assert status(check_header_text, [("x-note", value)]) == 400


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":[', "]}]"), ('{"[":[1,', "]}")])
@pytest.mark.parametrize(
    "padding", ["", '"[[[[[[[[[[[[[[[[[[[[[[[[", ', '"\\"[[[[[[[[[[[[[[[[", ', '"\\\\", [[], {}], ']
)
def test_depth_at_the_limit(opening: str, closing: str, padding: str):
    levels = opening.count("[") + opening.count("{") - opening.count('"[')
    nested = opening * (36 // levels) + "1" + closing * (36 // levels)
    body = f"[{padding}{nested}]".encode()
    json.loads(body)
    check_depth(body, 37)
    assert status(check_depth, body, 36) == 400


@pytest.mark.parametrize(
    "body",
    [b"[" * 1_000_000, b'{"a":' * 200_000, b"[{" * 300_000, b'["' + b"[" * 10 + b'",' + b"[" * 500_000],
    ids=["open arrays", "open objects", "both", "after a string"],
)
def test_deep_bodies_are_refused(body: bytes):
    assert status(check_depth, body, 200) == 400


@pytest.mark.parametrize(
    "value",
    [
        {"text": "[" * 10_000},
        {"text": '"[' * 10_000},
        {"text": "\\" * 999 + '"' + "[" * 500},
        [[]] * 10_000,
        [{"a": [1, {"b": {}}]}] * 5000,
        {"text": "\\"},
    ],
)
def test_flat_bodies_pass(value: object):
    check_depth(json.dumps(value).encode(), 20)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


_TEXT = st.text('ab"\\[]{}\n', max_size=6)
_JSON = st.recursive(
    _TEXT | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=30,
)


@given(_JSON)
def test_depth_is_exact(value: object):
    body = json.dumps(value).encode()
    depth = _depth(value)
    check_depth(body, depth)
    if depth:
        assert status(check_depth, body, depth - 1) == 400


def test_streams_are_counted():
    streams = OpenStreams(total=3, per_client=2)
    streams.enter("a")
    streams.enter("a")
    with pytest.raises(ParleyError) as caught:
        streams.enter("a")
    assert caught.value.fault.http_status == 429
    assert caught.value.fault.retry_after
    streams.enter("b")
    assert status(streams.enter, "c") == 429
    streams.leave("a")
    streams.enter("c")
    assert streams.count == 3
    for client in ("a", "b", "c"):
        streams.leave(client)
    assert streams.count == 0
    assert not streams._open


@pytest.mark.parametrize(
    ("clock", "now", "expected"),
    [
        (ClientClock(last_byte=0), 599, None),
        (ClientClock(last_byte=0), 601, "asked for nothing"),
        (ClientClock(last_byte=100, request_began=99), 130, None),
        (ClientClock(last_byte=100, request_began=99), 131, "sent nothing"),
        (ClientClock(last_byte=299, request_began=0), 301, "took more than 300 s"),
        (ClientClock(last_byte=0, blocked_since=1000), 1299, None),
        (ClientClock(last_byte=0, blocked_since=1000), 1301, "took nothing"),
    ],
)
def test_slow_clients(clock: ClientClock, now: float, expected: str | None):
    reason = overdue(clock, Patience(), now)
    assert (reason or "").startswith(expected or "")
    assert bool(reason) == bool(expected)


def _basic(text: str) -> dict[str, str]:
    return {"proxy-authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    "headers",
    [_basic("parley:key-1"), _basic("key-1:"), _basic("key-1"), {"proxy-authorization": "bearer key-1"}],
)
def test_proxy_key_is_taken(headers: dict[str, str]):
    check_proxy_authorization(headers, "key-1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"proxy-authorization": ""},
        {"proxy-authorization": "key-1"},
        {"proxy-authorization": "Bearer"},
        {"proxy-authorization": "Bearer key-2"},
        {"proxy-authorization": "Digest key-1"},
        {"proxy-authorization": "Basic %%%"},
        {"proxy-authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        {"authorization": "Bearer key-1"},
        _basic("parley:key-"),
        _basic("parley:key-11"),
        _basic("parley:kéy-1"),
    ],
)
def test_proxy_key_is_demanded(headers: dict[str, str]):
    assert status(check_proxy_authorization, headers, "key-1") == 407


def test_no_key_is_asked_on_loopback():
    check_proxy_authorization({}, None)
