"""What a request writer has to know of the backend and the model it writes for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from proxy_core.turn.request import Effort


@dataclass(frozen=True, slots=True)
class ToolIdRule:
    """Which ids a backend accepts for tool calls; others are replaced by a hash of the same shape."""

    max_length: int = 64
    alphabet: str = r"[A-Za-z0-9_-]"
    exact_length: int | None = None

    def accepts(self, tool_id: str) -> bool:
        if self.exact_length is not None and len(tool_id) != self.exact_length:
            return False
        return 0 < len(tool_id) <= self.max_length and re.fullmatch(self.alphabet + "+", tool_id) is not None


@dataclass(frozen=True, slots=True)
class Prefill:
    """How a backend is told to go on from an assistant's message at the end: fields of that message and of the body."""

    message: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One vendor's edition of a protocol. The defaults are the protocol's own vendor."""

    name: str
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_completion_tokens"
    developer_role: bool = True
    stream_options: bool = True
    tool_id: ToolIdRule = ToolIdRule()
    tool_name_limit: int = 64
    tool_name_hyphens: bool = True
    """Whether the names of tools may hold `-`."""
    json_schema: bool = True
    """`response_format: json_schema`; otherwise `json_object` with the schema in the system prompt."""
    strict_tools: bool = True
    custom_tools: bool = False
    parallel_tool_calls: bool = True
    reasoning: Literal["effort", "reasoning_object", "thinking_object", "enable_thinking", "none"] = "effort"
    """Chat: `reasoning_effort`; OpenRouter's `reasoning: {effort|max_tokens}`; DeepSeek/Kimi's `thinking: {type}`;
    Qwen's `enable_thinking` and `thinking_budget`."""
    replays_reasoning: Literal[
        "reasoning_content", "reasoning", "reasoning_details", "thinking_parts", "never", "always"
    ] = "never"
    """Under which name thoughts of past turns are sent back; "always": `reasoning_content` on every assistant
    message, even empty (DeepSeek's thinking models demand it); "thinking_parts": as parts of `content` (Mistral)."""
    cache_control: bool = False
    documents: bool = True
    document_urls: bool = False
    """Takes documents by their address; otherwise they must be inline."""
    audio: bool = True
    image_urls: bool = True
    """False: images must be inline."""
    seed: bool = True
    penalties: bool = True
    logprobs: bool = True
    n: bool = True
    top_k: bool = False
    required_choice: Literal["required", "any"] = "required"
    stop_limit: int | None = 4
    tool_content_parts: bool = True
    """False: a tool message's content must be a string."""
    tool_images: bool = False
    """True: a tool message may hold images; otherwise they follow in a user message."""
    video: bool = False
    """Takes `video_url` parts."""
    allowed_tools: bool = False
    """Takes `tool_choice: allowed_tools`; otherwise the list of tools is cut to those allowed."""
    cache_key: bool = False
    """Takes `prompt_cache_key`."""
    user: bool = True
    """Takes `user`."""
    shared_fields: tuple[str, ...] = ()
    """Fields that OpenAI's two protocols have under one name: they go from one to the other as they are."""
    seed_field: Literal["seed", "random_seed"] = "seed"
    thought_signatures: bool = False
    """Chat: takes Google's `extra_content` with the signatures of past calls."""
    prefill: Prefill | None = None
    """None: it is not known to go on from an assistant's message; it is asked in words."""
    as_given: bool = False
    """An endpoint of unknown make: what a client says in the protocol's own words goes on in those words."""


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What one model accepts. The defaults suit a current model of unknown make."""

    max_output_tokens: int = 8192
    context_window: int | None = None
    thinking: Literal["none", "budget", "adaptive", "effort", "level"] = "none"
    """How thinking is asked for: a token budget, Anthropic's adaptive mode, an effort word, Gemini 3's level."""
    efforts: tuple[Effort, ...] = ("low", "medium", "high")
    min_budget: int = 1024
    max_budget: int = 32768
    can_disable_thinking: bool = True
    prefill: bool = True
    """Whether a conversation may end with an assistant turn."""
    temperature: bool = True
    max_temperature: float = 2.0
    mid_conversation_system: bool = False
    needs_thought_signatures: bool = False
    tools_with_schema: bool = True
    forced_tools: bool = True
    """Cohere: takes `tool_choice`."""
    json_schema_tools: bool = True
    """Gemini: takes `parametersJsonSchema` / `responseJsonSchema` with full JSON Schema."""
    structured_output: bool = True
    """Anthropic: takes `output_config.format`; otherwise a forced tool stands in for it."""
    penalties: bool = True
    """Gemini: takes `presencePenalty` and `frequencyPenalty`."""
    function_response_media: bool = False
    """Gemini: takes images and files inside a function's response."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: `model` is the name the backend knows it by."""

    model: str
    dialect: Dialect = field(
        default_factory=lambda: Dialect("default", as_given=True, thought_signatures=True, document_urls=True)
    )
    profile: ModelProfile = field(default_factory=ModelProfile)
