"""Where no request may be sent, judged after name resolution: a name says nothing about where it leads.

An address that hides another one (IPv4 in IPv6 in its several forms) is judged by both.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from proxy_core.errors import Fault, FaultKind, ParleyError

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network
type Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_METADATA_NAMES = frozenset(
    {
        "metadata.google.internal",
        "metadata.goog",
        "metadata",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.azure.internal",
        "metadata.tencentyun.com",
        "metadata.platformequinix.com",
        "rancher-metadata",
    }
)
_METADATA_ADDRESSES = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Azure, GCP, DigitalOcean, …
            "169.254.170.2",  # ECS task credentials
            "169.254.170.23",  # EKS pod identity
            "fd00:ec2::254",  # AWS over IPv6
            "fd00:ec2::23",
            "fd20:ce::254",  # GCP over IPv6
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure's wire server
            "192.0.0.192",  # Oracle
        ),
    )
)
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")
_THIS_HOST = IPv4Network("0.0.0.0/8")
_NUMERIC_LAST = re.compile(r"(.*\.)?(0x[0-9a-f]*|\d+)", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.IGNORECASE)
_LOOKUP_SECONDS = 10.0


def is_own_address(address: Address) -> bool:
    """Whether it is one of this machine's: a socket can be bound to it."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """`own_ports` are those that we listen on, mitmweb's too. `configured` are hosts with ports that the configuration
    names: they may be private or on this machine. `networks` may be reached although private. Our own ports, link-local
    and metadata addresses are never let through."""

    own_ports: frozenset[int] = frozenset()
    configured: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[Network, ...] = ()
    loopback: bool = True
    private: bool = False
    is_own: Callable[[Address], bool] = is_own_address


def policy_for_configured(policy: TargetPolicy, urls: Sequence[str]) -> TargetPolicy:
    """`policy` that lets through what `urls` of the configuration name: backends, the model list."""
    places = {place for url in urls if (place := _place_or_none(url))}
    return TargetPolicy(
        policy.own_ports, policy.configured | places, policy.networks, policy.loopback, policy.private, policy.is_own
    )


def check_target(url: str, addresses: Sequence[str], policy: TargetPolicy) -> None:
    """Raises ParleyError(PERMISSION) unless every address that the URL's host has may be reached."""
    host, port = place_of(url)
    check_addresses(host, port, addresses, policy)


def place_of(url: str) -> tuple[str, int]:
    """Host and port of an http or https URL. Raises ParleyError for anything whose meaning parsers differ about."""
    if any(ord(character) <= 0x20 or character in '\\<>"^`{|}' for character in url):
        raise _refused(url[:80], "has characters that no URL may have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(url[:80], "is no URL") from None
    if parts.scheme not in ("http", "https"):
        raise _refused(url[:80], "is neither http nor https")
    if parts.username is not None or parts.password is not None:
        raise _refused(parts.hostname or "", "comes with a user name")
    return checked_host(parts.hostname or ""), port if port is not None else (443 if parts.scheme == "https" else 80)


def checked_host(host: str) -> str:
    """In lower case, without brackets and final dot. Numbers have to be an address in its one usual form: 2130706433,
    0177.0.0.1 and 127.1 lead to this machine in some parsers and nowhere in others."""
    plain = _ascii(host).lower().removeprefix("[").removesuffix("]").removesuffix(".")
    address = _address(plain)
    if "%" in plain or (address is None and (":" in plain or _NUMERIC_LAST.fullmatch(plain))):
        raise _refused(host[:80], "is no address in its usual form")
    if address is None and not _NAME.fullmatch(plain):
        raise _refused(host[:80], "is no host")
    if plain in _METADATA_NAMES:
        raise _refused(plain, "is a metadata service")
    return plain


def check_addresses(host: str, port: int, addresses: Sequence[str], policy: TargetPolicy) -> None:
    """The same for a host and port that were named apart, such as in CONNECT."""
    host = checked_host(host)
    if not addresses:
        raise _refused(host, "has no address")
    for text in addresses:
        address = _address(text.partition("%")[0])
        if address is None:
            raise _refused(host, "has an address that cannot be read")
        for meant in _meant(address):
            if reason := _objection(meant, host, port, policy):
                raise _refused(host, reason)


def _objection(address: Address, host: str, port: int, policy: TargetPolicy) -> str | None:
    if address in _METADATA_ADDRESSES:
        return "leads to a metadata service"
    if port in policy.own_ports and (address in _THIS_HOST or policy.is_own(address)):
        return f"leads back to this proxy (port {port})"
    if address.is_link_local:
        return "leads to a link-local address"
    if address.is_multicast or address == IPv4Address("255.255.255.255"):
        return "leads to more than one machine"
    if (host, port) in policy.configured or any(address in network for network in policy.networks):
        return None
    if address.is_unspecified or address in _THIS_HOST:
        return "has no address to go to"
    if address.is_loopback:
        return None if policy.loopback else "leads to this machine, which is allowed only where configured"
    if not address.is_global and not policy.private:
        return "leads to a private address; network.allow in addons.yaml names those that may be reached"
    return None


def _meant(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 addresses that an IPv6 address may stand for."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        yield address.ipv4_mapped
        return
    yield address
    if isinstance(address, IPv4Address):
        return
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    is_compatible = address in _COMPATIBLE and int(address) > 1
    if is_compatible or any(address in network for network in _NAT64):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _ascii(host: str) -> str:
    """Names in other scripts as DNS knows them; full-width digits and dots become plain ones."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise _refused(host[:80], "is no host") from None


def _place_or_none(url: str) -> tuple[str, int] | None:
    try:
        return place_of(url)
    except ParleyError:
        return None


def _refused(what: str, why: str) -> ParleyError:
    return ParleyError(Fault(FaultKind.PERMISSION, f"{what or 'The address'} {why}."))


async def resolve(host: str, port: int) -> list[str]:
    """Every address of `host`, in the order to try them. Raises OSError, TimeoutError."""
    async with asyncio.timeout(_LOOKUP_SECONDS):
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_addresses(host: str, port: int, policy: TargetPolicy, resolve: Resolve = resolve) -> list[str]:
    """The addresses to connect to, and to no others: a second look-up may be answered otherwise.

    Raises ParleyError(PERMISSION); OSError where the name cannot be resolved.
    """
    plain = checked_host(host)
    addresses = [plain] if _address(plain) else list(await resolve(plain, port))
    check_addresses(plain, port, addresses, policy)
    return addresses
