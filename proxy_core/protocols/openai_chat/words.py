"""What chat clients call the fields that losses and faults name otherwise."""

from __future__ import annotations

WORDS = {
    "reasoning": "reasoning_effort",
    "reasoning.effort": "reasoning_effort",
    "reasoning.budget": "reasoning_effort",
}
PARTS = "content"
