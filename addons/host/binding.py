"""Puts our streams in the place of mitmproxy's."""

from __future__ import annotations

from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import HttpStream

from addons.host import timers
from addons.host.exchanges import ExchangeTable
from addons.host.hedging import HedgingStream
from addons.host.stream import ExchangeStream


def bind(table: ExchangeTable) -> None:
    """Has mitmproxy's HTTP layer make our streams: it looks the class up in its module, once for each stream."""
    timers.install(lambda: ExchangeStream.table.failover.connect)
    ExchangeStream.table = table
    http_layers.HttpStream = HedgingStream  # type: ignore[misc]


def unbind() -> None:
    """Gives mitmproxy its own streams back."""
    http_layers.HttpStream = HttpStream  # type: ignore[misc]
