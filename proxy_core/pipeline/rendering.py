"""A client's request rendered for another protocol: what is prepared before the writer, and undone after it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace

from proxy_core.errors import ParleyError
from proxy_core.pipeline.stages import CustomCalls, Stage, StructuredAnswer, ToolNames
from proxy_core.pipeline.unfinished import Unfinished, asked_to_go_on, put_on
from proxy_core.pipeline.wishes import NO_WISHES, Wishes
from proxy_core.pipeline.wording import client_path
from proxy_core.profiles.lookup import dialect_of, profile_of
from proxy_core.profiles.target import Dialect, Target
from proxy_core.protocols import PREPARATIONS, STRUCTURED_OUTPUT_TOOL
from proxy_core.protocols.contract import BackendCodec, UpstreamCall
from proxy_core.routing.upstreams import Upstream
from proxy_core.turn.content import Part, ToolCall
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest, Tool

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""What OpenAI, Anthropic and Gemini all take."""


@dataclass(slots=True)
class Rendered:
    call: UpstreamCall
    losses: Losses
    stages: list[Stage] = field(default_factory=list)


def render(
    request: ChatRequest,
    upstream: Upstream,
    codec: BackendCodec,
    wishes: Wishes = NO_WISHES,
    unfinished: Unfinished | None = None,
) -> Rendered:
    """`request` for `upstream`, and the stages that its reply needs; with `unfinished`, for the rest of that answer.

    Raises ParleyError.
    """
    losses = Losses()
    profile = replace(profile_of(upstream.model), **upstream.profile)
    target = Target(upstream.model, dialect_of(upstream.backend.dialect), profile)
    request = wishes.fitting(target, losses).applied(replace(request, model=upstream.model))
    if request.origin != codec.name:
        for prepare in PREPARATIONS.get(request.origin, ()):
            prepare(request, losses)
    names: dict[str, str] = {}
    if request.origin != codec.name:
        request, names = _with_fitting_names(request, target.dialect)
    prefill = None
    if unfinished:
        request, prefill = asked_to_go_on(request, unfinished, target)
    call = _written(request, codec, target, losses)
    if prefill:
        put_on(call.body, prefill)
    losses = losses.reworded(lambda path: client_path(path, request.origin))
    return Rendered(call, losses, _stages(request, codec, target, names))


def _written(request: ChatRequest, codec: BackendCodec, target: Target, losses: Losses) -> UpstreamCall:
    try:
        return codec.write_request(request, target, losses)
    except ParleyError as error:
        if error.fault.field:
            error.fault = replace(error.fault, field=client_path(error.fault.field, request.origin))
        raise


def _stages(request: ChatRequest, codec: BackendCodec, target: Target, names: dict[str, str]) -> list[Stage]:
    stages: list[Stage] = []
    if _answers_by_tool(request, codec, target):
        stages.append(StructuredAnswer(STRUCTURED_OUTPUT_TOOL))
    if names:
        stages.append(ToolNames(names))
    custom = frozenset(tool.name for tool in request.tools if tool.custom)
    if custom and not _takes_custom_tools(codec, target):
        stages.append(CustomCalls(custom | {names.get(name, name) for name in custom}))
    return stages


def _answers_by_tool(request: ChatRequest, codec: BackendCodec, target: Target) -> bool:
    return codec.name == "anthropic" and request.output is not None and not target.profile.structured_output


def _takes_custom_tools(codec: BackendCodec, target: Target) -> bool:
    return codec.name == "openai_responses" or (codec.name == "openai_chat" and target.dialect.custom_tools)


def _with_fitting_names(request: ChatRequest, dialect: Dialect) -> tuple[ChatRequest, dict[str, str]]:
    """`request` with tool names that any backend takes, everywhere the same, and the way back."""
    names = {tool.name for tool in request.tools}
    names |= {part.name for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}
    fitting = {name: new for name in names if (new := _fitted(name, dialect)) != name}
    if not fitting:
        return request, {}
    choice = request.tool_choice
    if choice:
        choice = replace(
            choice,
            name=fitting.get(choice.name, choice.name) if choice.name else None,
            names=[fitting.get(name, name) for name in choice.names] if choice.names else choice.names,
        )
    renamed = replace(
        request,
        tools=[_renamed_tool(tool, fitting) for tool in request.tools],
        tool_choice=choice,
        turns=[replace(turn, parts=[_renamed(part, fitting) for part in turn.parts]) for turn in request.turns],
    )
    return renamed, {new: old for old, new in fitting.items()}


def _fitted(name: str, dialect: Dialect) -> str:
    return fitted_name(name, dialect.tool_name_limit, dialect.tool_name_hyphens)


def fitted_name(name: str, limit: int, hyphens: bool = True) -> str:
    """`name`, or where it is too long or has characters that some vendor refuses (`files.read`), its beginning and a
    hash of the whole, so that names that look alike stay apart."""
    if len(name) <= limit and _NAME.fullmatch(name) and (hyphens or "-" not in name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    readable = re.sub(r"[^A-Za-z0-9_-]" if hyphens else r"\W", "_", name, flags=re.ASCII)
    if not readable[:1].isalpha():
        readable = f"_{readable}"
    return f"{readable[: limit - len(digest) - 1]}_{digest}"


def _renamed_tool(tool: Tool, short: dict[str, str]) -> Tool:
    return replace(tool, name=short[tool.name]) if tool.name in short else tool


def _renamed(part: Part, short: dict[str, str]) -> Part:
    if isinstance(part, ToolCall) and part.name in short:
        return replace(part, name=short[part.name])
    return part
