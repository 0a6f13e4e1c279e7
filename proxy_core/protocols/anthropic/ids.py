"""Ids of messages and tool calls, in this protocol's shape."""

from __future__ import annotations

import uuid

from proxy_core.profiles.target import ToolIdRule
from proxy_core.turn.toolids import fitted_id

_TOOL_ID = ToolIdRule(max_length=256)
"""https://platform.claude.com/docs/en/api/messages/create: `^[a-zA-Z0-9_-]+$`, no length given."""


def message_id(reply_id: str) -> str:
    return reply_id or f"msg_{uuid.uuid4().hex}"


class ToolIds:
    """The ids of one reply's calls: each accepted here, and no two alike, since results are matched by them."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def shown(self, tool_id: str) -> str:
        fitted = fitted_id(tool_id, _TOOL_ID) if tool_id else ""
        if not fitted or fitted in self._given:
            fitted = f"toolu_{uuid.uuid4().hex}"
        self._given.add(fitted)
        return fitted
