"""The recording on a loopback port, and the settings that send everything there."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from proxy_core.config.settings import Settings
from proxy_core.errors import Fault, FaultKind, ParleyError, invalid, not_found
from proxy_core.protocols import CODECS
from proxy_core.redaction.blot import blotted
from proxy_core.routing.replayed import REPLAY, call_at
from proxy_core.routing.upstreams import Backend
from proxy_core.serving.loopback import LoopbackServer, Served
from proxy_core.serving.replay.recording import Recorded
from proxy_core.serving.replay.tape import Tape
from proxy_core.wire.json import dumps, parse_body

_JSON = [("content-type", "application/json")]
_KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key")


class ReplayServer:
    """`fast` leaves the recorded pauses out. `key` is random and asked of every request. `secrets` are the proxy's own
    keys, which are illegible in the recording."""

    def __init__(
        self,
        tape: Tape,
        fast: bool = False,
        secrets: Callable[[], Iterable[str]] = tuple,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = f"replay-{token_urlsafe(24)}"
        self.tape = tape
        self._fast = fast
        self._secrets = secrets
        self._server = LoopbackServer(self._answer, sleep, ticks)

    async def start(self) -> str:
        """Its URL, without a path."""
        return await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Served:
        path, query = urlsplit(target).path, dict(parse_qsl(urlsplit(target).query))
        call = call_at(path, query)
        try:
            self._check_key(headers)
            if method == "GET" and path == "/models":
                return _served_json({"object": "list", "data": [_listed(name) for name in self.tape.models]})
            if call is None:
                raise not_found(f"A recording has no {method} {path}.")
            if body is None:
                raise invalid("The request is too large.")
            return self._played(self.tape.take(call, parse_body(blotted(body, self._secrets()))))
        except ParleyError as error:
            codec = CODECS[call.protocol if call else "openai_chat"]
            return _served_json(codec.write_fault(error.fault), error.fault.http_status)

    def _check_key(self, headers: Mapping[str, str]) -> None:
        shown = [headers.get(name, "").removeprefix("Bearer ").encode() for name in _KEY_HEADERS]
        if not any(hmac.compare_digest(key, self.key.encode()) for key in shown):
            raise ParleyError(Fault(FaultKind.AUTHENTICATION, "The recording is for the proxy alone."))

    def _played(self, exchange: Recorded) -> Served:
        pieces = [(0.0, data) for _, data in exchange.pieces] if self._fast else exchange.pieces
        return Served(
            exchange.status,
            list(exchange.headers),
            pieces,
            wait=0.0 if self._fast else exchange.delay,
            whole=not exchange.stream and not exchange.broke,
            breaks=exchange.broke,
        )


def replaying(settings: Settings, server: ReplayServer, url: str) -> Settings:
    """`settings` with the recording as the default backend. Nothing leaves, so nothing is hidden; what was once cut,
    redacted or greeted is in the recording already."""
    backend = Backend(REPLAY, "openai_chat", url, keys=(server.key,), models=server.tape.models, dialect="openai")
    return replace(
        settings,
        backends={**settings.backends, REPLAY: backend},
        default_backend=REPLAY,
        model_list_url=None,
        redact=False,
        interactive=False,
        loops=replace(settings.loops, enabled=False),
    )


def listing_only(settings: Settings) -> Settings:
    """For the lists of models: the recording has its own, and no other is asked for."""
    kept = {name: backend for name, backend in settings.backends.items() if name == REPLAY}
    return replace(settings, backends=kept, model_list_url=None)


def _served_json(value: Any, status: int = 200) -> Served:
    return Served(status, _JSON, [(0.0, dumps(value))], whole=True)


def _listed(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": REPLAY}
