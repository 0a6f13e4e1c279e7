"""A ChatRequest of any origin, written as a Responses request."""

from __future__ import annotations

import hashlib
from typing import Any

from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import UpstreamCall
from proxy_core.protocols.openai_responses.items_write import write_input
from proxy_core.protocols.openai_responses.names import GIVEN, ORIGIN
from proxy_core.protocols.openai_responses.request_read import LOGPROBS
from proxy_core.protocols.openai_responses.tools import write_tool_choice, write_tools
from proxy_core.protocols.openai_responses.writing import API, Writing
from proxy_core.turn.content import Extra, Text
from proxy_core.turn.effort import effort_of, nearest_effort
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, Effort, OutputFormat, Reasoning, Sampling
from proxy_core.turn.schemas import is_closed

_LEAST_OUTPUT = 16
_LONGEST_IDENTIFIER = 64
_NOTED_FIELDS = (
    "store",
    "background",
    "truncation",
    "service_tier",
    "stream_options",
    "safety_identifier",
    "user",
    "include",
)


def write_request(request: ChatRequest, target: Target, losses: Losses) -> UpstreamCall:
    writing = Writing(target, losses, request.origin == ORIGIN)
    body: dict[str, Any] = {"model": target.model, "input": write_input(request, writing)}
    body |= write_settings(request, writing)
    if request.stream:
        body["stream"] = True
    return UpstreamCall("/responses", body)


def write_settings(request: ChatRequest, writing: Writing) -> Extra:
    """All fields but the model, the input and `stream`."""
    fields = {
        "instructions": _instructions(request, writing),
        **_tool_fields(request, writing),
        **_sampling(request, writing),
        "reasoning": _reasoning(request.reasoning, writing),
        "text": _text(request, writing),
        "prompt_cache_key": request.cache_key,
        **_own_fields(request, writing),
    }
    return {key: value for key, value in fields.items() if value is not None}


def _own_fields(request: ChatRequest, writing: Writing) -> Extra:
    if writing.own:
        noted = {key: request.extra[f"_{key}"] for key in _NOTED_FIELDS if f"_{key}" in request.extra}
        kept = {key: value for key, value in writing.kept(request.extra, "").items() if key != "text"}
        return {**kept, **noted}
    shared = _shared(request, writing)
    carried = shared.keys() | _verbosity(request, writing).keys()
    writing.kept({key: value for key, value in request.extra.items() if key not in carried}, "")
    # No one will ask for this reply by its id again; what reasoning it holds must come back with the history.
    fields: Extra = {"store": False, "include": _includes(request, writing)}
    if request.user:
        fields["safety_identifier"] = _identifier(request.user)
    return fields | shared


def _shared(request: ChatRequest, writing: Writing) -> Extra:
    """What OpenAI's chat completions have under the same name."""
    if request.origin != "openai_chat":
        return {}
    names = {*writing.target.dialect.shared_fields, "metadata"} if writing.target.dialect.shared_fields else set()
    return {name: value for name, value in request.extra.items() if name in names}


def _verbosity(request: ChatRequest, writing: Writing) -> Extra:
    """Chat completions have it at the top; only models that reason take it."""
    reasons = writing.target.profile.thinking == "effort" and writing.target.dialect.shared_fields
    verbosity = request.extra.get("verbosity") if request.origin == "openai_chat" and reasons else None
    return {"verbosity": verbosity} if verbosity else {}


def _includes(request: ChatRequest, writing: Writing) -> list[str] | None:
    includes = [] if writing.target.profile.thinking == "none" else ["reasoning.encrypted_content"]
    if request.sampling.logprobs:
        includes.append(LOGPROBS)
    return includes or None


def _identifier(user: str) -> str:
    return user if len(user) <= _LONGEST_IDENTIFIER else hashlib.sha256(user.encode()).hexdigest()


def _instructions(request: ChatRequest, writing: Writing) -> str | None:
    texts: list[str] = []
    for index, part in enumerate(request.system):
        path = f"system[{index}]"
        if not isinstance(part, Text):
            writing.losses.drop(path, f"{API} takes text as instructions only")
        else:
            writing.uncached(part.cache)
            writing.kept(part.extra, path)
            texts.append(part.text)
    return "\n\n".join(texts) if texts else None


