"""Shows a streamed answer in mitmweb and the console while it streams: mitmproxy itself shows it when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mitmproxy import ctx, hooks, http

from addons.host.exchanges import ExchangeTable

_EVERY = 0.7
"""Seconds between two looks."""


class Live:
    """`describe` writes onto a flow what is known of it so far."""

    def __init__(self, table: ExchangeTable, describe: Callable[[http.HTTPFlow], None]) -> None:
        self._table = table
        self._describe = describe
        self._shown: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def running(self) -> None:
        if ctx.master.addons.get("view") is not None:
            self._task = asyncio.create_task(self._refresh())

    def done(self) -> None:
        if self._task:
            self._task.cancel()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            self.show()

    def show(self) -> None:
        """Brings up to date what has grown since the last time."""
        streaming = self._table.streaming
        self._shown = {flow_id: size for flow_id, size in self._shown.items() if flow_id in streaming}
        for flow, body in list(streaming.values()):
            if flow.response and self._shown.get(flow.id) != len(body):
                self._shown[flow.id] = len(body)
                flow.response.data.content = bytes(body)
                self._describe(flow)
                ctx.master.addons.trigger(hooks.UpdateHook([flow]))
