"""Why an answer ended: vendors' words and the unified reasons."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.openai_chat.tables import FINISH_OF_RAW, OFFICIAL_FINISHES, RAW_OF_FINISH
from proxy_core.turn.reply import FinishReason


def finish_of(raw: Any, called: bool, refused: bool = False) -> FinishReason:
    """`called`: whether a tool call was announced. Some backends say `stop` after one, some `tool_calls` after none.
    `refused`: the model declined in a field of its own, after which OpenAI says `stop`."""
    reason: FinishReason = FINISH_OF_RAW.get(raw, "other") if isinstance(raw, str) and raw else "stop"
    if called and reason in ("stop", "other"):
        return "tool_calls"
    if refused and reason == "stop":
        return "refusal"
    return "stop" if reason == "tool_calls" and not called else reason


def finish_word(
    reason: FinishReason, raw: str | None, own: bool, functions: bool = False, refused: bool = False
) -> str:
    """`own`: the raw word is a chat backend's. `functions`: the client speaks the older `function_call`. `refused`:
    the message says in its `refusal` that the model declined; SDKs raise an error for `content_filter`."""
    word = "stop" if refused and reason == "refusal" else RAW_OF_FINISH[reason]
    if own and raw in OFFICIAL_FINISHES and (raw == "stop" or FINISH_OF_RAW[raw] == reason):
        # OpenAI itself says "stop" after a call that the client demanded by name.
        word = raw
    if word in ("tool_calls", "function_call"):
        return "function_call" if functions else "tool_calls"
    return word
