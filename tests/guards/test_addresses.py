"""Ways to make a proxy call what it must not, one row each."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.guards.addresses import (
    TargetPolicy,
    check_addresses,
    check_target,
    checked_addresses,
    is_own_address,
    place_of,
    policy_for_configured,
)

OWN = frozenset({8000, 8080, 8081})
LAN = ip_address("192.168.7.7")
POLICY = TargetPolicy(
    own_ports=OWN, is_own=lambda address: address.is_loopback or address.is_unspecified or address == LAN
)
PUBLIC = ["93.184.215.14"]


def refused(url: str, addresses: list[str], policy: TargetPolicy = POLICY) -> str:
    with pytest.raises(ParleyError) as caught:
        check_target(url, addresses, policy)
    assert caught.value.fault.kind is FaultKind.PERMISSION
    return caught.value.fault.message


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://api.example.com/v1", PUBLIC),
        ("https://api.example.com:8000/v1", PUBLIC),  # our port number, but not our address
        ("https://API.Example.com./v1", PUBLIC),
        ("https://[2606:4700::1111]/v1", ["2606:4700::1111"]),
        ("https://bücher.example/v1", PUBLIC),
        ("http://localhost:11434/v1", ["127.0.0.1", "::1"]),
        ("http://127.0.0.1:11434", ["127.0.0.1"]),
        ("http://[::1]:11434", ["::1"]),
        ("https://mapped.example", ["::ffff:93.184.215.14"]),
        ("https://nat64.example", ["64:ff9b::5db8:d70e"]),
    ],
)
def test_targets_that_are_fine(url: str, addresses: list[str]):
    check_target(url, addresses, POLICY)


@pytest.mark.parametrize("port", sorted(OWN))
@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        ("127.9.9.9", ["127.9.9.9"]),
        ("localhost", ["::1", "127.0.0.1"]),
        ("[::1]", ["::1"]),
        ("[::]", ["::"]),
        ("0.0.0.0", ["0.0.0.0"]),
        ("0.1.2.3", ["0.1.2.3"]),
        ("[::ffff:127.0.0.1]", ["::ffff:127.0.0.1"]),
        ("[::127.0.0.1]", ["::127.0.0.1"]),
        ("[64:ff9b::7f00:1]", ["64:ff9b::7f00:1"]),
        ("[2002:7f00:1::]", ["2002:7f00:1::"]),
        ("192.168.7.7", ["192.168.7.7"]),
        ("rebound.example", ["127.0.0.1"]),
        ("rebound.example", ["93.184.215.14", "127.0.0.1"]),
        ("127.0.0.1.nip.io", ["127.0.0.1"]),
        ("LOCALHOST.", ["127.0.0.1"]),
    ],
)
def test_nothing_leads_back_to_us(host: str, addresses: list[str], port: int):
    """Not even where the configuration names it, or allows everything private."""
    url = f"http://{host}:{port}/v1"
    open_policy = replace(policy_for_configured(POLICY, [url]), private=True, networks=(ip_network("0.0.0.0/0"),))
    assert "leads back" in refused(url, addresses, open_policy)


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://169.254.169.254/latest/meta-data/", ["169.254.169.254"]),
        ("http://169.254.170.2/v2/credentials", ["169.254.170.2"]),
        ("http://[fd00:ec2::254]/latest", ["fd00:ec2::254"]),
        ("http://[fd20:ce::254]/", ["fd20:ce::254"]),
        ("http://100.100.100.200/latest/meta-data", ["100.100.100.200"]),
        ("http://168.63.129.16/machine", ["168.63.129.16"]),
        ("http://metadata.google.internal/computeMetadata/v1/", ["169.254.169.254"]),
        ("http://METADATA.google.internal./", PUBLIC),
        ("http://[::ffff:169.254.169.254]/", ["::ffff:169.254.169.254"]),
        ("http://[::ffff:a9fe:a9fe]/", ["::ffff:a9fe:a9fe"]),
        ("http://[64:ff9b::a9fe:a9fe]/", ["64:ff9b::a9fe:a9fe"]),
        ("http://[2002:a9fe:a9fe::1]/", ["2002:a9fe:a9fe::1"]),
        ("http://169.254.169.254.nip.io/", ["169.254.169.254"]),
        ("http://link.example/", ["169.254.1.1"]),
        ("http://link.example/", ["fe80::1"]),
        ("http://link.example/", ["fe80::1%eth0"]),
        ("http://many.example/", ["224.0.0.1"]),
        ("http://many.example/", ["ff02::1"]),
        ("http://many.example/", ["255.255.255.255"]),
    ],
)
def test_metadata_and_link_local_are_never_called(url: str, addresses: list[str]):
    open_policy = replace(POLICY, private=True, networks=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    refused(url, addresses)
    refused(url, addresses, open_policy)
    refused(url, addresses, policy_for_configured(open_policy, [url]))


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.000.000.001",
        "10.0.0.010",
        "2852039166",
        "0xA9FEA9FE",
        "169.254.43518",
        "1.2.3.4.5",
        "256.1.1.1",
        "example.0x7f",
        "[::1%25lo]",
        "[fe80::1%eth0]",
        "[127.0.0.1",
        "①②⑦.①",
        "127。1",
        "",
        ".",
        "-a.example",
        "a b.example",
        "a\x00.example",
        "exa\nmple.com",
        "ex\\ample.com",
        "a,b.example",
        "a*.example",
    ],
)
def test_odd_spellings_of_hosts_are_refused(host: str):
    refused(f"http://{host}/", PUBLIC)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "ftp://example.com",
        "unix:///var/run/docker.sock",
        "//example.com/",
        "example.com",
        "http:///path",
        "http://user:password@example.com/",
        "http://api.example.com@127.0.0.1:8000/",
        "http://127.0.0.1:8000\\@api.example.com/",
        "http://example.com:99999/",
        "http://example.com:80:81/",
        "http://[::1/",
        "javascript:alert(1)",
    ],
)
def test_odd_urls_are_refused(url: str):
    refused(url, PUBLIC)


PRIVATE = ["10.0.0.5", "172.16.3.4", "192.168.1.1", "100.64.0.1", "fd12::1", "fc00::1", "198.18.0.1", "240.0.0.1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_only_where_configured(address: str):
    url = "http://models.example:8000/v1"
    assert "private" in refused(url, [address])
    check_target(url, [address], policy_for_configured(POLICY, [url]))
    check_target(url, [address], replace(POLICY, networks=(ip_network(address),)))
    check_target(url, [address], replace(POLICY, private=True))
    refused("http://other.example:8000/v1", [address], policy_for_configured(POLICY, [url]))
    refused("http://models.example:9000/v1", [address], policy_for_configured(POLICY, [url]))


def test_this_machine_can_be_closed():
    closed = replace(POLICY, loopback=False)
    for url, address in (("http://localhost:11434/", "127.0.0.1"), ("http://a.example:11434/", "::ffff:127.0.0.1")):
        refused(url, [address], closed)
    check_target("http://localhost:11434/", ["127.0.0.1"], policy_for_configured(closed, ["http://localhost:11434/v1"]))


def test_no_address_is_no_target():
    refused("http://nowhere.example/", [])
    refused("http://nowhere.example/", ["not an address"])


def test_host_and_port_of_connect():
    check_addresses("api.example.com", 443, PUBLIC, POLICY)
    for host in ("127.0.0.1", "::1", "[::1]"):
        with pytest.raises(ParleyError, match="leads back"):
            check_addresses(host, 8081, [host.strip("[]")], POLICY)


def test_places():
    assert place_of("https://Example.com") == ("example.com", 443)
    assert place_of("http://[2001:DB8::1]:81/a?b") == ("2001:db8::1", 81)


def test_own_addresses_are_recognised():
    assert is_own_address(ip_address("127.0.0.1"))
    assert is_own_address(ip_address("0.0.0.0"))
    assert not is_own_address(ip_address("192.0.2.1"))


async def _names(host: str, port: int) -> list[str]:
    return {"good.example": PUBLIC, "bad.example": ["93.184.215.14", "10.0.0.1"]}[host]


@pytest.mark.parametrize("host", ["GOOD.example.", "good.example"])
def test_resolved_addresses_are_those_to_connect_to(host: str):
    import asyncio

    assert asyncio.run(checked_addresses(host, 443, POLICY, _names)) == PUBLIC


def test_one_bad_address_spoils_the_name():
    import asyncio

    with pytest.raises(ParleyError):
        asyncio.run(checked_addresses("bad.example", 443, POLICY, _names))


def test_addresses_are_not_looked_up():
    import asyncio

    assert asyncio.run(checked_addresses("[2606:4700::1111]", 443, POLICY, _names)) == ["2606:4700::1111"]
