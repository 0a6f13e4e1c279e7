"""Google's models: what each generation accepts.

None is left to continue its own last turn: from 3.6 on that is an error
(https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/gemini/3-6-flash), and asked to go on, all do.
"""

from __future__ import annotations

from proxy_core.profiles.target import ModelProfile
from proxy_core.turn.request import Effort

_MILLION = 1_048_576
_FROM_LOW: tuple[Effort, ...] = ("low", "medium", "high")
_FROM_MINIMAL: tuple[Effort, ...] = ("minimal", "low", "medium", "high")


def _levels(efforts: tuple[Effort, ...], context: int = _MILLION, output: int = 65_536) -> ModelProfile:
    """Gemini 3: a level in place of a budget, never wholly off; signatures are demanded on function calls."""
    return ModelProfile(
        max_output_tokens=output,
        context_window=context,
        thinking="level",
        efforts=efforts,
        can_disable_thinking=False,
        needs_thought_signatures=True,
        function_response_media=True,
        prefill=False,
    )


def _fixed(efforts: tuple[Effort, ...]) -> ModelProfile:
    """From 3.6 on sampling is the model's own affair."""
    return ModelProfile(
        max_output_tokens=65_536,
        context_window=_MILLION,
        thinking="level",
        efforts=efforts,
        can_disable_thinking=False,
        needs_thought_signatures=True,
        function_response_media=True,
        temperature=False,
        penalties=False,
        prefill=False,
    )


def _budgets(least: int, most: int, can_disable: bool) -> ModelProfile:
    """Gemini 2.5. JSON output and functions exclude each other (https://github.com/BerriAI/litellm/issues/18621)."""
    return ModelProfile(
        max_output_tokens=65_536,
        context_window=_MILLION,
        thinking="budget",
        min_budget=least,
        max_budget=most,
        can_disable_thinking=can_disable,
        tools_with_schema=False,
        prefill=False,
    )


def _talks(context: int, output: int, full_schema: bool = False) -> ModelProfile:
    return ModelProfile(
        max_output_tokens=output,
        context_window=context,
        tools_with_schema=False,
        json_schema_tools=full_schema,
        prefill=False,
    )


MODELS: tuple[tuple[str, ModelProfile], ...] = (
    # Images and speech: https://ai.google.dev/gemini-api/docs/models
    (r"^gemini-3.*-image", _levels(("minimal", "high"), 65_536, 32_768)),
    (r"^gemini-2\.5.*-(image|tts)", _talks(32_768, 32_768, full_schema=True)),
    # https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking
    # https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6
    (r"^gemini-3\.(6|5-flash-lite).*", _fixed(_FROM_MINIMAL)),
    (r"^gemini-3\.([7-9]|\d\d).*-lite", _fixed(_FROM_MINIMAL)),
    (r"^gemini-3\.([7-9]|\d\d)", _fixed(_FROM_LOW)),
    (r"^gemini-3(\.[1-5])?-pro", _levels(_FROM_LOW)),
    (r"^gemini-3", _levels(_FROM_MINIMAL)),
    # https://ai.google.dev/gemini-api/docs/thinking#set-budget
    (r"^gemini-2\.5-pro", _budgets(128, 32_768, can_disable=False)),
    (r"^gemini-2\.5-flash-lite", _budgets(512, 24_576, can_disable=True)),
    (r"^gemini-2\.5", _budgets(1, 24_576, can_disable=True)),
    (r"^gemini-robotics", _budgets(0, 24_576, can_disable=True)),
    # https://ai.google.dev/gemini-api/docs/deprecations
    (r"^gemini-2", _talks(_MILLION, 8_192)),
    (r"^gemini-1", _talks(_MILLION, 8_192)),
    (r"^gemini-pro(-vision)?$", _talks(32_768, 8_192)),
    # https://ai.google.dev/gemma/docs/core/gemma_on_gemini_api
    (r"^gemma-", _talks(131_072, 8_192)),
    # What comes next and names without a version (gemini-flash-latest) are of the newest kind.
    (r"^gemini-.*lite", _fixed(_FROM_MINIMAL)),
    (r"^gemini-", _fixed(_FROM_LOW)),
)
