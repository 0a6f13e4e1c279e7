"""Models of vendors without a protocol of their own, and open weights: what each generation accepts.

`adaptive` here means a switch: thinking is on or off, with no measure (DeepSeek V3, GLM, Kimi K2, Qwen).
"""

from __future__ import annotations

from proxy_core.profiles.target import ModelProfile
from proxy_core.turn.request import Effort

_LOW_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high")
_LOW_HIGH_MAX: tuple[Effort, ...] = ("low", "high", "max")


def _talks(context: int, output: int, system_anywhere: bool = True) -> ModelProfile:
    return ModelProfile(max_output_tokens=output, context_window=context, mid_conversation_system=system_anywhere)


def _switches(context: int, output: int, always: bool = False, temperature: bool = True) -> ModelProfile:
    return ModelProfile(
        max_output_tokens=output,
        context_window=context,
        thinking="adaptive",
        can_disable_thinking=not always,
        temperature=temperature,
        mid_conversation_system=True,
    )


def _reasons(
    efforts: tuple[Effort, ...], context: int, output: int, always: bool = False, temperature: bool = True
) -> ModelProfile:
    return ModelProfile(
        max_output_tokens=output,
        context_window=context,
        thinking="effort",
        efforts=efforts,
        can_disable_thinking=not always,
        temperature=temperature,
        mid_conversation_system=True,
    )


def _budgeted(context: int, output: int, budget: int) -> ModelProfile:
    """Chat templates of these weights raise an error when a system message stands anywhere but first."""
    return ModelProfile(
        max_output_tokens=output, context_window=context, thinking="budget", min_budget=1, max_budget=budget
    )


_MISTRAL: tuple[tuple[str, ModelProfile], ...] = (
    # https://docs.mistral.ai/inference/conversations/reasoning: magistral always thinks and takes no effort
    (r"^magistral", _talks(131_072, 40_960, system_anywhere=False)),
    (r"^mistral-large-([4-9]|latest)", _reasons(("none", *_LOW_TO_HIGH), 262_144, 65_536)),
    (
        r"^mistral-(small-(2[6-9]|latest|[4-9])|medium-(3[.-]5|[4-9]|latest))",
        _reasons(("none", "high"), 262_144, 65_536),
    ),
    # https://docs.mistral.ai/getting-started/models/models_overview/
    (r"^(codestral|devstral|voxtral)", _talks(262_144, 65_536, system_anywhere=False)),
    (r"^(mistral|ministral|pixtral|open-mi|mixtral)", _talks(131_072, 32_768, system_anywhere=False)),
)

_DEEPSEEK: tuple[tuple[str, ModelProfile], ...] = (
    # https://api-docs.deepseek.com/quick_start/pricing: both old names are V4 Flash now
    (r"^deepseek-(v([4-9]|\d\d)|chat$|reasoner$)", _reasons(("high", "max"), 1_048_576, 393_216)),
    (r"^deepseek-r1", _switches(131_072, 65_536, always=True)),
    (r"^deepseek", _switches(131_072, 32_768)),
)

_XAI: tuple[tuple[str, ModelProfile], ...] = (
    # https://docs.x.ai/developers/models
    (r"^grok-4\.[3-9](?!\d)", _reasons(_LOW_TO_HIGH, 500_000, 131_072, always=True)),
    (r"^grok-([5-9]|\d\d)", _reasons(_LOW_TO_HIGH, 500_000, 131_072, always=True)),
    (r"^grok-3-mini", _reasons(("low", "high"), 131_072, 131_072, always=True)),
    (r"^grok-4.*(fast|20)", _talks(2_000_000, 131_072)),
    (r"^grok", _talks(256_000, 65_536)),
)

_QWEN: tuple[tuple[str, ModelProfile], ...] = (
    # https://www.alibabacloud.com/help/en/model-studio/models and /deep-thinking
    (r"^qwen3-coder", _talks(262_144, 65_536, system_anywhere=False)),
    (r"^qwen3.*instruct", _talks(262_144, 32_768, system_anywhere=False)),
    (r"^(qwen3[.-]\d.*(plus|flash)|qwen-(plus|flash|turbo))", _budgeted(1_000_000, 65_536, 81_920)),
    (r"^(qwen([3-9]|\d\d)|qwen-(max|omni)|qwq)", _budgeted(262_144, 65_536, 81_920)),
    (r"^qwen", _talks(131_072, 8_192, system_anywhere=False)),
)

