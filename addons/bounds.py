"""Keeps what mitmweb and the console remember within bounds: they keep every flow otherwise."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from mitmproxy import ctx, http
from mitmproxy.addons.view import View
from mitmproxy.flow import Flow

from proxy_core.config.settings import Limits

_PER_FLOW = 6 * 1024
"""Bytes that a small flow costs in mitmweb's store."""


class Bounds:
    """Forgets the oldest finished flows beyond `limits().flows` or `limits().flows_bytes`."""

    def __init__(self, limits: Callable[[], Limits]) -> None:
        self._limits = limits
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._bytes = 0

    def response(self, flow: http.HTTPFlow) -> None:
        self._over(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._over(flow)

    def _over(self, flow: http.HTTPFlow) -> None:
        view = ctx.master.addons.get("view")
        if not isinstance(view, View):
            return
        self._bytes += _size(flow) - self._sizes.pop(flow.id, 0)
        self._sizes[flow.id] = _size(flow)
        limits = self._limits()
        oldest: list[Flow] = []
        while self._sizes and (len(self._sizes) > limits.flows or self._bytes > limits.flows_bytes):
            flow_id, size = self._sizes.popitem(last=False)
            self._bytes -= size
            found = view.get_by_id(flow_id)
            if found:
                oldest.append(found)
        if oldest:
            view.remove(oldest)


def _size(flow: http.HTTPFlow) -> int:
    bodies = (flow.request.raw_content, flow.response.raw_content if flow.response else None)
    return _PER_FLOW + sum(len(body) for body in bodies if body)
