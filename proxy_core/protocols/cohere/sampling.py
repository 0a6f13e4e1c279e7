"""Sampling, within Cohere's ranges. https://docs.cohere.com/docs/advanced-generation-hyperparameters"""

from __future__ import annotations

from proxy_core.protocols.cohere.names import API
from proxy_core.protocols.cohere.writing import Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.request import Sampling

_RANGES: dict[str, tuple[float, float]] = {
    "top_p": (0.01, 0.99),
    "top_k": (0, 500),
    "frequency_penalty": (0.0, 1.0),
    "presence_penalty": (0.0, 1.0),
}


def write_sampling(sampling: Sampling, writing: Writing) -> Extra:
    frequency, presence = _penalties(sampling, writing)
    fields: Extra = {
        "max_tokens": sampling.max_tokens,
        "temperature": _temperature(sampling.temperature, writing),
        "p": _within("top_p", sampling.top_p, writing),
        "k": _within("top_k", sampling.top_k, writing),
        "frequency_penalty": frequency,
        "presence_penalty": presence,
        "seed": _seed(sampling.seed, writing),
        "stop_sequences": _stop(sampling.stop, writing),
        "logprobs": _logprobs(sampling, writing),
    }
    if sampling.n is not None and sampling.n > 1:
        writing.losses.drop("n", f"{API} gives one answer only")
    return {name: value for name, value in fields.items() if value is not None}


def _temperature(wanted: float | None, writing: Writing) -> float | None:
    limit = writing.profile.max_temperature
    if wanted is None or wanted <= limit:
        return wanted
    writing.losses.change("temperature", f"{writing.target.model} takes at most {limit}")
    return limit


def _within[Number: (int, float)](name: str, wanted: Number | None, writing: Writing) -> Number | float | None:
    if wanted is None:
        return None
    least, most = _RANGES[name]
    fitting = min(max(wanted, least), most)
    if fitting != wanted:
        writing.losses.change(name, f"{API} takes {least} to {most}")
    return fitting


def _penalties(sampling: Sampling, writing: Writing) -> tuple[float | None, float | None]:
    """Models refuse both at once (https://docs.cohere.com/reference/errors); none is what they have anyway."""
    frequency = _within("frequency_penalty", sampling.frequency_penalty, writing) or None
    presence = _within("presence_penalty", sampling.presence_penalty, writing) or None
    if frequency is not None and presence is not None:
        writing.losses.drop("presence_penalty", f"{API} takes only one of both penalties")
        presence = None
    return frequency, presence


def _seed(seed: int | None, writing: Writing) -> int | None:
    if seed is None or seed >= 0:
        return seed
    writing.losses.drop("seed", f"{API} takes none below 0")
    return None


def _stop(stop: list[str] | None, writing: Writing) -> list[str] | None:
    limit = writing.dialect.stop_limit
    if not stop or limit is None or len(stop) <= limit:
        return stop or None
    writing.losses.drop(f"stop[{limit}:]", f"{API} takes at most {limit} stop sequences")
    return stop[:limit]


def _logprobs(sampling: Sampling, writing: Writing) -> bool | None:
    if sampling.top_logprobs:
        writing.losses.drop("top_logprobs", f"{API} tells those of the chosen tokens only")
    return True if sampling.logprobs or sampling.top_logprobs is not None else None
