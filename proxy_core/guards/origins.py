"""Keeps browser pages from driving the proxy: their requests name the page's origin, and a name that was rebound to
this machine still stands in Host. Programs send no Origin and are not concerned.

https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Origin
https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from proxy_core.errors import Fault, FaultKind, ParleyError

_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal", "host.containers.internal"})
"""The last two are the names by which containers know their host; no one else can give them out."""
_HOST = re.compile(r"(\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(:(?P<port>\d{1,5}))?", re.IGNORECASE)
_APPS = ("vscode-webview", "vscode-file", "app", "tauri", "capacitor", "ionic")
"""Schemes of desktop programs' windows. No page on the web has them."""
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})


@dataclass(frozen=True, slots=True)
class OwnNames:
    """`hosts` in lower case, without ports. `any_address`: Host may be any address written out; no name can be rebound
    to that. `origins` as `https://app.example:3000`; "*" means any."""

    hosts: frozenset[str] = _OWN_NAMES
    any_address: bool = False
    origins: frozenset[str] = frozenset()


def own_names(bound: str, hosts: tuple[str, ...] = (), origins: tuple[str, ...] = ()) -> OwnNames:
    """For a listener bound to `bound`, with further names and origins of the configuration."""
    named = frozenset(_bare(host) for host in (bound, *hosts) if host not in _WILDCARDS)
    allowed = frozenset(origin.lower().rstrip("/") for origin in origins)
    return OwnNames(_OWN_NAMES | named, bound in _WILDCARDS, allowed)


def check_origin(headers: Mapping[str, str], names: OwnNames) -> None:
    """Raises ParleyError(PERMISSION). `headers` find a name in lower case."""
    host = headers.get("host", "")
    if not _is_own_host(host, names):
        raise _refused(
            f"The request is for host {host[:80]!r}, which is not this proxy. Call it by its address, or name the host "
            "under network.hosts in addons.yaml."
        )
    origin = headers.get("origin")
    if origin is not None:
        if not (_is_same(origin, host) or _is_app(origin) or is_allowed(origin, names)):
            raise _refused(
                f"Pages of {origin[:80]!r} may not call this proxy; name the origin under network.origins in "
                "addons.yaml to allow it."
            )
    elif _is_foreign_fetch(headers):
        raise _refused("Pages of other sites may not call this proxy.")


def is_allowed(origin: str, names: OwnNames) -> bool:
    """Whether the configuration names it. `null`, the origin of sandboxed pages, has to be named itself."""
    plain = origin.lower()
    return plain in names.origins or ("*" in names.origins and plain != "null")


def cors_headers(headers: Mapping[str, str], names: OwnNames) -> list[tuple[str, str]]:
    """What an answer to a page of a configured origin carries; nothing for all others, so that CORS is off."""
    origin = headers.get("origin")
    if origin is None or not is_allowed(origin, names):
        return []
    return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin"), ("Access-Control-Expose-Headers", "*")]


def preflight_headers(headers: Mapping[str, str], names: OwnNames) -> list[tuple[str, str]]:
    """The answer to an OPTIONS request of a configured origin; empty for all others."""
    allowed = cors_headers(headers, names)
    if not allowed:
        return []
    wanted = headers.get("access-control-request-headers", "")
    if not re.fullmatch(r"[A-Za-z0-9_\-, ]*", wanted):
        wanted = ""
    more = [("Access-Control-Allow-Methods", "GET, POST, OPTIONS"), ("Access-Control-Max-Age", "600")]
    if wanted:
        more.append(("Access-Control-Allow-Headers", wanted))
    if headers.get("access-control-request-private-network") == "true":
        more.append(("Access-Control-Allow-Private-Network", "true"))
    return [*allowed, *more]


def _is_own_host(host: str, names: OwnNames) -> bool:
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = _bare(found["six"] or found["name"])
    return name in names.hosts or name.endswith(".localhost") or _is_written_out(name, names)


def _is_written_out(name: str, names: OwnNames) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return names.any_address or address.is_loopback


def _is_same(origin: str, host: str) -> bool:
    """Our own pages: the origin is the very host and port that is called."""
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return False
    default = {"http": ":80", "https": ":443"}.get(parts.scheme)
    return default is not None and parts.netloc.removesuffix(default) == host.lower().removesuffix(default)


def _is_app(origin: str) -> bool:
    return origin.partition("://")[0].lower() in _APPS


def _is_foreign_fetch(headers: Mapping[str, str]) -> bool:
    """An image, a script, a form of another page; but not a link that somebody followed."""
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return False
    followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"
    return not followed


def _bare(host: str) -> str:
    return host.lower().removeprefix("[").removesuffix("]").removesuffix(".")


def _refused(message: str) -> ParleyError:
    return ParleyError(Fault(FaultKind.PERMISSION, message))
