"""What Gemini's clients call the fields that losses and faults name otherwise."""

from __future__ import annotations

_CONFIG = "generationConfig."

WORDS = {
    "temperature": f"{_CONFIG}temperature",
    "top_p": f"{_CONFIG}topP",
    "top_k": f"{_CONFIG}topK",
    "max_tokens": f"{_CONFIG}maxOutputTokens",
    "stop": f"{_CONFIG}stopSequences",
    "seed": f"{_CONFIG}seed",
    "presence_penalty": f"{_CONFIG}presencePenalty",
    "frequency_penalty": f"{_CONFIG}frequencyPenalty",
    "n": f"{_CONFIG}candidateCount",
    "logprobs": f"{_CONFIG}responseLogprobs",
    "top_logprobs": f"{_CONFIG}logprobs",
    "response_format": f"{_CONFIG}responseSchema",
    "reasoning": f"{_CONFIG}thinkingConfig",
    "reasoning.effort": f"{_CONFIG}thinkingConfig.thinkingLevel",
    "reasoning.budget": f"{_CONFIG}thinkingConfig.thinkingBudget",
    "reasoning_effort": f"{_CONFIG}thinkingConfig.thinkingLevel",
    "tool_choice": "toolConfig.functionCallingConfig",
    "system": "systemInstruction.parts",
    "thinking": "contents[].thought",
    "contents[].thinking": "contents[].thought",
}
PARTS = "parts"
