"""Placeholders become the secrets again on the way to the client.

In text, refusals and tool arguments. Not in thinking: signatures cover it, so it must come back from the client as
the model wrote it, and nothing in it is executed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from proxy_core.redaction.vault import Vault
from proxy_core.turn.content import Part, Refusal, Text, ToolCall
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    Failed,
    TextDelta,
)

_PLACEHOLDER = re.compile(r"SECRET_(?=([A-Z0-9_]{1,40}_[a-z2-7]{10}))")


def reveal_text(text: str, vault: Vault, json_text: bool = False) -> str:
    """`text` with every placeholder of the vault replaced. `json_text`: they stand within strings of JSON."""
    if "SECRET_" not in text or not vault.has_placeholders():
        return text
    pieces, done = [], 0
    for found in _PLACEHOLDER.finditer(text):
        end = found.end(1)
        secret = vault.secret(text[found.start() : end])
        if secret is None:
            continue
        pieces += [text[done : found.start()], json.dumps(secret, ensure_ascii=False)[1:-1] if json_text else secret]
        done = end
    return "".join([*pieces, text[done:]])


@dataclass(slots=True)
class _Open:
    """A block under way. `held` may be the beginning of a placeholder."""

    json_text: bool
    arguments: bool
    held: str = ""


class RevealStage:
    """A stage of the stream. Holds back no more than what may be the beginning of a placeholder.

    `json_answer`: the answer's text is itself JSON, since the client asked for it, so secrets are escaped in it too.
    """

    def __init__(self, vault: Vault, json_answer: bool = False) -> None:
        self._vault = vault
        self._json_answer = json_answer
        self._blocks: dict[int, _Open] = {}

    def feed(self, event: Event) -> Iterable[Event]:
        match event:
            case TextDelta() | ArgumentsDelta() if event.block in self._blocks:
                return self._delta(event, self._blocks[event.block])
            case BlockStarted():
                return (self._started(event),)
            case BlockEnded() if event.block in self._blocks:
                return (*self._flushed(event.block), event)
            case Ended() | Failed():
                return (*(delta for block in list(self._blocks) for delta in self._flushed(block)), event)
            case _:
                return (event,)

    def _started(self, event: BlockStarted) -> BlockStarted:
        part: Part = event.part
        match part:
            case Text() | Refusal():
                self._blocks[event.block] = block = _Open(self._json_answer, arguments=False)
                return replace(event, part=replace(part, text=self._through(block, part.text)))
            case ToolCall():
                self._blocks[event.block] = block = _Open(not part.custom, arguments=True)
                return replace(event, part=replace(part, arguments=self._through(block, part.arguments)))
            case _:
                return event

    def _delta(self, event: TextDelta | ArgumentsDelta, block: _Open) -> Iterable[Event]:
        text = self._through(block, event.text)
        if text == event.text:
            return (event,)
        if not text and not (isinstance(event, TextDelta) and event.logprobs):
            return ()
        return (replace(event, text=text),)

    def _through(self, block: _Open, text: str) -> str:
        text = block.held + text
        held = self._vault.begun(text)
        block.held = text[len(text) - held :]
        return reveal_text(text[: len(text) - held], self._vault, block.json_text)

    def _flushed(self, number: int) -> Iterable[Event]:
        block = self._blocks.pop(number)
        if not block.held:
            return ()
        delta = ArgumentsDelta if block.arguments else TextDelta
        return (delta(number, block.held),)
