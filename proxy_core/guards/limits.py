"""Sizes, depths, numbers and times beyond which a request is refused, and the HTTP_PROXY listener's key."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from proxy_core.errors import Fault, FaultKind, ParleyError, invalid

PROXY_AUTHENTICATE = ("Proxy-Authenticate", 'Basic realm="Parley"')
_HEADER_OVERHEAD = 4
_KEPT = b'"[]{}'
_DROPPED = bytes(byte for byte in range(256) if byte not in _KEPT)
_STEP = {byte: 1 if byte in b"[{" else -1 for byte in b"[]{}"}
_ROUNDS = 4
_RETRY_AFTER = 2.0


def check_header_size(pairs: Iterable[tuple[str | bytes, str | bytes]], limit: int) -> None:
    """`limit` in bytes over all names and values. Raises ParleyError with status 431."""
    size = sum(len(name) + len(value) + _HEADER_OVERHEAD for name, value in pairs)
    if size > limit:
        message = (
            f"The request's headers have {size} bytes; at most {limit} are taken (limits.header_kib in addons.yaml)."
        )
        raise ParleyError(Fault(FaultKind.TOO_LARGE, message, status=431))


def check_header_text(pairs: Iterable[tuple[str, str]]) -> None:
    """A line's end or a zero inside a value may begin another header for the next one who reads it (RFC 9110, section
    5.5; RFC 9112, section 5.2). Raises ParleyError."""
    for name, value in pairs:
        if "\r" in value or "\n" in value or "\0" in value:
            raise invalid(f"The header {name[:60]!r} holds a line's end or a zero byte.")


def check_depth(body: bytes, limit: int) -> None:
    """Raises ParleyError where JSON is nested more than `limit` deep. Linear, and nothing is parsed."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return
    brackets = _brackets(body)
    rounds = min(_ROUNDS, limit // 2)
    if _is_deeper(_without_leaves(brackets, rounds), limit - 2 * rounds) and _is_deeper(brackets, limit):
        raise invalid(f"The request body is nested more than {limit} levels deep.")


def _brackets(body: bytes) -> bytes:
    """The brackets that stand outside strings."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(body.translate(None, _DROPPED).split(b'"')[::2])


def _without_leaves(brackets: bytes, rounds: int) -> bytes:
    """What is left when up to two levels per round are taken off at the bottom, which is most of it; done in C."""
    for _ in range(rounds):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return brackets


def _is_deeper(brackets: bytes, limit: int) -> bool:
    return any(depth > limit for depth in accumulate(map(_STEP.__getitem__, brackets)))


class OpenStreams:
    """How many answers are under way, of each client and of all."""

    def __init__(self, total: int, per_client: int) -> None:
        self._total = total
        self._per_client = per_client
        self._open: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self._open.total()

    def enter(self, client: str) -> None:
        """Raises ParleyError(RATE_LIMIT); `leave` is to be called only after an `enter` that raised nothing."""
        if self._open[client] >= self._per_client:
            raise _busy(f"This client has {self._per_client} requests under way, which is as many as one may have.")
        if self.count >= self._total:
            raise _busy(f"{self._total} requests are under way, which is as many as there may be.")
        self._open[client] += 1

    def leave(self, client: str) -> None:
        self._open[client] -= 1
        if self._open[client] <= 0:
            del self._open[client]


def _busy(message: str) -> ParleyError:
    return ParleyError(Fault(FaultKind.RATE_LIMIT, f"{message} Try again in a moment.", retry_after=_RETRY_AFTER))


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `request` is for all of a request to come, from its first byte; `silence` for a client that sends
    nothing in the middle of one; `idle` for a connection between two requests; `reading` for a client that takes
    nothing of its answer."""

    request: float = 300.0
    silence: float = 30.0
    idle: float = 600.0
    reading: float = 300.0


@dataclass(slots=True)
class ClientClock:
    """What a connection last did; times are monotonic. None: not in the middle of that."""

    last_byte: float
    request_began: float | None = None
    blocked_since: float | None = None


def overdue(clock: ClientClock, patience: Patience, now: float) -> str | None:
    """Why a connection is to be closed now; None to go on waiting."""
    if clock.blocked_since is not None:
        late = now - clock.blocked_since > patience.reading
        return f"took nothing of its answer for {patience.reading:g} s" if late else None
    if clock.request_began is None:
        late = now - clock.last_byte > patience.idle
        return f"asked for nothing for {patience.idle:g} s" if late else None
    if now - clock.last_byte > patience.silence:
        return f"sent nothing of its request for {patience.silence:g} s"
    if now - clock.request_began > patience.request:
        return f"took more than {patience.request:g} s to send its request"
    return None


def check_proxy_authorization(headers: Mapping[str, str], key: str | None) -> None:
    """For the HTTP_PROXY listener where others can reach it. The key may be given as Basic user name or password, or
    as Bearer. Raises ParleyError with status 407; PROXY_AUTHENTICATE has to go with it. No `key`: nothing is asked."""
    if key is None:
        return
    matches = [_is_equal(given, key) for given in _credentials(headers.get("proxy-authorization", ""))]
    if not any(matches):
        message = "This proxy asks for its client key: http://parley:KEY@host:port as HTTP_PROXY."
        raise ParleyError(Fault(FaultKind.AUTHENTICATION, message, status=407))


def _credentials(header: str) -> list[str]:
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    match scheme.lower():
        case "bearer":
            return [value]
        case "basic":
            try:
                user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return []
            return [user, password]
        case _:
            return []


def _is_equal(given: str, key: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), key.encode())
