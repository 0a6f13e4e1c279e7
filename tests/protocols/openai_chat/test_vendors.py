"""The rows of vendors and open models."""

from __future__ import annotations

import re

import pytest

from proxy_core.profiles import others
from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.lookup import profile_of


@pytest.mark.parametrize(
    ("model", "thinking", "always"),
    [
        ("deepseek-chat", "effort", False),
        ("deepseek/deepseek-r1", "adaptive", True),
        ("grok-4.3", "effort", True),
        ("grok-code-fast-1", "none", False),
        ("mistral-small-latest", "effort", False),
        ("pixtral-12b", "none", False),
        ("magistral-medium-latest", "none", False),
        ("qwen3-coder-480b", "none", False),
        ("Qwen/Qwen3-32B", "budget", False),
        ("kimi-k2-thinking", "adaptive", False),
        ("moonshotai/kimi-k3", "effort", True),
        ("glm-4.6", "adaptive", False),
        ("glm-5.3", "effort", True),
        ("llama-3.3-70b-versatile", "none", False),
        ("meta-llama/Llama-4-Maverick", "none", False),
        ("openai/gpt-oss-120b", "effort", True),
    ],
)
def test_models(model: str, thinking: str, always: bool) -> None:
    profile = profile_of(model)
    assert profile.thinking == thinking
    assert (not profile.can_disable_thinking) == always
    assert profile.context_window


def test_no_row_hides_a_later_one() -> None:
    """A pattern that matches another's own text with the signs taken out would never let it win."""
    patterns = [pattern for pattern, _ in others.MODELS]
    assert len(patterns) == len(set(patterns))
    for pattern in patterns:
        assert re.compile(pattern)
        assert pattern == pattern.lower()


def test_unknown_endpoints_get_what_the_client_wrote() -> None:
    assert [name for name, dialect in DIALECTS.items() if dialect.as_given] == ["default"]


@pytest.mark.parametrize(("other", "name"), [("kimi", "moonshot"), ("dashscope", "qwen"), ("hf", "huggingface")])
def test_vendors_with_two_names(other: str, name: str) -> None:
    assert DIALECTS[other] is DIALECTS[name]
