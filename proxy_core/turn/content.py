"""Parts of a message.

Every part has `extra`: fields that only the protocol it was read from knows. A writer of that same protocol
writes them back; any other writer drops them and reports each in `Losses`. `cache` is a prompt-cache mark in
Anthropic's form, `{"type": "ephemeral", "ttl": "5m"}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

type ProtocolName = Literal["openai_chat", "openai_responses", "anthropic", "gemini", "cohere"]
"""No client speaks Cohere's; backends do."""
type Extra = dict[str, Any]


@dataclass(slots=True)
class Seal:
    """A provider's signature or encrypted reasoning. Opaque, and valid only for the protocol it came from.

    `data` is exactly the string that the provider sent.
    """

    origin: ProtocolName
    data: str


@dataclass(slots=True)
class Text:
    text: str
    seal: Seal | None = None
    cache: Extra | None = None
    logprobs: list[Any] | None = None
    """In OpenAI's form: `[{"token", "logprob", "bytes", "top_logprobs": […]}]`."""
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Thinking:
    """Reasoning. `redacted` has no text, only a seal; empty text with a seal is legal too and must survive."""

    text: str
    seal: Seal | None = None
    redacted: bool = False
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class ToolCall:
    """A call the model made. `arguments` is JSON text (exactly as the model wrote it) or, where `custom`, free text."""

    id: str
    name: str
    arguments: str
    custom: bool = False
    seal: Seal | None = None
    cache: Extra | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class ToolResult:
    """What a tool answered. `name` is known in Gemini only; `call_id` may be "" there (match by order and name)."""

    call_id: str
    content: list[Part]
    name: str | None = None
    is_error: bool | None = None
    custom: bool = False
    cache: Extra | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Media:
    """An image, document, sound or film. Exactly one of `data` (base64), `url`, `file_id` is set."""

    kind: Literal["image", "document", "audio", "video"]
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None
    seal: Seal | None = None
    cache: Extra | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Refusal:
    """The model's words when it declines (OpenAI's refusal part)."""

    text: str
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Opaque:
    """A part that only `origin` knows (server tool blocks, code execution, …): its JSON, kept whole."""

    origin: ProtocolName
    kind: str
    raw: Any
    extra: Extra = field(default_factory=dict)


type Part = Text | Thinking | ToolCall | ToolResult | Media | Refusal | Opaque
