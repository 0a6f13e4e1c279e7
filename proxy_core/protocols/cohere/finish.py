"""Why an answer ended. https://docs.cohere.com/reference/chat#response.body.finish_reason"""

from __future__ import annotations

from typing import Any

from proxy_core.errors import Fault, FaultKind
from proxy_core.turn.reply import FinishReason

_FINISH_OF_RAW: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
}
_FAULT_OF_RAW: dict[str, tuple[FaultKind, str]] = {
    "ERROR": (FaultKind.UPSTREAM, "The backend failed while it generated the answer."),
    "TIMEOUT": (FaultKind.TIMEOUT, "The backend took too long to generate the answer."),
    "USER_CANCEL": (FaultKind.UPSTREAM, "The backend says that the answer was cancelled."),
}


def finish_of(raw: Any, called: bool) -> FinishReason:
    """`called`: whether a tool call was made."""
    reason = _FINISH_OF_RAW.get(raw, "other") if isinstance(raw, str) else "stop"
    return "tool_calls" if called and reason in ("stop", "other") else reason


def failure(raw: Any, said: Any) -> Fault | None:
    """What is reported in place of an answer that ended in an error; `said` is the backend's own word about it."""
    if not isinstance(raw, str) or raw not in _FAULT_OF_RAW:
        return None
    kind, message = _FAULT_OF_RAW[raw]
    return Fault(kind, said if isinstance(said, str) and said else message, code=raw)
