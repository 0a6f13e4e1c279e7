"""Messages of intercepted WebSockets: secrets are hidden on the way out and put back on the way in."""

from __future__ import annotations

from mitmproxy import http

from addons.host.guard import drops_on_failure
from addons.program import Program


class WebSockets:
    def __init__(self, program: Program) -> None:
        self._program = program

    @drops_on_failure
    def websocket_message(self, flow: http.HTTPFlow) -> None:
        assert flow.websocket is not None
        message = flow.websocket.messages[-1]
        if not self._program.settings.redact:
            return
        secrecy = self._program.house.secrecy
        if not message.is_text:
            if message.from_client:
                secrecy.check_passing(message.content)
        elif message.from_client:
            message.content = secrecy.hide_message(message.content, flow.id)
        else:
            text = message.content.decode("utf-8", "surrogateescape")
            message.content = secrecy.reveal_message(text, flow.id).encode("utf-8", "surrogateescape")
