"""Gemini's finish reasons (https://ai.google.dev/api/generate-content#FinishReason), read and written."""

from __future__ import annotations

from proxy_core.turn.reply import FinishReason

_FINISH_OF_RAW: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
    "FINISH_REASON_UNSPECIFIED": "other",
    "IMAGE_OTHER": "other",
    "NO_IMAGE": "other",
    "OTHER": "other",
}

_RAW_OF_FINISH: dict[FinishReason, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    # Not STOP: an agent would take a broken or paused answer for a complete one.
    "pause": "OTHER",
    "error": "OTHER",
    "other": "OTHER",
}


def read_finish(raw: str | None, called: bool) -> FinishReason:
    """`called`: the candidate holds a function call, which Gemini finishes with STOP like any text."""
    reason = _FINISH_OF_RAW.get(raw, "other") if raw else "other"
    return "tool_calls" if called and reason == "stop" else reason


def write_finish(reason: FinishReason | None, raw: str | None, own: bool) -> str:
    """`own`: `raw` is a word of Gemini's."""
    if own and raw:
        return raw
    return _RAW_OF_FINISH[reason] if reason else "STOP"
