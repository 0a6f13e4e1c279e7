"""An answer that is to be gone on with elsewhere, and how a backend is asked to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from proxy_core.profiles.target import Prefill, Target
from proxy_core.turn.content import Text
from proxy_core.turn.request import ChatRequest, Turn

_GO_ON = (
    "[Note of the proxy: your answer above was broken off by a failure of the connection. Go on exactly where it "
    "stops, with the very next character, a blank too where one is due. Repeat nothing of it, and say nothing about "
    "this.]"
)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """`text` is what has been said and is to be kept, "" where there is nothing to go on from. `note` is what the
    model is told instead of the plain demand to go on. `why` is half a sentence for the record."""

    text: str
    note: str = ""
    why: str = ""


def asked_to_go_on(request: ChatRequest, unfinished: Unfinished, target: Target) -> tuple[ChatRequest, Prefill | None]:
    """`request` with what has been said at its end: to be gone on from where the backend does that, else followed by
    a user's turn that asks for it. The row to be put on the finished body, where it is a prefill."""
    text = unfinished.text.rstrip()
    if not text:
        return (_told(request, unfinished.note) if unfinished.note else request), None
    request = _answered(request, text)
    prefill = _prefill(request, target)
    if prefill and not unfinished.note:
        return request, prefill
    return _told(request, unfinished.note or _GO_ON), None


def _prefill(request: ChatRequest, target: Target) -> Prefill | None:
    """Anthropic takes none from a model that thinks, and others think first or not at all.
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking"""
    thinks = request.reasoning is not None and request.reasoning.enabled is not False
    return target.dialect.prefill if target.profile.prefill and not thinks else None


def _answered(request: ChatRequest, text: str) -> ChatRequest:
    *before, last = request.turns or [Turn("user", [])]
    if last.role != "assistant":
        return replace(request, turns=[*request.turns, Turn("assistant", [Text(text)])])
    parts = last.parts  # the client's own prefill
    if parts and isinstance(parts[-1], Text):
        parts = [*parts[:-1], replace(parts[-1], text=parts[-1].text + text)]
    else:
        parts = [*parts, Text(text)]
    return replace(request, turns=[*before, replace(last, parts=parts)])


def _told(request: ChatRequest, words: str) -> ChatRequest:
    return replace(request, turns=[*request.turns, Turn("user", [Text(words)])])


def put_on(body: dict[str, Any], prefill: Prefill) -> None:
    """Marks the last message of a finished body as one to be gone on from."""
    body.update(prefill.body)
    if prefill.message:
        body["messages"][-1].update(prefill.message)
