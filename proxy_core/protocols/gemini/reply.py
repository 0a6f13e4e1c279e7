"""Whole replies (https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse)."""

from __future__ import annotations

import uuid
from typing import Any

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.contract import View
from proxy_core.protocols.gemini.candidate import (
    FEEDBACK,
    LOGPROBS,
    CandidateState,
    blocked,
    candidates_of,
    index_of,
    parts_of,
    read_logprobs,
    reply_part,
    unreadable,
    write_logprobs,
)
from proxy_core.protocols.gemini.content_write import write_part
from proxy_core.protocols.gemini.faults import fault_of
from proxy_core.protocols.gemini.finish import write_finish
from proxy_core.protocols.gemini.names import ORIGIN, public
from proxy_core.protocols.gemini.usage import read_usage, write_usage
from proxy_core.turn.content import Extra, Opaque, Part, Text, ToolCall
from proxy_core.turn.losses import Losses
from proxy_core.turn.reply import Choice, Reply, Usage
from proxy_core.wire.fields import record

_TOP = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "error"})
_TITLE = "Gemini"


def read_reply(body: dict[str, Any]) -> Reply:
    """Raises ParleyError: the error in `body`, or UPSTREAM for what is no reply."""
    if body.get("error"):
        raise ParleyError(fault_of(body["error"]))
    try:
        return _read_reply(body)
    except ParleyError as error:
        raise unreadable(error) from None


def _read_reply(body: dict[str, Any]) -> Reply:
    reply_id = str(body.get("responseId") or "")
    extra = {name: value for name, value in body.items() if name not in _TOP}
    choices = [
        _read_candidate(record(raw, f"candidates[{position}]"), position, reply_id)
        for position, raw in enumerate(candidates_of(body))
    ]
    feedback = blocked(body)
    if feedback:
        choices = [_blocked_choice(extra.pop(FEEDBACK))]
    if not choices:
        raise ParleyError(Fault(FaultKind.UPSTREAM, "it has no candidates."))
    usage = read_usage(body.get("usageMetadata"))
    return Reply(reply_id, str(body.get("modelVersion") or ""), choices, usage, extra=extra, origin=ORIGIN)


def _read_candidate(raw: dict[str, Any], position: int, reply_id: str) -> Choice:
    candidate = CandidateState(index_of(raw, position))
    candidate.note(raw)
    parts: list[Part] = []
    for part in parts_of(raw):
        parts.append(reply_part(part, (reply_id, str(_calls(parts)))))
    candidate.called = _calls(parts) > 0
    logprobs = read_logprobs(raw.get("logprobsResult"))
    text = next((part for part in parts if isinstance(part, Text)), None)
    if logprobs and text:
        text.logprobs = logprobs
    return _choice(candidate, parts)


def _calls(parts: list[Part]) -> int:
    return sum(isinstance(part, ToolCall) for part in parts)


def _choice(candidate: CandidateState, parts: list[Part]) -> Choice:
    return Choice(candidate.index, parts, candidate.finish, candidate.raw_finish, extra=candidate.extra)


def _blocked_choice(feedback: dict[str, Any]) -> Choice:
    candidate = CandidateState(0)
    candidate.block(feedback)
    return _choice(candidate, [])


def write_reply(reply: Reply, view: View) -> dict[str, Any]:
    own = reply.origin == ORIGIN
    if not own:
        view.losses.drop_extra("", reply.extra, _TITLE)
    body: dict[str, Any] = dict(public(reply.extra)) if own else {}
    candidates = []
    for choice in reply.choices:
        if own and FEEDBACK in choice.extra:
            body[FEEDBACK] = choice.extra[FEEDBACK]
        else:
            candidates.append(_candidate(choice, own, view.losses))
    if candidates:
        body = {"candidates": candidates, **body}
    if reply.usage:
        body["usageMetadata"] = usage_metadata(reply.usage, own, view.losses)
    return body | {"modelVersion": view.model, "responseId": reply.id or uuid.uuid4().hex}


def usage_metadata(usage: Usage, own: bool, losses: Losses) -> dict[str, Any]:
    if not own:
        losses.drop_extra("usage", {name: value for name, value in usage.extra.items() if value}, _TITLE)
    return write_usage(usage, own)


def _candidate(choice: Choice, own: bool, losses: Losses) -> dict[str, Any]:
    path = f"choices[{choice.index}]"
    parts = []
    for position, part in enumerate(choice.parts):
        parts += reply_parts(part, own, losses, f"{path}.parts[{position}]")
    candidate: dict[str, Any] = {
        "content": {"parts": parts or [{"text": ""}], "role": "model"},
        "finishReason": write_finish(choice.finish, choice.raw_finish, own),
        "index": choice.index,
    }
    candidate = joined(candidate, candidate_extra(choice.extra, own, losses, path))
    logprobs = [token for part in choice.parts if isinstance(part, Text) for token in part.logprobs or ()]
    if logprobs and "logprobsResult" not in candidate:
        candidate["logprobsResult"] = write_logprobs(logprobs)
    return candidate


def candidate_extra(extra: Extra, own: bool, losses: Losses, path: str) -> dict[str, Any]:
    """The fields of a candidate that only Gemini has."""
    if not own:
        losses.drop_extra(path, extra, _TITLE)
        return {}
    fields = dict(public(extra))
    if LOGPROBS in extra:
        fields["logprobsResult"] = extra[LOGPROBS]
    return fields


def joined(candidate: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    content = extra.pop("content", {})
    return {**candidate, "content": {**candidate["content"], **content}, **extra}


def reply_parts(part: Part, own: bool, losses: Losses, path: str) -> list[dict[str, Any]]:
    """`part` as Gemini's, or nothing, which is then reported."""
    written = write_part(part, own_extra=own)
    if written is None:
        losses.drop(path, f"{_TITLE} has no such part ({_kind(part)})")
        return []
    if not own:
        losses.drop_extra(path, part.extra, _TITLE)
    return [written]


def _kind(part: Part) -> str:
    return part.kind if isinstance(part, Opaque) else type(part).__name__
