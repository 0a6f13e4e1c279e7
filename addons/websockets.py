"""Messages of intercepted WebSockets: secrets are hidden on the way out and put back on the way in."""

from __future__ import annotations

from mitmproxy import http

from addons.host.guard import drops_on_failure
from addons.program import Program
from proxy_core.wire.json import dumps, loads


class WebSockets:
    def __init__(self, program: Program) -> None:
        self._program = program

    @drops_on_failure
    def websocket_message(self, flow: http.HTTPFlow) -> None:
        assert flow.websocket is not None
        message = flow.websocket.messages[-1]
        if not (message.is_text and self._program.settings.redact):
            return
        if message.from_client:
            message.content = self._hidden(message.content, flow.id)
            return
        text = message.content.decode("utf-8", "surrogateescape")
        shown = self._program.house.secrecy.reveal_message(text, flow.id)
        message.content = shown.encode("utf-8", "surrogateescape")

    def _hidden(self, content: bytes, scope: str) -> bytes:
        try:
            value = loads(content)
        except ValueError:
            self._program.house.secrecy.check_passing(content)
            return content
        if isinstance(value, dict) and self._program.house.secrecy.hide_message(value, scope):
            return dumps(value)
        self._program.house.secrecy.check_passing(content)
        return content
