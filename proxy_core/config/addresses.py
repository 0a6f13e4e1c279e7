"""Whether the two listeners can open side by side."""

from __future__ import annotations

from proxy_core.config.problems import Problem

type Address = tuple[str, int]
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})


def clash(base_url: Address, http_proxy: Address) -> Problem | None:
    """Port 0 is any free one."""
    (host, port), (other_host, other_port) = base_url, http_proxy
    if port != other_port or not port:
        return None
    if host != other_host and not {host, other_host} & _EVERYWHERE:
        return None
    reason = f"{port} is the port for HTTP_PROXY clients as well."
    return Problem("--port", reason, "Choose another, or give those another by --http-proxy-port.")
