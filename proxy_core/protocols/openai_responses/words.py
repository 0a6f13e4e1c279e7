"""What clients of the Responses API call the fields that losses and faults name otherwise."""

from __future__ import annotations

WORDS = {
    "max_tokens": "max_output_tokens",
    "response_format": "text.format",
    "system": "instructions",
    "logprobs": "include",
    "reasoning_effort": "reasoning.effort",
    "thinking": "input[].reasoning",
    "input[].thinking": "input[].reasoning",
}
PARTS = "content"
