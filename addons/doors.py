"""Whom the HTTP_PROXY listener asks for the client key: whoever does not come from this machine."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

from mitmproxy.connection import Client
from mitmproxy.proxy import mode_specs

from proxy_core.config.settings import Settings
from proxy_core.config.values import is_loopback
from proxy_core.guards.limits import check_proxy_authorization

_NEVER_FROM_OUTSIDE = (mode_specs.LocalMode, mode_specs.WireGuardMode)
"""This machine's own programs, and clients that have shown a key of WireGuard's."""


class Doors:
    def __init__(self) -> None:
        self._shown: set[str] = set()

    def check_connect(self, client: Client, headers: Mapping[str, str], settings: Settings) -> None:
        """Raises ParleyError with status 407. Requests within the tunnel cannot show the key, and need not."""
        self.check(client, headers, settings)
        self._shown.add(client.id)

    def check(self, client: Client, headers: Mapping[str, str], settings: Settings) -> None:
        """Raises ParleyError with status 407."""
        if client.id not in self._shown and _asks(client, settings):
            check_proxy_authorization(headers, None if settings.auth_disabled else settings.client_key)

    def forget(self, client: Client) -> None:
        self._shown.discard(client.id)


def _asks(client: Client, settings: Settings) -> bool:
    """By the client's address too: --mode and --listen-host open listeners of which the settings know nothing."""
    if isinstance(client.proxy_mode, _NEVER_FROM_OUTSIDE):
        return False
    return not is_loopback(settings.proxy_host) or not _is_here(client.peername[0] if client.peername else "")


def _is_here(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback
