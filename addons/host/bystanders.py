"""mitmproxy's own addons that look at every request although they have nothing to do with it."""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.addons.asgiapp import ASGIApp
from mitmproxy.addons.maplocal import MapLocal

map_local_originally = MapLocal.request
should_serve_originally = ASGIApp.should_serve


def map_local(self: MapLocal, flow: http.HTTPFlow) -> None:
    """Takes the URL apart only where something is mapped."""
    if self.replacements:
        map_local_originally(self, flow)


def should_serve(self: ASGIApp, flow: http.HTTPFlow) -> bool:
    """Compares the port, which costs nothing, before the host."""
    if self.port is not None and flow.request.port != self.port:
        return False
    return should_serve_originally(self, flow)
