"""The demo on a loopback port."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.serving.demo.answering import DemoAnswer, DemoApi, refusal
from proxy_core.serving.loopback import LoopbackServer, Served


class DemoServer:
    """A chat completions backend. `key` is random and asked of every request."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.key = f"demo-{secrets.token_urlsafe(24)}"
        self._api = DemoApi(self.key, clock)
        self._server = LoopbackServer(self._answer, sleep)

    async def start(self) -> str:
        """The base URL, which ends in /v1."""
        return f"{await self._server.start()}/v1"

    async def stop(self) -> None:
        """Ends what is being answered. Does nothing before the start and the second time."""
        await self._server.stop()

    @property
    def open_connections(self) -> int:
        return self._server.open_connections

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Served:
        try:
            self._api.check_key(headers.get("authorization", ""))
            if body is None:
                raise ParleyError(Fault(FaultKind.TOO_LARGE, "The demo does not read bodies of that size."))
            return _served(self._api.answer(method, target, body))
        except ParleyError as error:
            return _served(refusal(error.fault))


def _served(answer: DemoAnswer) -> Served:
    if answer.stream:
        return Served(answer.status, answer.headers, _in_time(answer.body, answer.pause))
    return Served(answer.status, answer.headers, [(0.0, piece) for piece in answer.body], answer.pause, whole=True)


def _in_time(pieces: Iterable[bytes], pause: float) -> Iterator[tuple[float, bytes]]:
    return ((number * pause, piece) for number, piece in enumerate(pieces))
