"""PARLEY_REDIS_URL: checked without connecting, shown without its password."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import SplitResult, parse_qsl, urlsplit

SCHEMES = ("redis", "rediss")
_FILES = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_QUERY = _FILES | {"ssl_cert_reqs", "ssl_check_hostname"}
_PORT = 6379
_FORM = "Write redis://HOST:PORT/DATABASE or rediss://… (TLS), with USER:PASSWORD@ before the host where one is asked."


def complaint(url: str) -> tuple[str, str] | None:
    """What is wrong and what to do; neither quotes anything of the address."""
    parts = _parts(url)
    if parts is None:
        return "is no address.", _FORM
    if parts.scheme not in SCHEMES:
        return "has an unknown scheme.", _FORM
    if not parts.hostname:
        return "names no host.", _FORM
    if not parts.path.strip("/").isdecimal() and parts.path.strip("/"):
        return "names a database that is no number.", _FORM
    if parts.fragment or not {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} <= _QUERY:
        return "has a part that is not known.", f"After a '?' may stand {', '.join(sorted(_QUERY))}."
    if find_spec("redis") is None:
        return "needs the package redis.", "Install it: pip install 'parley[redis]'."
    return None


def shown(url: str) -> str:
    """Host, port and database."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or _PORT}/{parts.path.strip('/') or 0}"


def password(url: str) -> str:
    return urlsplit(url).password or ""


def _parts(url: str) -> SplitResult | None:
    """None where even its port cannot be read."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
