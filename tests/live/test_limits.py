"""More than is allowed of anything is refused with a reason, who is too slow is hung up on; others are served."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.live.attacking import LIMITS, PATIENCE, config, raw, status_of, through, wait_for
from tests.live.program import Program
from tests.live.test_bad_input import KEY, PROTOCOLS, assert_serves, body, path, sentence
from tests.live.vendors.said import Said, data
from tests.live.vendors.upstream import Raw, Upstream


@pytest.fixture(scope="module")
def limited(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """With limits so small that they are soon reached."""
    program = Program(tmp_path_factory.mktemp("limited"), config(vendors, LIMITS)).wait()
    yield program
    program.stop()


def test_too_much(limited: Program, vendors: Upstream, http: httpx.Client) -> None:
    url = limited.base + path("anthropic")
    large = http.post(url, content=json.dumps(body("anthropic", text="x" * 1_200_000)), headers=KEY)
    assert (large.status_code, "limits.body_mib" in sentence("anthropic", large)) == (413, True)
    chunked = http.post(url, content=(b"x" * 100_000 for _ in range(20)), headers=KEY)
    assert chunked.status_code == 413
    packed = gzip.compress(json.dumps(body("anthropic", text="x" * 1_200_000)).encode())
    bomb = http.post(url, content=packed, headers={**KEY, "content-encoding": "gzip"})
    assert bomb.status_code == 413
    heavy = http.post(url, json=body("anthropic"), headers={**KEY, "x-note": "x" * 9000})
    assert (heavy.status_code, "limits.header_kib" in sentence("anthropic", heavy)) == (431, True)
    many = http.post(url, json=body("anthropic"), headers=[*KEY.items(), *((f"x-{n}", "y") for n in range(1000))])
    assert many.status_code == 431
    nested: Any = "deep"
    for _ in range(25):
        nested = [nested]
    deep = http.post(url, json=body("anthropic", metadata=nested), headers=KEY)
    assert (deep.status_code, "20 levels" in sentence("anthropic", deep)) == (400, True)
    assert vendors.received == []
    assert_serves(limited, http)


@pytest.mark.parametrize("size", [900_000, 3_000_000])
def test_a_large_upload_that_is_none_of_ours(size: int, limited: Program, vendors: Upstream) -> None:
    """It arrives whole or is refused: nothing that we have not seen is sent on."""
    answer = through(limited.proxy, vendors.url("openai_chat") + "/v1/files", "PUT", content=b"x" * size)
    (received,) = vendors.others or [None]
    assert (answer.status_code, len(received.body) if received else 0) in ((200, size), (413, 0))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_event_without_end(protocol: str, parley: Program, vendors: Upstream, http: httpx.Client) -> None:
    mebibyte = b"x" * (1 << 20)
    vendors.will_say(Raw([b'data: {"', *[mebibyte] * 66], content_type="text/event-stream", then="hold"))
    sent = body(protocol, "anthropic:m") | ({} if protocol == "gemini" else {"stream": True})
    answer = http.post(parley.base + path(protocol, "anthropic:m", streamed=True), json=sent, headers=KEY)
    assert answer.status_code == 502
    assert "event of over" in sentence(protocol, answer)
    assert vendors.next_request().hung_up.wait(PATIENCE)
    assert_serves(parley, http)


def _piece(text: str) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    return data({"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def test_more_streams_than_one_client_may_have(limited: Program, vendors: Upstream, http: httpx.Client) -> None:
    begun = [_piece("Once")]
    held = Raw(begun, content_type="text/event-stream", then="hold")
    vendors.will_say(held, held, Said("again"))
    url, sent = limited.base + path("openai_chat"), body("openai_chat", stream=True)
    with contextlib.ExitStack() as open_streams:
        for number in range(2):
            client = open_streams.enter_context(httpx.Client(trust_env=False, timeout=PATIENCE))
            open_streams.enter_context(client.stream("POST", url, json=sent, headers=KEY))
            vendors.next_request(number)
        refused = http.post(url, json=body("openai_chat"), headers=KEY)
        assert refused.status_code == 429
        assert float(refused.headers["retry-after"]) > 0
        assert "under way" in sentence("openai_chat", refused)
        assert http.get(limited.base + "/health").status_code == 200
    after = wait_for(lambda: http.post(url, json=body("openai_chat"), headers=KEY), lambda found: found.is_success)
    assert after.json()["choices"][0]["message"]["content"] == "again"


HEAD = f"POST {path('openai_chat')} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {KEY['authorization']}\r\n".encode()


@pytest.mark.parametrize(
    ("begun", "more"),
    [
        pytest.param(HEAD, b"", id="head stops"),
        pytest.param(HEAD, b"X-Slow: 1\r\n", id="head trickles"),
        pytest.param(HEAD + b"Content-Length: 100000\r\n\r\n{", b"", id="body stops"),
        pytest.param(HEAD + b"Content-Length: 100000\r\n\r\n{", b" ", id="body trickles"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", id="chunks trickle"),
    ],
)
def test_clients_that_never_finish(
    begun: bytes, more: bytes, limited: Program, vendors: Upstream, http: httpx.Client
) -> None:
    address = httpx.URL(limited.base)
    with socket.create_connection((address.host, address.port or 0), PATIENCE) as client:
        client.sendall(begun)
        assert hung_up(client, more)
    assert vendors.received == []
    assert_serves(limited, http)


def hung_up(client: socket.socket, more: bytes) -> bool:
    """Whether the proxy hangs up on a client that sends `more` every tenth of a second."""
    client.settimeout(0.1)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if more:
                client.sendall(more)
            if client.recv(1 << 16) == b"":
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


def test_a_client_that_takes_nothing_of_its_answer(limited: Program, vendors: Upstream, http: httpx.Client) -> None:
    words = random.Random(1)
    pieces = [_piece(words.randbytes(30_000).hex()) for _ in range(400)]
    vendors.will_say(Raw(pieces, content_type="text/event-stream", then="hold"))
    content = json.dumps(body("openai_chat", stream=True)).encode()
    address = httpx.URL(limited.base)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((address.host, address.port or 0))
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content)
        assert vendors.next_request().hung_up.wait(PATIENCE)
    limited.heard("it took nothing of its answer for 0.4 s")
    assert_serves(limited, http)


def test_a_client_that_is_only_slow_is_served(limited: Program, vendors: Upstream) -> None:
    """Each byte counts against silence; an idle connection between two requests may stay."""
    content = json.dumps(body("openai_chat")).encode()
    address = httpx.URL(limited.base)
    with socket.create_connection((address.host, address.port or 0), PATIENCE) as client:
        for _ in range(2):
            client.settimeout(0.05)
            for piece in (HEAD + b"Content-Length: %d\r\n\r\n" % len(content), content[:9], content[9:18]):
                client.sendall(piece)
                with pytest.raises(TimeoutError):
                    client.recv(1)
            client.settimeout(PATIENCE)
            client.sendall(content[18:])
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")


def test_malformed_requests(parley: Program, http: httpx.Client, vendors: Upstream) -> None:
    """What one parser may read otherwise than the next one."""
    two_lengths = raw(
        parley.base, *HEAD.decode().strip().split("\r\n"), "Content-Length: 5", "Content-Length: 6", content=b"{}   x"
    )
    both = raw(
        parley.base,
        *HEAD.decode().strip().split("\r\n"),
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        content=b"0\r\n\r\n",
    )
    binary = raw(parley.base, "\x00\x01\x02 \x00")
    content = json.dumps(body("openai_chat")).encode()
    head = [*HEAD.decode().strip().split("\r\n"), f"Content-Length: {len(content)}"]
    more = [raw(parley.base, *head, f"X-Note: a{end}x-evil: b", content=content) for end in ("\r", "\0", "\r\n ")]
    assert [status_of(answer) for answer in (two_lengths, both, binary, *more)] == [400] * 6
    assert vendors.received == []
    assert_serves(parley, http)
