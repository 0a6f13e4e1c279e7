"""What is known about providers before anyone configures anything: addresses, dialects, hosts to intercept."""

from __future__ import annotations

from proxy_core.config import urls
from proxy_core.routing.upstreams import Backend
from proxy_core.turn.content import ProtocolName

DEMO = "demo"

BUILT_IN: dict[str, tuple[ProtocolName, str, str]] = {
    "openai": ("openai_chat", "https://api.openai.com/v1", "openai"),
    "openrouter": ("openai_chat", "https://openrouter.ai/api/v1", "openrouter"),
    "gemini": ("gemini", "https://generativelanguage.googleapis.com/v1beta", "gemini"),
    "anthropic": ("anthropic", "https://api.anthropic.com/v1", "anthropic"),
}
"""Protocol, base URL and dialect."""

DEMO_BACKEND = Backend(
    name=DEMO,
    protocol="openai_chat",
    base_url="http://demo.invalid/v1",
    dialect="demo",
    models=("echo", "loop", "busy", "slow", "tools"),
    key_optional=True,
    shows_own_name=True,
)

_DIALECT_OF_HOST = {
    "api.openai.com": "openai",
    "openrouter.ai": "openrouter",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "xai",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.fireworks.ai": "fireworks",
    "api.perplexity.ai": "perplexity",
    "api.moonshot.ai": "moonshot",
    "api.moonshot.cn": "moonshot",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zai",
    "dashscope.aliyuncs.com": "qwen",
    "dashscope-intl.aliyuncs.com": "qwen",
    "router.huggingface.co": "huggingface",
}
_DIALECT_OF_LOCAL_PORT = {"11434": "ollama", "1234": "lmstudio", "8080": "llamacpp"}
"""The ports these servers listen on when nobody says otherwise."""
_DIALECT_OF_PROTOCOL: dict[ProtocolName, str] = {"anthropic": "anthropic", "gemini": "gemini", "cohere": "cohere"}

INTERCEPTED = (
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "openrouter.ai",
    "api.groq.com",
    "api.mistral.ai",
    "api.deepseek.com",
    "api.x.ai",
    "api.together.xyz",
    "api.together.ai",
    "api.fireworks.ai",
    "api.perplexity.ai",
    "api.moonshot.ai",
    "api.moonshot.cn",
    "api.z.ai",
    "open.bigmodel.cn",
    "dashscope.aliyuncs.com",
    "dashscope-intl.aliyuncs.com",
    "router.huggingface.co",
)
"""Hosts whose TLS is opened for HTTP_PROXY clients. All others are tunnelled unread: sign-ins, package indexes."""


def guess_dialect(protocol: ProtocolName, base_url: str) -> str:
    """The dialect spoken at an address, when the configuration does not say."""
    if protocol in _DIALECT_OF_PROTOCOL:
        return _DIALECT_OF_PROTOCOL[protocol]
    host, _, port = urls.host_and_port(base_url).rpartition(":")
    local = _DIALECT_OF_LOCAL_PORT.get(port) if urls.is_local(base_url) else None
    return _DIALECT_OF_HOST.get(host) or local or "default"