_KIMI: tuple[tuple[str, ModelProfile], ...] = (
    # https://platform.kimi.ai/docs/guide/use-thinking-effort: sampling is fixed by the platform
    (r"^kimi-k([3-9]|\d\d)", _reasons(_LOW_HIGH_MAX, 1_048_576, 131_072, always=True, temperature=False)),
    (r"^kimi-k2[.-]7", _switches(262_144, 65_536, always=True, temperature=False)),
    (r"^kimi-k2([.-][5-9]|-thinking)", _switches(262_144, 65_536, temperature=False)),
    (r"^kimi", _talks(262_144, 32_768)),
    (r"^moonshot", _talks(131_072, 32_768)),
)

_GLM: tuple[tuple[str, ModelProfile], ...] = (
    # https://docs.z.ai/api-reference/llm/chat-completion; 5.3 cannot stop thinking
    (r"^glm-(5\.[3-9]|[6-9]|\d\d)", _reasons(_LOW_HIGH_MAX, 1_048_576, 131_072, always=True)),
    (r"^glm-(5|4\.[67])", _switches(202_752, 131_072)),
    (r"^glm-4\.5", _switches(131_072, 98_304)),
    (r"^glm", _talks(131_072, 16_384)),
)


def _command(context: int, output: int, thinks: bool = False, forced_tools: bool = True) -> ModelProfile:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command-r-plus.html has the range of
    the temperature; while thinking, some thousand tokens are to be left for the answer."""
    return ModelProfile(
        max_output_tokens=output,
        context_window=context,
        thinking="budget" if thinks else "none",
        min_budget=1,
        max_budget=output - 1000,
        max_temperature=1.0,
        forced_tools=forced_tools,
    )


_COHERE: tuple[tuple[str, ModelProfile], ...] = (
    # https://docs.cohere.com/docs/models; the older Command R and R+ know no `tool_choice`
    (r"^command-a-(reasoning|plus)", _command(256_000, 32_000, thinks=True)),
    (r"^command-a-(vision|translate)", _command(128_000, 8_000)),
    (r"^command-a", _command(256_000, 8_000)),
    (r"^command-r7b", _command(128_000, 4_000)),
    (r"^command-r", _command(128_000, 4_000, forced_tools=False)),
    (r"^(command|c4ai)", _command(128_000, 4_000)),
)

_OPEN_WEIGHTS: tuple[tuple[str, ModelProfile], ...] = (
    # https://platform.minimax.io/docs/api-reference/text-openai-api: always thinks
    (r"^minimax-m\d", _switches(204_800, 131_072, always=True)),
    # https://www.llama.com/docs/model-cards-and-prompt-formats/
    (r"^llama-?4", _talks(1_048_576, 8_192, system_anywhere=False)),
    (r"^(meta-)?llama", _talks(131_072, 8_192, system_anywhere=False)),
    # https://ai.google.dev/gemma/docs: served by others through chat completions
    (r"^gemma", _talks(131_072, 8_192, system_anywhere=False)),
    # https://docs.perplexity.ai/getting-started/models
    (r"^sonar.*reasoning", _reasons(_LOW_TO_HIGH, 128_000, 8_192, always=True)),
    (r"^sonar", _talks(128_000, 8_192)),
    (r"^(phi|nova|granite|nemotron|hermes|wizardlm)", _talks(131_072, 8_192, system_anywhere=False)),
    # Parley's own demonstration models
    (r"^(echo|loop|busy|slow|tools)$", _talks(131_072, 8_192)),
)

MODELS: tuple[tuple[str, ModelProfile], ...] = (
    *_MISTRAL,
    *_DEEPSEEK,
    *_XAI,
    *_QWEN,
    *_KIMI,
    *_GLM,
    *_COHERE,
    *_OPEN_WEIGHTS,
)
