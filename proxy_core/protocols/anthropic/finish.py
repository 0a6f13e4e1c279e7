"""Stop reasons. https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons"""

from __future__ import annotations

from typing import Any

from proxy_core.turn.reply import FinishReason

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

_EXPLANATIONS: dict[FinishReason, str] = {
    "content_filter": "The backend's content filter ended the answer",
    "error": "The backend ended the answer with an error",
}


def finish_of(raw: str | None) -> FinishReason:
    return FINISH_OF_RAW.get(raw or "", "other")


def stop_reason_of(reason: FinishReason | None, called_tools: bool) -> str:
    """For replies of other protocols. A client waits for, or passes over, tools by this word alone, so it says
    `tool_use` exactly when a call was shown."""
    if called_tools and reason in (None, "stop", "other", "tool_calls"):
        return "tool_use"
    if reason is None or (reason == "tool_calls" and not called_tools):
        return "end_turn"
    return RAW_OF_FINISH[reason]


def stop_details_of(reason: FinishReason | None, raw: str | None) -> dict[str, Any] | None:
    """Why the answer ended, where `refusal` stands in for something that this protocol has no word for."""
    if reason not in _EXPLANATIONS:
        return None
    explanation = _EXPLANATIONS[reason] + (f" ({raw})." if raw else ".")
    return {"type": "refusal", "category": None, "explanation": explanation}
