"""Where connections may go, by the settings and by what mitmproxy listens on."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from mitmproxy import ctx
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy import mode_specs

from proxy_core.config.settings import Settings
from proxy_core.guards.addresses import TargetPolicy, policy_for_configured


def target_policy(settings: Settings) -> TargetPolicy:
    urls = [backend.base_url for backend in settings.backends.values() if backend.base_url]
    if settings.model_list_url:
        urls.append(settings.model_list_url)
    networks = tuple(ip_network(network, strict=False) for network in settings.network.allow)
    policy = TargetPolicy(own_ports=_own_ports(), configured=frozenset(_named_targets()), networks=networks)
    return policy_for_configured(policy, urls)


def _named_targets() -> Iterator[tuple[str, int]]:
    """Where reverse modes lead that the user named."""
    proxyserver = ctx.master.addons.get("proxyserver")
    for server in proxyserver.servers if isinstance(proxyserver, Proxyserver) else ():
        if isinstance(server.mode, mode_specs.ReverseMode):
            yield server.mode.address[0], server.mode.address[1]


def _own_ports() -> frozenset[int]:
    proxyserver = ctx.master.addons.get("proxyserver")
    ports = {address[1] for address in proxyserver.listen_addrs()} if isinstance(proxyserver, Proxyserver) else set()
    if "web_port" in ctx.options:
        ports.add(ctx.options.web_port)
    return frozenset(ports)
