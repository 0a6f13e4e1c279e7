# ruff: noqa: ASYNC109 - the signatures are httpcore's
"""httpx through the guard, against a network in memory."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
import pytest

from proxy_core.errors import ParleyError
from proxy_core.guards.addresses import TargetPolicy
from proxy_core.guards.transport import GuardedTransport, TargetRefused

POLICY = TargetPolicy(own_ports=frozenset({8000}), is_own=lambda address: address.is_loopback)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, network: _Network, answer: bytes) -> None:
        self._network = network
        self._answer = answer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        answer, self._answer = self._answer, b""
        return answer

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._network.sent += buffer

    async def aclose(self) -> None:
        pass

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self._network.tls_names.append(server_hostname)
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


class _Network(httpcore.AsyncNetworkBackend):
    """Answers by the address that was connected to."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.connected: list[str] = []
        self.tls_names: list[str | None] = []
        self.sent = b""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append(f"{host}:{port}")
        if host not in self.answers:
            raise httpcore.ConnectError("refused")
        return _Stream(self, self.answers[host])


class _Names:
    """A resolver whose later answers may differ, as in DNS rebinding."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self.answers[host.partition(".")[0]]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def get(url: str, names: _Names, network: _Network) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = GuardedTransport(POLICY, resolve=names, network=network, verify=ssl.create_default_context())
        async with httpx.AsyncClient(transport=transport, follow_redirects=True) as client:
            return await client.get(url)

    return asyncio.run(run())


def redirect(to: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def test_the_checked_address_is_the_one_connected_to():
    names, network = _Names(api=[["93.184.215.14"], ["127.0.0.1"]]), _Network({"93.184.215.14": OK})
    assert get("http://api.example/v1", names, network).text == "ok"
    assert names.asked == ["api.example"]
    assert network.connected == ["93.184.215.14:80"]
    assert b"Host: api.example\r\n" in network.sent


def test_certificates_are_asked_for_by_name():
    network = _Network({"93.184.215.14": OK})
    assert get("https://api.example/v1", _Names(api=[["93.184.215.14"]]), network).status_code == 200
    assert network.tls_names == ["api.example"]


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:8000/v1/models",
        "http://localhost:8000/",
        "http://[::ffff:127.0.0.1]:8000/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://inner.example/",
        "http://10.0.0.1/",
        "http://name:word@api.example/",
    ],
)
def test_every_redirect_is_checked(target: str):
    names = _Names(api=[["93.184.215.14"]], inner=[["10.0.0.1"]], localhost=[["127.0.0.1"]])
    network = _Network({"93.184.215.14": redirect(target)})
    with pytest.raises(TargetRefused) as caught:
        get("http://api.example/v1", names, network)
    assert isinstance(caught.value, ParleyError)
    assert isinstance(caught.value, httpx.HTTPError)
    assert network.connected == ["93.184.215.14:80"]


def test_rebinding_between_two_requests_is_refused():
    names = _Names(api=[["93.184.215.14"], ["10.0.0.1"]])
    network = _Network({"93.184.215.14": redirect("http://api.example/again")})
    with pytest.raises(TargetRefused):
        get("http://api.example/v1", names, network)


def test_redirects_to_fine_places_are_followed():
    names = _Names(api=[["93.184.215.14"]], other=[["93.184.215.15"]])
    network = _Network({"93.184.215.14": redirect("http://other.example/"), "93.184.215.15": OK})
    assert get("http://api.example/v1", names, network).text == "ok"


def test_the_next_address_is_tried():
    names, network = _Names(api=[["93.184.215.13", "93.184.215.14"]]), _Network({"93.184.215.14": OK})
    assert get("http://api.example/v1", names, network).text == "ok"
    assert network.connected == ["93.184.215.13:80", "93.184.215.14:80"]


def test_names_that_lead_nowhere_are_connect_errors():
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    async def run() -> None:
        transport = GuardedTransport(POLICY, resolve=nowhere, verify=ssl.create_default_context())
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get("http://api.example/")

    with pytest.raises(httpx.ConnectError):
        asyncio.run(run())
