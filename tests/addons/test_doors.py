from __future__ import annotations

import pytest
from mitmproxy.proxy import mode_specs
from mitmproxy.test.tflow import tclient_conn

from addons.doors import Doors
from proxy_core.config.settings import Settings
from proxy_core.errors import ParleyError
from tests.serving.asking import settings

KEY = "client-key-0123456789"
SHOWN = {"proxy-authorization": f"Bearer {KEY}"}


def _settings(proxy_host: str = "127.0.0.1") -> Settings:
    return settings(proxy_host=proxy_host, client_key=KEY)


def _client(address: str, mode: str = "regular@0.0.0.0:8080"):
    client = tclient_conn()
    client.peername = (address, 50000)
    client.proxy_mode = mode_specs.ProxyMode.parse(mode)
    return client


@pytest.mark.parametrize("address", ["192.0.2.7", "fd00::2", "::ffff:192.0.2.7", "fe80::1%eth0", "unreadable"])
def test_whoever_comes_from_elsewhere_is_asked_also_where_only_the_mode_says_so(address: str) -> None:
    with pytest.raises(ParleyError) as refused:
        Doors().check(_client(address), {}, _settings())
    assert refused.value.fault.status == 407
    Doors().check(_client(address), SHOWN, _settings())


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_asked_only_where_the_listener_is_configured_for_others(address: str) -> None:
    Doors().check(_client(address), {}, _settings())
    with pytest.raises(ParleyError):
        Doors().check(_client(address), {}, _settings("0.0.0.0"))


def test_requests_in_a_tunnel_need_not_show_the_key_again() -> None:
    doors, client = Doors(), _client("192.0.2.7")
    with pytest.raises(ParleyError):
        doors.check_connect(client, {}, _settings())
    with pytest.raises(ParleyError):
        doors.check(client, {}, _settings())
    doors.check_connect(client, SHOWN, _settings())
    doors.check(client, {}, _settings())
    doors.forget(client)
    with pytest.raises(ParleyError):
        doors.check(client, {}, _settings())


def test_a_key_shown_with_one_request_does_not_speak_for_the_next() -> None:
    doors, client = Doors(), _client("192.0.2.7")
    doors.check(client, SHOWN, _settings())
    with pytest.raises(ParleyError):
        doors.check(client, {}, _settings())


def test_programs_that_are_redirected_on_this_machine_are_not_asked() -> None:
    Doors().check(_client("192.0.2.7", "local:curl"), {}, _settings())
