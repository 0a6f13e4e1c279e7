"""Stop reasons. https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons"""

from __future__ import annotations

from typing import Any

from proxy_core.errors import Fault, FaultKind
from proxy_core.turn.reply import FinishReason

TITLE = "the Messages API"
LAST_IS_ANSWER = "no block follows, and clients take the last one for the answer"
"""For the reasons of losses."""

FINISH_OF_RAW: dict[str, FinishReason] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "length",
    "compaction": "pause",
}

RAW_OF_FINISH: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "stop_sequence": "stop_sequence",
    "pause": "pause_turn",
    "other": "end_turn",
}
"""There is no word for "error": see `failure`."""

MESSAGE_FIELDS = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage")
FINISH_FIELDS = ("stop_details",)
"""What is said about the end, wherever it stands; the other unmodelled fields are about the whole reply."""


def finish_of(raw: str | None) -> FinishReason:
    return FINISH_OF_RAW.get(raw or "", "other")


def failure(reason: FinishReason | None, raw: str | None) -> Fault | None:
    """What is said in place of a message that ended in an error: any stop reason would pass half an answer off as
    whole, or (`refusal`) blame the user. Clients repeat the request for this one."""
    if reason != "error":
        return None
    return Fault(FaultKind.UPSTREAM, f"The backend ended its answer with an error{f' ({raw})' if raw else ''}.")


def stop_fields(
    reason: FinishReason | None, raw: str | None, stop_sequence: str | None, own: bool, called_tools: bool
) -> dict[str, Any]:
    """Why the message ended. `own`: an Anthropic backend said so, and its word stands."""
    if own and raw:
        return {"stop_reason": raw, "stop_sequence": stop_sequence}
    fields: dict[str, Any] = {"stop_reason": _stop_reason(reason, called_tools), "stop_sequence": stop_sequence}
    if reason == "content_filter":
        explanation = f"The backend's content filter ended the answer{f' ({raw})' if raw else ''}."
        fields["stop_details"] = {"type": "refusal", "category": None, "explanation": explanation}
    return fields


def _stop_reason(reason: FinishReason | None, called_tools: bool) -> str:
    """A client waits for tools, or passes over them, by this word alone: it is `tool_use` where a call was shown."""
    if called_tools and reason in (None, "stop", "other", "tool_calls"):
        return "tool_use"
    if reason is None or (reason == "tool_calls" and not called_tools):
        return "end_turn"
    return RAW_OF_FINISH.get(reason, "end_turn")
