"""A request for a reply, as every protocol's reader makes it and every writer takes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from proxy_core.turn.content import Extra, Part, ProtocolName

type Role = Literal["system", "developer", "user", "assistant", "tool"]
type Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


@dataclass(slots=True)
class Turn:
    """One message. ToolResult parts stand in "tool" turns (OpenAI) or in "user" turns (Anthropic, Gemini);
    a writer regroups them as its own protocol wants them.

    A "system" or "developer" turn may stand anywhere, also in the middle of the conversation.
    """

    role: Role
    parts: list[Part]
    name: str | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Tool:
    """A function the model may call. `schema` is JSON Schema (None: no parameters given).

    `custom` tools take free text, perhaps under a grammar (`format`, as in OpenAI's Responses). `server` tools run at
    the provider: `raw` holds their native JSON, and only `ChatRequest.origin` can take them.
    """

    name: str
    description: str | None = None
    schema: Any = None
    strict: bool | None = None
    custom: bool = False
    format: Any = None
    server: bool = False
    raw: Any = None
    cache: Extra | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class ToolChoice:
    """`required` is any tool; `named` is the one called `name`; `allowed` (OpenAI, Gemini) restricts to `names`."""

    mode: Literal["auto", "none", "required", "named", "allowed"]
    name: str | None = None
    names: list[str] | None = None
    required: bool = False
    """With `allowed`: one of `names` must be called."""
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Sampling:
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


@dataclass(slots=True)
class Reasoning:
    """How much to think. `effort` and `budget` (tokens; -1 means the model decides) are alternatives; a writer
    translates the one it does not have by `turn.effort`. `show` is whether the client wants to see the thoughts."""

    enabled: bool | None = None
    effort: Effort | None = None
    budget: int | None = None
    adaptive: bool = False
    show: bool | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class OutputFormat:
    """`json` is any JSON object; `schema` holds JSON Schema."""

    kind: Literal["text", "json", "schema"]
    schema: Any = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class ChatRequest:
    """`system` is the text that stands outside the messages (Anthropic `system`, Responses `instructions`,
    Gemini `systemInstruction`); system messages inside stay where they are, as turns.

    `extra` holds top-level fields that only `origin` knows.
    """

    origin: ProtocolName
    model: str
    turns: list[Turn]
    system: list[Part] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    sampling: Sampling = field(default_factory=Sampling)
    reasoning: Reasoning | None = None
    output: OutputFormat | None = None
    stream: bool = False
    include_usage: bool = False
    """Chat's `stream_options.include_usage`; the other protocols always report usage."""
    user: str | None = None
    cache_key: str | None = None
    extra: Extra = field(default_factory=dict)
    wished: bool = False
    """Its temperature or reasoning was set beside it, by someone who did not have this request before them."""
