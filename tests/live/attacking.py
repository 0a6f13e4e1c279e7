"""What the tests of attacks and of limits share."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.live.vendors.upstream import Upstream

PATIENCE = 5
"""Seconds until what should have happened is given up on."""
LIMITS = (
    "limits: {body_mib: 1, decoded_mib: 1, header_kib: 8, json_depth: 20, streams_per_client: 2, "
    "request_seconds: 0.8, silence_seconds: 0.4, reading_seconds: 0.4}\n"
    "network: {origins: ['https://chat.example']}\n"
)


def config(upstream: Upstream, more: str = "") -> str:
    backends = "".join(
        f"  {name}: {{protocol: {name}, base_url: {upstream.url(protocol)}, api_key: sk-upstream-{name}}}\n"
        for name, protocol in {"openai_chat": "openai_chat", "openai": "openai_chat", "anthropic": "anthropic"}.items()
    ).replace("protocol: openai,", "protocol: openai_chat,")
    return f"settings: {{default_backend: openai_chat}}\nbackends:\n{backends}{more}"


def raw(base: str, *lines: str, content: bytes = b"") -> bytes:
    """All of the answer to a request that no HTTP library would send."""
    address = httpx.URL(base)
    with socket.create_connection((address.host, address.port or 0), PATIENCE) as connection:
        connection.settimeout(PATIENCE)
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + content)
        return _to_the_end(connection)


def _to_the_end(connection: socket.socket) -> bytes:
    """Until the proxy hangs up; patience ends with TimeoutError."""
    pieces = []
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    return b"".join(pieces)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def wait_for[Found](look: Callable[[], Found], fits: Callable[[Found], bool]) -> Found:
    """What `look` finds, as soon as it `fits`."""
    until = time.monotonic() + PATIENCE
    while not fits(found := look()):
        assert time.monotonic() < until, found
    return found


class Redirecting:
    """Sends everybody to `target`."""

    def __init__(self, target: str) -> None:
        self._answer = f"HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

    def __enter__(self) -> Redirecting:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(1 << 16)
                    connection.sendall(self._answer.encode())

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def through(proxy: str, url: str, method: str = "GET", **more: Any) -> httpx.Response:
    with httpx.Client(proxy=proxy, trust_env=False, timeout=PATIENCE) as client:
        return client.request(method, url, **more)
