"""Why an answer ended: vendors' words and the unified reasons."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.openai_chat.tables import FINISH_OF_RAW, OFFICIAL_FINISHES, RAW_OF_FINISH
from proxy_core.turn.reply import FinishReason


def finish_of(raw: Any, called: bool) -> FinishReason:
    """`called`: whether a tool call was announced. Some backends say `stop` after one, some `tool_calls` after none."""
    reason: FinishReason = FINISH_OF_RAW.get(raw, "other") if isinstance(raw, str) and raw else "stop"
    if called and reason in ("stop", "other"):
        return "tool_calls"
    return "stop" if reason == "tool_calls" and not called else reason


def finish_word(reason: FinishReason, raw: str | None, own: bool, functions: bool = False) -> str:
    """`own`: the raw word is a chat backend's. `functions`: the client speaks the older `function_call`."""
    word = RAW_OF_FINISH[reason]
    if own and raw in OFFICIAL_FINISHES and (raw == "stop" or FINISH_OF_RAW[raw] == reason):
        # OpenAI itself says "stop" after a call that the client demanded by name.
        word = raw
    if word in ("tool_calls", "function_call"):
        return "function_call" if functions else "tool_calls"
    return word
