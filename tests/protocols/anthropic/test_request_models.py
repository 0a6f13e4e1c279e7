"""The rows of Anthropic's models, by the names under which they are met."""

from __future__ import annotations

import pytest

from proxy_core.profiles.lookup import profile_of


@pytest.mark.parametrize(
    ("model", "thinking", "can_disable", "prefill", "output"),
    [
        ("claude-3-5-haiku-20241022", "none", True, True, 8192),
        ("claude-3-7-sonnet-20250219", "budget", True, True, 64_000),
        ("claude-sonnet-4-20250514", "budget", True, True, 64_000),
        ("claude-sonnet-4@20250514", "budget", True, True, 64_000),
        ("claude-opus-4-1-20250805", "budget", True, True, 32_000),
        ("claude-sonnet-4.5", "budget", True, True, 64_000),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "budget", True, True, 64_000),
        ("anthropic/claude-opus-4.5", "budget", True, True, 64_000),
        ("claude-sonnet-4-6", "adaptive", True, False, 64_000),
        ("claude-opus-4-8", "adaptive", True, False, 128_000),
        ("claude-sonnet-5", "adaptive", True, False, 128_000),
        ("claude-opus-5", "adaptive", True, False, 128_000),
        ("claude-opus-5-20260724", "adaptive", True, False, 128_000),
        ("claude-opus-5-5", "adaptive", False, False, 128_000),
        ("claude-haiku-5-5", "adaptive", True, False, 128_000),
        ("claude-fable-5-1", "adaptive", False, False, 128_000),
        ("claude-opus-7", "adaptive", False, False, 128_000),
    ],
)
def test_models(model: str, thinking: str, can_disable: bool, prefill: bool, output: int) -> None:
    profile = profile_of(model)
    assert (profile.thinking, profile.can_disable_thinking) == (thinking, can_disable)
    assert (profile.prefill, profile.max_output_tokens) == (prefill, output)


@pytest.mark.parametrize(
    ("model", "accepted"),
    [
        ("claude-opus-4-7", False),
        ("claude-opus-4-8", True),
        ("claude-opus-5", True),
        ("claude-sonnet-5", False),
        ("claude-sonnet-5-5", True),
        ("claude-fable-5", False),
        ("claude-fable-5-1", True),
    ],
)
def test_system_messages_in_the_middle(model: str, accepted: bool) -> None:
    assert profile_of(model).mid_conversation_system is accepted
