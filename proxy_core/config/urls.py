"""Base URLs as people write them, to the one form the rest relies on: version at the end, no slash behind it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from proxy_core.config.values import http_url
from proxy_core.turn.content import ProtocolName

VERSION_OF: dict[ProtocolName, str] = {
    "openai_chat": "v1",
    "openai_responses": "v1",
    "anthropic": "v1",
    "gemini": "v1beta",
    "cohere": "v2",
}
_VERSION = re.compile(r"v\d+(\.\d+)?((alpha|beta|preview)\d*)?")
_ENDPOINT = re.compile(r"/(chat/completions|completions|responses|messages|embeddings|models)/?$|(?<=/v\d)/chat/?$")
_OTHER_VERSIONS: dict[ProtocolName, re.Pattern[str]] = {"cohere": re.compile(r"v[013-9]|v\d\d+")}
"""Those that hold another API, which is not spoken."""


def normalise(url: str, protocol: ProtocolName, version: str | None = None) -> str:
    """`https://host` and `https://host/v1/` both become `https://host/v1`.

    A path that already holds a version (`/openai/v1`, `/api/paas/v4`, `/v1beta/openai`) is kept. `version` replaces
    the protocol's own; an empty one appends nothing. A pasted endpoint (`…/v1/chat/completions`) is cut back.
    Raises ValueError with the reason.
    """
    parts = urlsplit(http_url(url))
    if parts.query or parts.fragment:
        raise ValueError("must not have a query or fragment.")
    path = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    other = _OTHER_VERSIONS.get(protocol)
    if other and other.fullmatch(path.rpartition("/")[2]):
        raise ValueError(f"must not name another version than {VERSION_OF[protocol]}, the only one that is spoken.")
    wanted = VERSION_OF[protocol] if version is None else version.strip("/")
    if wanted and not any(_VERSION.fullmatch(segment) for segment in path.split("/")):
        path = f"{path}/{wanted}"
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), path, "", ""))


def host_and_port(url: str) -> str:
    """`host:port`, the scheme's own port filled in."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def is_local(url: str) -> bool:
    """Whether a base URL points at this machine or its private network, where servers commonly need no key."""
    name = urlsplit(url).hostname or ""
    private = r"localhost|127\..*|::1|10\..*|192\.168\..*|172\.(1[6-9]|2\d|3[01])\..*|.*\.(local|lan|internal)|[^.]+"
    return re.fullmatch(private, name) is not None and not name.startswith("xn--")
