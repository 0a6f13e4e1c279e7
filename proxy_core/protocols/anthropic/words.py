"""What Anthropic's clients call the fields that losses and faults name otherwise."""

from __future__ import annotations

WORDS = {
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "response_format": "output_config.format",
    "reasoning": "thinking",
    "reasoning.effort": "output_config.effort",
    "reasoning.budget": "thinking.budget_tokens",
    "reasoning_effort": "output_config.effort",
    "thinking": "messages[].thinking",
}
PARTS = "content"
