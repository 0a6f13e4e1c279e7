"""OpenAI's models: what each generation accepts.

The pages of single models are https://developers.openai.com/api/docs/models/NAME. Sampling parameters are
refused by reasoning models at any effort but none, so they count as not accepted there
(https://developers.openai.com/api/docs/guides/latest-model).
"""

from __future__ import annotations

from proxy_core.profiles.target import ModelProfile
from proxy_core.turn.request import Effort

_MILLION = 1_050_000
_LOW_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high")
_LOW_TO_XHIGH: tuple[Effort, ...] = ("low", "medium", "high", "xhigh")
_LOW_TO_MAX: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


def _reasons(
    efforts: tuple[Effort, ...], context: int = 400_000, output: int = 128_000, system_anywhere: bool = True
) -> ModelProfile:
    return ModelProfile(
        max_output_tokens=output,
        context_window=context,
        thinking="effort",
        efforts=efforts,
        can_disable_thinking="none" in efforts,
        temperature=False,
        mid_conversation_system=system_anywhere,
    )


def _talks(context: int, output: int) -> ModelProfile:
    return ModelProfile(max_output_tokens=output, context_window=context, mid_conversation_system=True)


MODELS: tuple[tuple[str, ModelProfile], ...] = (
    # Open weights, served by others: https://huggingface.co/openai/gpt-oss-120b
    (
        r"^gpt-oss",
        ModelProfile(
            max_output_tokens=32_768,
            context_window=131_072,
            thinking="effort",
            efforts=_LOW_TO_HIGH,
            can_disable_thinking=False,
            mid_conversation_system=True,
        ),
    ),
    # https://developers.openai.com/api/docs/models/gpt-6.1-sol: efforts none and minimal are gone, so is temperature
    (r"^gpt-([6-9]|\d\d)", _reasons(_LOW_TO_MAX, _MILLION)),
    (r"^gpt-(daybreak|rosalind|astra|sol|terra|luna)", _reasons(_LOW_TO_MAX, _MILLION)),
    # https://developers.openai.com/api/docs/models/gpt-5.6-sol
    (r"^gpt-5\.6", _reasons(("none", *_LOW_TO_MAX), _MILLION)),
    # https://developers.openai.com/api/docs/models/gpt-5.5 and gpt-5.4; "pro" always thinks
    (r"^gpt-5\.[23]-pro", _reasons(("medium", "high", "xhigh"))),
    (r"^gpt-5\.[4-9]-pro", _reasons(("medium", "high", "xhigh"), _MILLION)),
    (r"^gpt-5\.4-(mini|nano)", _reasons(("none", *_LOW_TO_XHIGH))),
    (r"^gpt-5\.\d+-chat", _talks(128_000, 16_384)),
    # https://developers.openai.com/api/docs/models/gpt-5.3-codex: codex models always think
    (r"^gpt-5\.1-codex-max|^gpt-5\.[2-9].*codex", _reasons(_LOW_TO_XHIGH)),
    (r"^gpt-5(\.1)?-codex", _reasons(_LOW_TO_HIGH)),
    (r"^gpt-5\.[4-9]", _reasons(("none", *_LOW_TO_XHIGH), _MILLION)),
    (r"^gpt-5\.[23]", _reasons(("none", *_LOW_TO_XHIGH))),
    # https://developers.openai.com/api/docs/models/gpt-5.1
    (r"^gpt-5\.1", _reasons(("none", *_LOW_TO_HIGH))),
    # https://developers.openai.com/api/docs/models/gpt-5
    (r"^gpt-5-chat", _talks(128_000, 16_384)),
    (r"^gpt-5-pro", _reasons(("high",), output=272_000)),
    (r"^gpt-5", _reasons(("minimal", *_LOW_TO_HIGH))),
    # https://developers.openai.com/api/docs/models/o4-mini
    (r"^o1-(mini|preview)", _reasons((), 128_000, 65_536, system_anywhere=False)),
    (r"^o[1-9]\d*-pro|^o[1-9]|^codex-mini", _reasons(_LOW_TO_HIGH, 200_000, 100_000)),
    (r"^computer-use-preview", _talks(8_192, 1_024)),
    # https://developers.openai.com/api/docs/models/gpt-4.1
    (r"^gpt-4\.[15]", _talks(1_047_576, 32_768)),
    (r"^gpt-4o-2024-05-13", _talks(128_000, 4_096)),
    (r"^(chatgpt-4o|gpt-4o|gpt-audio|gpt-realtime)", _talks(128_000, 16_384)),
    (r"^gpt-4-(turbo|1106|0125|vision)", _talks(128_000, 4_096)),
    (r"^gpt-4-32k", _talks(32_768, 32_768)),
    (r"^gpt-4", _talks(8_192, 8_192)),
    (r"^gpt-3\.5", _talks(16_385, 4_096)),
)
