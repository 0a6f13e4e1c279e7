"""generationConfig, read and written (https://ai.google.dev/api/generate-content#generationconfig)."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.gemini.names import GIVEN, camel, rest
from proxy_core.protocols.gemini.schema import dialect_schema, from_gemini, json_schema
from proxy_core.protocols.gemini.thinking import read_thinking, write_thinking
from proxy_core.protocols.gemini.writing import API, Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.request import ChatRequest, OutputFormat, Sampling
from proxy_core.wire.fields import (
    optional_boolean,
    optional_integer,
    optional_number,
    optional_string,
    record,
    strings,
)
from proxy_core.wire.json import dumps

CONFIG = "generationConfig"
_JSON = "application/json"
_OUTPUT = ("responseMimeType", "responseSchema", "responseJsonSchema")
_SAMPLING = (
    *("temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "seed", "presencePenalty"),
    *("frequencyPenalty", "candidateCount", "responseLogprobs", "logprobs"),
)
_MOST_SEED = 2**31 - 1


def read_config(value: Any, request: ChatRequest) -> None:
    """Fills in what generationConfig says."""
    if value is None:
        return
    raw = camel(record(value, CONFIG))
    request.sampling = _read_sampling(raw)
    request.output = _read_output(raw)
    request.reasoning = read_thinking(raw.get("thinkingConfig"), f"{CONFIG}.thinkingConfig")
    unknown = rest(raw, (*_SAMPLING, *_OUTPUT, "thinkingConfig"))
    if unknown:
        request.extra[CONFIG] = unknown


def _read_sampling(raw: dict[str, Any]) -> Sampling:
    def number(name: str) -> float | None:
        return optional_number(raw.get(name), f"{CONFIG}.{name}")

    def integer(name: str) -> int | None:
        return optional_integer(raw.get(name), f"{CONFIG}.{name}")

    stop = raw.get("stopSequences")
    return Sampling(
        temperature=number("temperature"),
        top_p=number("topP"),
        top_k=integer("topK"),
        max_tokens=integer("maxOutputTokens"),
        stop=None if stop is None else strings(stop, f"{CONFIG}.stopSequences"),
        seed=integer("seed"),
        presence_penalty=number("presencePenalty"),
        frequency_penalty=number("frequencyPenalty"),
        n=integer("candidateCount"),
        logprobs=optional_boolean(raw.get("responseLogprobs"), f"{CONFIG}.responseLogprobs"),
        top_logprobs=integer("logprobs"),
    )


def _read_output(raw: dict[str, Any]) -> OutputFormat | None:
    mime = optional_string(raw.get("responseMimeType"), f"{CONFIG}.responseMimeType")
    given: Extra = {name: raw[name] for name in _OUTPUT if raw.get(name) is not None}
    for name in ("responseSchema", "responseJsonSchema"):
        if raw.get(name) is not None:
            schema = from_gemini(record(raw[name], f"{CONFIG}.{name}"))
            return OutputFormat("schema", schema, extra={GIVEN: {"raw": given, "schema": schema}})
    if mime is None:
        return None
    return OutputFormat("json" if mime == _JSON else "text", extra={GIVEN: {"raw": given, "schema": None}})


def write_config(request: ChatRequest, writing: Writing, *, has_functions: bool) -> Extra:
    """`has_functions`: whether functions are offered, which older models refuse together with JSON output."""
    fields = {
        **_written_sampling(request.sampling, writing),
        **_written_output(request.output, writing, has_functions=has_functions),
        "thinkingConfig": write_thinking(request.reasoning, writing),
    }
    unknown = request.extra.get(CONFIG, {}) if writing.own else {}
    return {**{name: value for name, value in fields.items() if value is not None}, **unknown}


def _written_sampling(sampling: Sampling, writing: Writing) -> Extra:
    fields: Extra = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "maxOutputTokens": sampling.max_tokens,
        "stopSequences": sampling.stop,
        "seed": sampling.seed,
        "presencePenalty": sampling.presence_penalty,
        "frequencyPenalty": sampling.frequency_penalty,
        "candidateCount": sampling.n,
        "responseLogprobs": sampling.logprobs,
        "logprobs": sampling.top_logprobs,
    }
    return fields if writing.own else _accepted(fields, sampling, writing)


def _accepted(fields: Extra, sampling: Sampling, writing: Writing) -> Extra:
    """What the model takes of another protocol's sampling; a Gemini client's own is not changed."""
    profile, losses = writing.target.profile, writing.losses
    refused = [] if profile.temperature else ["temperature", "topP", "topK"]
    refused += [] if profile.penalties else ["presencePenalty", "frequencyPenalty"]
    for name in refused:
        if fields[name] or (fields[name] == 0 and name in _WITH_MEANING_AT_ZERO):
            losses.drop(_FOREIGN_NAMES[name], f"{writing.target.model} does not take it")
        fields[name] = None
    if fields["temperature"] is not None and fields["temperature"] > profile.max_temperature:
        losses.change("temperature", f"{writing.target.model} takes at most {profile.max_temperature}")
        fields["temperature"] = profile.max_temperature
    fields["maxOutputTokens"] = _output_limit(sampling.max_tokens, writing)
    fields["stopSequences"] = _stops(sampling.stop, writing)
    fields["seed"] = _seed(sampling.seed, writing)
    if sampling.n == 1:
        fields["candidateCount"] = None
    if not sampling.logprobs:
        fields["responseLogprobs"] = fields["logprobs"] = None
    return fields


_WITH_MEANING_AT_ZERO = ("temperature", "topP")
_FOREIGN_NAMES = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}


def _output_limit(wanted: int | None, writing: Writing) -> int | None:
    profile = writing.target.profile
    if wanted is None or profile.context_window is None or wanted <= profile.max_output_tokens:
        return wanted
    limit = profile.max_output_tokens
    writing.losses.change("max_tokens", f"{writing.target.model} writes at most {limit} tokens")
    return limit


def _stops(wanted: list[str] | None, writing: Writing) -> list[str] | None:
    """The API refuses empty stop sequences and more than it has room for."""
    stops = [stop for stop in wanted or [] if stop]
    most = writing.target.dialect.stop_limit
    if most is not None and len(stops) > most:
        writing.losses.drop("stop", f"{API} takes {most} stop sequences; the first ones were sent")
        stops = stops[:most]
    return stops or None


def _seed(seed: int | None, writing: Writing) -> int | None:
    if seed is None or -_MOST_SEED <= seed <= _MOST_SEED:
        return seed
    writing.losses.change("seed", f"{API} takes 32 bits; the lower ones were sent")
    return seed & _MOST_SEED


def _written_output(output: OutputFormat | None, writing: Writing, *, has_functions: bool) -> Extra:
    if output is None or (output.kind == "text" and not writing.own):
        return {}
    given = output.extra.get(GIVEN) if writing.own else None
    full = writing.target.profile.json_schema_tools
    if given and given["schema"] is output.schema and (full or "responseJsonSchema" not in given["raw"]):
        return given["raw"]
    if output.kind == "text" or asked_in_words(output, writing, has_functions=has_functions):
        return {}
    writing.kept(output.extra, "response_format")
    if output.kind == "json" or not isinstance(output.schema, dict):
        return {"responseMimeType": _JSON}
    path = "response_format.schema"
    if full:
        schema = json_schema(output.schema, path, writing.losses, parameters=False)
        return {"responseMimeType": _JSON, "responseJsonSchema": schema}
    schema = dialect_schema(output.schema, path, writing.losses, parameters=False)
    return {"responseMimeType": _JSON, "responseSchema": schema}


def asked_in_words(output: OutputFormat | None, writing: Writing, *, has_functions: bool) -> str | None:
    """What to say to a model that takes functions or a form of answer, but not both; None where that is no problem."""
    if output is None or output.kind == "text" or writing.own:
        return None
    if writing.target.profile.tools_with_schema or not has_functions:
        return None
    writing.losses.change("response_format", f"{writing.target.model} takes no functions beside it; asked for in words")
    if output.kind == "json" or output.schema is None:
        return "Answer with one JSON object and nothing else."
    schema = dumps(output.schema).decode()
    return f"Your final answer must be JSON that fits this JSON Schema, and nothing else:\n{schema}"