def _tool_fields(request: ChatRequest, writing: Writing) -> Extra:
    fields: Extra = {
        "tools": write_tools(request.tools, writing) or None,
        "tool_choice": write_tool_choice(request.tool_choice, request.tools, writing),
    }
    if request.parallel_tool_calls is not None:
        if writing.target.dialect.parallel_tool_calls and (writing.own or fields["tools"]):
            fields["parallel_tool_calls"] = request.parallel_tool_calls
        elif fields["tools"]:
            writing.losses.drop("parallel_tool_calls", "the backend has no such field")
    return fields


def _sampling(request: ChatRequest, writing: Writing) -> Extra:
    sampling, profile = request.sampling, writing.target.profile
    _report_unsupported(sampling, writing)
    fields: Extra = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if not profile.temperature:
        for name in [name for name, value in fields.items() if value is not None]:
            writing.losses.drop(name, f"{writing.target.model} does not take it")
            fields[name] = None
    elif sampling.temperature is not None and sampling.temperature > profile.max_temperature:
        writing.losses.change("temperature", f"{writing.target.model} takes at most {profile.max_temperature}")
        fields["temperature"] = profile.max_temperature
    fields["max_output_tokens"] = _output_limit(sampling.max_tokens, writing)
    fields["top_logprobs"] = sampling.top_logprobs
    return fields


def _report_unsupported(sampling: Sampling, writing: Writing) -> None:
    unsupported = {
        "top_k": sampling.top_k,
        "stop": sampling.stop,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "n": None if sampling.n == 1 else sampling.n,
    }
    for name, value in unsupported.items():
        if value is not None:
            writing.losses.drop(name, f"{API} has no such field")


def _output_limit(wanted: int | None, writing: Writing) -> int | None:
    """Within what the API and the model take; a client's own Responses request is not changed."""
    profile = writing.target.profile
    if wanted is None or writing.own:
        return wanted
    limit = max(wanted, _LEAST_OUTPUT)
    if profile.context_window is not None:
        limit = min(limit, profile.max_output_tokens)
    if limit != wanted:
        writing.losses.change("max_tokens", f"{wanted} is outside what {writing.target.model} takes; {limit} was sent")
    return limit


def _reasoning(reasoning: Reasoning | None, writing: Writing) -> Extra | None:
    if reasoning is None:
        return None
    given = reasoning.extra.get(GIVEN) if writing.own else None
    effort = _effort(reasoning, writing)
    if given is not None and given["effort"] == reasoning.effort == effort:
        return given["raw"]
    if not writing.own and writing.target.profile.thinking == "none":
        if reasoning.enabled is not False:
            writing.losses.drop("reasoning", f"{writing.target.model} is not known to reason")
        return None
    fields = dict((given or {}).get("raw") or {})
    writing.kept({k: v for k, v in reasoning.extra.items() if k != GIVEN}, "reasoning")
    if effort is not None:
        fields["effort"] = effort
    if not writing.own and reasoning.show is not False and effort != "none":
        fields["summary"] = "auto"
    return fields or None


def _effort(reasoning: Reasoning, writing: Writing) -> Effort | None:
    profile = writing.target.profile
    wanted = reasoning.effort
    if wanted is None and reasoning.enabled is False:
        wanted = "none"
    elif wanted is None and reasoning.budget is not None:
        wanted = effort_of(reasoning.budget)
    if wanted is None or profile.thinking != "effort" or not profile.efforts:
        return wanted
    nearest = nearest_effort(wanted, profile.efforts)
    if nearest != wanted:
        writing.losses.change("reasoning.effort", f"{writing.target.model} has no '{wanted}'; '{nearest}' was sent")
    return nearest


def _text(request: ChatRequest, writing: Writing) -> Extra | None:
    fields = dict(request.extra.get("text") or {}) if writing.own else _verbosity(request, writing)
    form = _format(request.output, writing)
    return {"format": form, **fields} if form else fields or None


def _format(output: OutputFormat | None, writing: Writing) -> Extra | None:
    if output is None:
        return None
    extra = writing.kept(output.extra, "response_format")
    if output.kind == "text":
        return {"type": "text", **extra}
    if output.kind == "json":
        return {"type": "json_object", **extra}
    if not writing.target.dialect.json_schema:
        writing.losses.change("response_format", "the backend takes no schema; any JSON object is asked for")
        return {"type": "json_object"}
    strict = output.strict
    if strict is None and not writing.own and is_closed(output.schema):
        strict = True
    named = {"description": output.description, "strict": strict}
    described = {key: value for key, value in named.items() if value is not None}
    return {"type": "json_schema", "name": output.name or "answer", "schema": output.schema, **described, **extra}
