"""Shows a streamed answer in mitmweb and the console while it streams: mitmproxy itself shows it when it is over."""

from __future__ import annotations

import asyncio

from mitmproxy import ctx, hooks

from addons.host.exchanges import ExchangeTable

_EVERY = 0.7
"""Seconds between two looks."""


class Live:
    def __init__(self, table: ExchangeTable) -> None:
        self._table = table
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
            self._show()

    def _show(self) -> None:
        streaming = self._table.streaming
        self._shown = {flow_id: size for flow_id, size in self._shown.items() if flow_id in streaming}
        for flow, body in list(streaming.values()):
            if flow.response and self._shown.get(flow.id) != len(body):
                self._shown[flow.id] = len(body)
                flow.response.data.content = bytes(body)
                ctx.master.addons.trigger(hooks.UpdateHook([flow]))
