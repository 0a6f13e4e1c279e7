"""OpenAI's chat completions, and everyone who speaks them."""

from proxy_core.protocols.openai_chat import endpoints, slots
from proxy_core.protocols.openai_chat.codec import OPENAI_CHAT

__all__ = ["OPENAI_CHAT", "endpoints", "slots"]
