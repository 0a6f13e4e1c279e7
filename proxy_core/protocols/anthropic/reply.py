"""Whole replies: the same rules as in stream_blocks, on parts that are complete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.anthropic.content_read import read_block
from proxy_core.protocols.anthropic.content_write import carrier_block, write_block
from proxy_core.protocols.anthropic.faults import fault_of
from proxy_core.protocols.anthropic.finish import (
    FINISH_FIELDS,
    LAST_IS_ANSWER,
    MESSAGE_FIELDS,
    TITLE,
    failure,
    finish_of,
    stop_fields,
)
from proxy_core.protocols.anthropic.ids import ToolIds, message_id
from proxy_core.protocols.anthropic.names import ORIGIN, UNSIGNED, rest
from proxy_core.protocols.anthropic.usage import read_usage, write_usage
from proxy_core.protocols.contract import View
from proxy_core.turn.content import Opaque, Part, ProtocolName, Refusal, Seal, Text, Thinking, ToolCall
from proxy_core.turn.losses import Losses
from proxy_core.turn.reply import Choice, Reply
from proxy_core.wire.fields import array, optional_string


def read_reply(body: dict[str, Any]) -> Reply:
    """Raises ParleyError: the upstream's own error, or UPSTREAM for what is no message."""
    if body.get("type") == "error" or ("error" in body and "content" not in body):
        raise ParleyError(fault_of(body))
    try:
        return _reply(body)
    except ParleyError as error:
        message = f"The backend's answer is wrong: {error.fault.message}"
        raise ParleyError(Fault(FaultKind.UPSTREAM, message)) from None


def _reply(body: dict[str, Any]) -> Reply:
    content = array(body.get("content"), "content")
    raw_finish = optional_string(body.get("stop_reason"), "stop_reason")
    choice = Choice(
        0,
        [read_block(block, f"content[{index}]") for index, block in enumerate(content)],
        finish_of(raw_finish) if raw_finish else None,
        raw_finish,
        optional_string(body.get("stop_sequence"), "stop_sequence"),
        {name: body[name] for name in FINISH_FIELDS if body.get(name) is not None},
    )
    return Reply(
        optional_string(body.get("id"), "id") or "",
        optional_string(body.get("model"), "model") or "",
        [choice],
        read_usage(body.get("usage")),
        extra=rest(body, MESSAGE_FIELDS),
        origin=ORIGIN,
    )


def write_reply(reply: Reply, view: View) -> dict[str, Any]:
    """Raises ParleyError(UPSTREAM) for an answer that ended in an error."""
    own, losses = reply.origin == ORIGIN, view.losses
    choice = reply.choices[0] if reply.choices else Choice(0, [])
    if fault := failure(choice.finish, choice.raw_finish):
        raise ParleyError(fault)
    for other in reply.choices[1:]:
        losses.drop(f"choices[{other.index}]", f"{TITLE} shows one choice only")
    content = _Content(reply.origin, losses)
    for part in choice.parts:
        content.add(part)
    content.close()
    if not own:
        losses.drop_extra("", reply.extra | choice.extra, TITLE)
        losses.drop_extra("usage", reply.usage.extra if reply.usage else {}, TITLE)
    return {
        "id": message_id(reply.id),
        "type": "message",
        "role": "assistant",
        "model": view.model,
        "content": content.blocks,
        **stop_fields(choice.finish, choice.raw_finish, choice.stop_sequence, own, content.called_tools),
        **(reply.extra | choice.extra if own else {}),
        "usage": write_usage(reply.usage, own),
    }


class _Content:
    def __init__(self, origin: ProtocolName | None, losses: Losses) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.called_tools = False
        self._own = origin == ORIGIN
        self._losses = losses
        self._waiting: list[dict[str, Any]] = []
        self._tool_ids = ToolIds()

    def add(self, part: Part) -> None:
        if not self._own:
            self._losses.drop_extra(f"content[{len(self.blocks)}]", part.extra, TITLE)
        match part:
            case Text(text="", seal=Seal() as seal) if seal.origin != ORIGIN:
                self._waiting.append(carrier_block(seal, previous=True))
            case Thinking(text="", seal=Seal() as seal) if not (part.redacted and seal.origin == ORIGIN):
                self._waiting.append(write_block(replace(part, redacted=False), own=self._own) or {})
            case Text(text="") | Refusal(text="") | Thinking(text="", seal=None):
                pass
            case Text() | Refusal():
                self._place(part, part.seal if isinstance(part, Text) else None)
            case ToolCall():
                self.called_tools = True
                if part.custom:
                    why = "free text is shown as the argument `input`"
                    self._losses.change(f"content[{len(self.blocks)}].input", why)
                self._place(replace(part, id=self._tool_ids.shown(part.id)), part.seal)
            case Thinking():
                self._add_thinking(part)
            case _:
                self._place(part if isinstance(part, Opaque) else None, None)

    def _add_thinking(self, part: Thinking) -> None:
        seal = part.seal
        if seal is None and not self._own:
            seal = UNSIGNED
        redacted = part.redacted and seal is not None and seal.origin == ORIGIN
        self._place(replace(part, seal=seal, redacted=redacted), None)

    def _place(self, part: Part | None, seal: Seal | None) -> None:
        block = write_block(part, own=self._own) if part else None
        if block is None:
            self._losses.drop(f"content[{len(self.blocks)}]", f"{TITLE} has no such part in replies")
            return
        self._place_waiting()
        if seal and seal.origin != ORIGIN:
            self.blocks.append(carrier_block(seal))
        self.blocks.append(block)

    def _place_waiting(self) -> None:
        self.blocks += self._waiting
        self._waiting = []

    def close(self) -> None:
        if self._own or not self.blocks:
            self._place_waiting()
        for _ in self._waiting:
            self._losses.drop(f"content[{len(self.blocks)}].signature", LAST_IS_ANSWER)
