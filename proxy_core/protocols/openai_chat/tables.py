"""Words and names of chat completions."""

from __future__ import annotations

from typing import Literal

from proxy_core.turn.content import ProtocolName
from proxy_core.turn.reply import FinishReason

NAME: Literal["openai_chat"] = "openai_chat"
TITLE = "Chat completions"

FINISH_OF_RAW: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    # vendors' own words: Together, Mistral, DeepSeek, Z.ai, OpenRouter
    "eos": "stop",
    "end_turn": "stop",
    "model_length": "length",
    "max_tokens": "length",
    "insufficient_system_resource": "error",
    "network_error": "error",
    "sensitive": "content_filter",
    "model_context_window_exceeded": "length",
    "error": "error",
}

RAW_OF_FINISH: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "stop_sequence": "stop",
    "pause": "stop",
    # An agent that saw "stop" here would take half an answer for the whole.
    "error": "content_filter",
    "other": "stop",
}

OFFICIAL_FINISHES = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
"""Typed clients refuse any other (openai.types.chat.chat_completion.Choice)."""

TURNS_FIELD: dict[ProtocolName, str] = {
    "openai_chat": "messages",
    "openai_responses": "input",
    "anthropic": "messages",
    "gemini": "contents",
}
"""What the client calls the conversation, for the paths of losses."""

FUNCTIONS_NOTE = "_functions"
"""Request extra: the client speaks the older `functions` / `function_call` instead of `tools`."""
FIELD_NOTE = "_field"
"""Extra of a part: the field it was read from, where a message has several."""
REASONING_FIELDS = ("reasoning_content", "reasoning")
PADDING = frozenset({"obfuscation", "p"})
"""Fields of chunks that only hide their length (OpenAI, Mistral)."""
