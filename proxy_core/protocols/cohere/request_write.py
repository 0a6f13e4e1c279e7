"""A ChatRequest of any other protocol, written as a v2 chat request. https://docs.cohere.com/reference/chat"""

from __future__ import annotations

from typing import Any

from proxy_core.profiles.target import Target
from proxy_core.protocols.cohere.endpoints import PATH
from proxy_core.protocols.cohere.messages_write import write_messages
from proxy_core.protocols.cohere.names import API, OWN_FIELDS
from proxy_core.protocols.cohere.output import add_output
from proxy_core.protocols.cohere.sampling import write_sampling
from proxy_core.protocols.cohere.thinking import write_thinking
from proxy_core.protocols.cohere.tools_write import write_tool_fields
from proxy_core.protocols.cohere.writing import Writing
from proxy_core.protocols.contract import UpstreamCall
from proxy_core.turn.content import Extra
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest


def write_request(request: ChatRequest, target: Target, losses: Losses) -> UpstreamCall:
    writing = Writing(target, losses)
    body: dict[str, Any] = {
        "model": target.model,
        "messages": write_messages(request, writing),
        **write_tool_fields(request, writing),
        **write_sampling(request.sampling, writing),
        **write_thinking(request.reasoning, request.sampling.max_tokens, writing),
        **_own_fields(request.extra, writing),
    }
    add_output(request.output, body, writing)
    _lose_caller(request, writing)
    return UpstreamCall(PATH, {**body, "stream": request.stream})


def _own_fields(extra: Extra, writing: Writing) -> Extra:
    own = {name: extra[name] for name in OWN_FIELDS if extra.get(name) is not None}
    writing.lose({name: value for name, value in extra.items() if name not in own}, "")
    return own


def _lose_caller(request: ChatRequest, writing: Writing) -> None:
    for name, value in (("user", request.user), ("prompt_cache_key", request.cache_key)):
        if value is not None:
            writing.losses.drop(name, f"{API} has no such field")
