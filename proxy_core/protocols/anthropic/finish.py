"""Stop reasons. https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons"""

from __future__ import annotations

from typing import Any

from proxy_core.turn.reply import FinishReason

TITLE = "the Messages API"
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
    # An agent that saw "end_turn" here would take half an answer for the whole.
    "error": "refusal",
    "other": "end_turn",
}

MESSAGE_FIELDS = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage")
FINISH_FIELDS = ("stop_details",)
"""What is said about the end, wherever it stands; the other unmodelled fields are about the whole reply."""

_EXPLANATIONS: dict[FinishReason, str] = {
    "content_filter": "The backend's content filter ended the answer",
    "error": "The backend ended the answer with an error",
}


def finish_of(raw: str | None) -> FinishReason:
    return FINISH_OF_RAW.get(raw or "", "other")


def stop_fields(
    reason: FinishReason | None, raw: str | None, stop_sequence: str | None, own: bool, called_tools: bool
) -> dict[str, Any]:
    """Why the message ended. `own`: an Anthropic backend said so, and its word stands."""
    if own and raw:
        return {"stop_reason": raw, "stop_sequence": stop_sequence}
    fields: dict[str, Any] = {"stop_reason": _stop_reason(reason, called_tools), "stop_sequence": stop_sequence}
    if reason in _EXPLANATIONS:
        explanation = _EXPLANATIONS[reason] + (f" ({raw})." if raw else ".")
        fields["stop_details"] = {"type": "refusal", "category": None, "explanation": explanation}
    return fields


def _stop_reason(reason: FinishReason | None, called_tools: bool) -> str:
    """A client waits for tools, or passes over them, by this word alone: it is `tool_use` where a call was shown."""
    if called_tools and reason in (None, "stop", "other", "tool_calls"):
        return "tool_use"
    if reason is None or (reason == "tool_calls" and not called_tools):
        return "end_turn"
    return RAW_OF_FINISH[reason]
