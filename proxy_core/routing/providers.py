"""The providers whose hosts are recognised in intercepted traffic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """`prefix` stands before the version in the provider's paths."""

    name: str
    host: str
    prefix: str = ""
    dialect: str = "default"


PROVIDERS: tuple[Provider, ...] = (
    Provider("openai", "api.openai.com", dialect="openai"),
    Provider("chatgpt", "chatgpt.com", "/backend-api/codex", "openai"),
    Provider("anthropic", "api.anthropic.com", dialect="anthropic"),
    Provider("gemini", "generativelanguage.googleapis.com", dialect="gemini"),
    Provider("openrouter", "openrouter.ai", "/api", "openrouter"),
    Provider("groq", "api.groq.com", "/openai", "groq"),
    Provider("mistral", "api.mistral.ai", dialect="mistral"),
    Provider("deepseek", "api.deepseek.com", dialect="deepseek"),
    Provider("xai", "api.x.ai", dialect="xai"),
    Provider("together", "api.together.xyz", dialect="together"),
    Provider("fireworks", "api.fireworks.ai", "/inference", "fireworks"),
    Provider("perplexity", "api.perplexity.ai", dialect="perplexity"),
    Provider("moonshot", "api.moonshot.ai", dialect="moonshot"),
)
