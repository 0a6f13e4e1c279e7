"""Anthropic's models: what each generation accepts.

https://platform.claude.com/docs/en/models/overview, the migration guide on each model's page, and
/docs/en/build-with-claude/{adaptive-thinking,effort,structured-outputs,mid-conversation-system-messages}.
Bedrock and Vertex write the same names with something before (`us.anthropic.`) or after (`@20250514`, `-v1:0`).
"""

from __future__ import annotations

from proxy_core.profiles.target import ModelProfile
from proxy_core.turn.request import Effort

_LOW_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high")
_NO_XHIGH: tuple[Effort, ...] = ("low", "medium", "high", "max")
_LOW_TO_MAX: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


def _adaptive(
    efforts: tuple[Effort, ...] = _LOW_TO_MAX,
    *,
    always: bool = False,
    system_anywhere: bool = False,
    temperature: bool = False,
    output: int = 128_000,
) -> ModelProfile:
    """Decides itself how long to think; refuses a prefilled answer. `always`: thinking cannot be turned off, and so
    no tool can be forced."""
    return ModelProfile(
        max_output_tokens=output,
        context_window=1_000_000,
        thinking="adaptive",
        efforts=efforts,
        can_disable_thinking=not always,
        prefill=False,
        temperature=temperature,
        max_temperature=1.0,
        mid_conversation_system=system_anywhere,
    )


def _budgeted(output: int, efforts: tuple[Effort, ...] = (), *, structured: bool = True) -> ModelProfile:
    """Thinks when given a budget of tokens."""
    return ModelProfile(
        max_output_tokens=output,
        context_window=200_000,
        thinking="budget",
        efforts=efforts,
        max_budget=output - 1,
        max_temperature=1.0,
        structured_output=structured,
    )


def _plain(output: int) -> ModelProfile:
    return ModelProfile(
        max_output_tokens=output, context_window=200_000, efforts=(), max_temperature=1.0, structured_output=False
    )


MODELS: tuple[tuple[str, ModelProfile], ...] = (
    # https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking: these always think
    (r"mythos-preview", _adaptive(_NO_XHIGH, always=True)),
    (r"claude-(fable|mythos)-5(?![-.]\d(?!\d))", _adaptive(always=True)),
    (r"claude-(fable|mythos)", _adaptive(always=True, system_anywhere=True)),
    # https://platform.claude.com/docs/en/models/haiku-5-5/whats-new-haiku-5-5
    (r"claude-haiku-(5[-.][5-9]|[6-9])", _adaptive(system_anywhere=True)),
    # https://platform.claude.com/docs/en/models/opus-5/overview: may be told not to think, up to effort "high"
    (r"claude-opus-5(?![-.]\d(?!\d))", _adaptive(system_anywhere=True)),
    # https://platform.claude.com/docs/en/about-claude/models/whats-new-sonnet-5
    (r"claude-sonnet-5(?![-.]\d(?!\d))", _adaptive()),
    # https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5, and what is to come after it
    (r"claude-(opus|sonnet)-([5-9]|\d\d)", _adaptive(always=True, system_anywhere=True)),
    # https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-8
    (r"claude-opus-4[-.][89]", _adaptive(system_anywhere=True)),
    (r"claude-opus-4[-.]7", _adaptive()),
    # https://platform.claude.com/docs/en/about-claude/models/migration-guide: the first to refuse a prefill
    (r"claude-opus-4[-.]6", _adaptive(_NO_XHIGH, temperature=True)),
    (r"claude-sonnet-4[-.][6-9]", _adaptive(_NO_XHIGH, temperature=True, output=64_000)),
    # https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    (r"claude-opus-4[-.]5", _budgeted(64_000, _LOW_TO_HIGH)),
    (r"claude-(sonnet|haiku)-4[-.]5", _budgeted(64_000)),
    (r"claude-(opus-4|4-opus)", _budgeted(32_000, structured=False)),
    (r"claude-(sonnet-4|4-sonnet)", _budgeted(64_000, structured=False)),
    (r"claude-3[-.]7", _budgeted(64_000, structured=False)),
    # https://platform.claude.com/docs/en/about-claude/model-deprecations
    (r"claude-3[-.]5", _plain(8_192)),
    (r"claude-(3|2|instant)", _plain(4_096)),
    (r"claude", _adaptive(always=True)),
)
