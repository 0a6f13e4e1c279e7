"""Sampling parameters and the limit of the output.

https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from proxy_core.protocols.anthropic.thinking import Thought
from proxy_core.protocols.anthropic.writing import API, Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.request import ChatRequest, Sampling

_USUAL_LIMIT = 32_000
"""What is asked for when the client names no limit: enough for an agent's longest edit, while the input may still
fill most of the context window (both together must fit)."""
_THINKING_LIMIT = 64_000
_LEAST_TOP_P_THINKING = 0.95
_HIGHEST_TEMPERATURE = 1.0


def output_limit(request: ChatRequest, writing: Writing) -> int | None:
    """`max_tokens`, which Anthropic requires: within what the model takes (T56)."""
    wanted, most = request.sampling.max_tokens, writing.target.profile.max_output_tokens
    if wanted is None:
        reasoning = request.reasoning
        usual = _THINKING_LIMIT if reasoning and reasoning.enabled is not False else _USUAL_LIMIT
        return min(most, usual)
    if not writing.fits_model or wanted <= most:
        return wanted
    writing.losses.change("max_tokens", f"{writing.target.model} gives at most {most} tokens")
    return most


def sampling_fields(request: ChatRequest, thought: Thought, writing: Writing) -> Extra:
    sampling = request.sampling
    _report_unsupported(sampling, writing)
    fields: Extra = {
        "temperature": _temperature(sampling, writing),
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop_sequences": _stop(sampling.stop, writing),
    }
    for name, why in _refused(fields, thought, writing, own=writing.own and not request.wished).items():
        if fields[name] is not None:
            if name == "top_k" or fields[name] != 1:  # 1 is what the model does anyway
                writing.losses.drop(name, why)
            fields[name] = None
    return {name: value for name, value in fields.items() if value is not None}


def _temperature(sampling: Sampling, writing: Writing) -> float | None:
    if sampling.temperature is None or writing.own or sampling.temperature <= _HIGHEST_TEMPERATURE:
        return sampling.temperature
    writing.losses.change("temperature", f"{API} takes at most {_HIGHEST_TEMPERATURE}")
    return _HIGHEST_TEMPERATURE


def _refused(fields: Extra, thought: Thought, writing: Writing, own: bool) -> dict[str, str]:
    """Which of the fields the model would refuse, and why. `own` ones are the client's and its vendor's affair."""
    model = writing.target.model
    if writing.fits_model and not writing.target.profile.temperature:
        return dict.fromkeys(("temperature", "top_p", "top_k"), f"{model} does not take it")
    if own:
        return {}
    refused: dict[str, str] = {}
    if thought.on:
        why = "it cannot be set while the model thinks"
        if fields["temperature"] != 1:
            refused["temperature"] = why
        refused["top_k"] = why
        if (fields["top_p"] or 1) < _LEAST_TOP_P_THINKING:
            refused["top_p"] = why
    if fields["temperature"] is not None and "temperature" not in refused:
        refused["top_p"] = f"{model} takes it or the temperature, not both"
    return refused


def _stop(stop: list[str] | None, writing: Writing) -> list[str] | None:
    if stop is None or writing.own:
        return stop
    kept = [sequence for sequence in stop if sequence.strip()]
    if len(kept) < len(stop):
        writing.losses.drop("stop", f"{API} takes no stop sequence of white space only")
    return kept or None


def _report_unsupported(sampling: Sampling, writing: Writing) -> None:
    unsupported = {
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty or None,
        "frequency_penalty": sampling.frequency_penalty or None,
        "n": None if sampling.n == 1 else sampling.n,
        "logprobs": sampling.logprobs or None,
        "top_logprobs": sampling.top_logprobs,
    }
    for name, value in unsupported.items():
        if value is not None:
            writing.losses.drop(name, f"{API} has no such field")
