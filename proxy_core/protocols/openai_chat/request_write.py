"""A ChatRequest of any origin, written as a chat completions request."""

from __future__ import annotations

from typing import Any

from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import UpstreamCall
from proxy_core.protocols.openai_chat.messages_write import write_messages
from proxy_core.protocols.openai_chat.reasoning_write import write_reasoning
from proxy_core.protocols.openai_chat.tools_write import write_tool_fields
from proxy_core.protocols.openai_chat.writing import Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, OutputFormat, Sampling
from proxy_core.turn.schemas import is_closed
from proxy_core.wire.json import dumps

_UNNAMED_SCHEMA = "answer"
_ONLY_JSON = "Answer with a JSON object only, without any other text."
_BY_SCHEMA = "Answer with JSON only, without any other text. It must conform to this JSON Schema:\n"


def write_request(request: ChatRequest, target: Target, losses: Losses) -> UpstreamCall:
    writing = Writing(target, losses, request.origin)
    reasoning = write_reasoning(request.reasoning, writing)
    body: dict[str, Any] = {
        "model": target.model,
        "messages": write_messages(request, writing),
        **write_tool_fields(request, writing),
        **_sampling(request.sampling, writing),
        **reasoning,
        **_caller(request, writing),
    }
    _add_output(request.output, body, writing)
    shared = _shared(request, writing)
    extra = shared | writing.kept(_without(request.extra, shared), "")
    options = extra.pop("stream_options", {})
    if request.stream:
        body["stream"] = True
        if target.dialect.stream_options:
            body["stream_options"] = {"include_usage": True, **options}
    return UpstreamCall("/chat/completions", {**body, **extra})


def _sampling(sampling: Sampling, writing: Writing) -> Extra:
    dialect = writing.dialect
    fields: Extra = {
        "temperature": _temperature(sampling.temperature, writing),
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "logprobs": True if sampling.top_logprobs is not None else sampling.logprobs,
        "top_logprobs": sampling.top_logprobs,
        "top_k": sampling.top_k,
        "n": None if sampling.n == 1 and not dialect.n else sampling.n,
        dialect.max_tokens_field: _output_limit(sampling.max_tokens, writing),
        "stop": _stop(sampling.stop, writing),
        dialect.seed_field: sampling.seed,
    }
    for name in _refused(writing):
        if fields.get(name) is not None:
            writing.losses.drop(name, f"{dialect.name} does not take it for {writing.target.model}")
            fields[name] = None
    return {name: value for name, value in fields.items() if value is not None}


def _refused(writing: Writing) -> list[str]:
    """https://developers.openai.com/api/docs/guides/latest-model: models that fix the temperature fix the rest too."""
    dialect, free = writing.dialect, writing.target.profile.temperature
    taken = {
        "temperature": free,
        "top_p": free,
        "presence_penalty": free and dialect.penalties,
        "frequency_penalty": free and dialect.penalties,
        "logprobs": free and dialect.logprobs,
        "top_logprobs": free and dialect.logprobs,
        "top_k": dialect.top_k or writing.as_given,
        "n": dialect.n,
        dialect.seed_field: dialect.seed,
    }
    return [name for name, takes in taken.items() if not takes]


def _temperature(wanted: float | None, writing: Writing) -> float | None:
    limit = writing.target.profile.max_temperature
    if wanted is None or wanted <= limit:
        return wanted
    writing.losses.change("temperature", f"{writing.target.model} takes at most {limit}")
    return limit


def _output_limit(wanted: int | None, writing: Writing) -> int | None:
    """Within what the model can give, where that is known; a client's own chat request is not changed."""
    profile = writing.target.profile
    if wanted is None or writing.own or profile.context_window is None or wanted <= profile.max_output_tokens:
        return wanted
    limit = profile.max_output_tokens
    writing.losses.change("max_tokens", f"{writing.target.model} gives at most {limit}")
    return limit


def _stop(stop: list[str] | None, writing: Writing) -> list[str] | None:
    limit = writing.dialect.stop_limit
    if not stop or limit is None or len(stop) <= limit:
        return stop
    writing.losses.drop(f"stop[{limit}:]", f"{writing.dialect.name} takes at most {limit} stop sequences")
    return stop[:limit]


def _caller(request: ChatRequest, writing: Writing) -> Extra:
    """Who asks, and which cache to use."""
    wanted = {
        "user": (request.user, writing.dialect.user),
        "prompt_cache_key": (request.cache_key, writing.dialect.cache_key or writing.as_given),
    }
    fields: Extra = {}
    for name, (value, takes) in wanted.items():
        if value is not None and takes:
            fields[name] = value
        elif value is not None:
            writing.losses.drop(name, f"{writing.dialect.name} has no such field")
    return fields


def _shared(request: ChatRequest, writing: Writing) -> Extra:
    """What OpenAI's Responses API has too. (`metadata` is refused here for replies not stored.)"""
    if request.origin != "openai_responses" or not writing.dialect.shared_fields:
        return {}
    shared = {name: value for name, value in request.extra.items() if name in writing.dialect.shared_fields}
    verbosity = request.extra.get("text", {}).get("verbosity")
    if verbosity and writing.target.profile.thinking == "effort":
        shared["verbosity"] = verbosity
    return shared


def _without(extra: Extra, shared: Extra) -> Extra:
    rest = {key: value for key, value in extra.items() if key not in shared}
    if "verbosity" in shared:
        rest["text"] = {key: value for key, value in extra["text"].items() if key != "verbosity"}
    return rest


def _add_output(output: OutputFormat | None, body: dict[str, Any], writing: Writing) -> None:
    if output is None:
        return
    extra = writing.kept(output.extra, "response_format")
    match output.kind:
        case "text":
            body["response_format"] = {"type": "text", **extra}
        case "json":
            body["response_format"] = {"type": "json_object", **extra}
            if not writing.own:
                _say_json(body, _ONLY_JSON)
        case "schema" if writing.dialect.json_schema:
            body["response_format"] = {"type": "json_schema", "json_schema": _schema(output, writing, extra), **extra}
        case "schema":
            writing.losses.change("response_format", f"{writing.dialect.name} takes no schema; it stands in the prompt")
            body["response_format"] = {"type": "json_object"}
            _say_json(body, _BY_SCHEMA + dumps(output.schema).decode())


def _schema(output: OutputFormat, writing: Writing, extra: Extra) -> Extra:
    strict = output.strict
    if strict is None and not writing.own and is_closed(output.schema):
        strict = True
    named = {"description": output.description, "schema": output.schema, "strict": strict}
    given = {key: value for key, value in named.items() if value is not None}
    default = None if writing.own else _UNNAMED_SCHEMA
    name = output.name or default
    return {**({"name": name} if name else {}), **given, **extra.pop("json_schema", {})}


def _say_json(body: dict[str, Any], words: str) -> None:
    """`json_object` is refused unless the messages speak of JSON."""
    messages: list[Extra] = body["messages"]
    first = messages[0] if messages else None
    if first and first["role"] in ("system", "developer") and isinstance(first["content"], str):
        first["content"] += "\n\n" + words
    else:
        messages.insert(0, {"role": "system", "content": words})
