"""Messages of intercepted WebSockets: secrets are hidden on the way out and put back on the way in."""

from __future__ import annotations

import logging

from mitmproxy import http

from addons.program import Program
from proxy_core.wire.json import dumps, loads

logger = logging.getLogger("parley")


class WebSockets:
    def __init__(self, program: Program) -> None:
        self._program = program

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """Fails closed: a message that we fail on is dropped."""
        assert flow.websocket is not None
        message = flow.websocket.messages[-1]
        if not (message.is_text and self._program.settings.redact):
            return
        try:
            if message.from_client:
                message.content = self._hidden(message.content, flow.id)
            else:
                text = message.content.decode("utf-8", "surrogateescape")
                shown = self._program.house.secrecy.reveal_message(text, flow.id)
                message.content = shown.encode("utf-8", "surrogateescape")
        except Exception:
            logger.exception("Parley failed on a WebSocket message and dropped it")
            message.drop()

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
