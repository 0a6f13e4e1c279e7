"""A stream of events, written as server-sent events."""

from __future__ import annotations

from proxy_core.errors import Fault
from proxy_core.protocols.contract import View
from proxy_core.protocols.openai_responses.answer import Answer
from proxy_core.protocols.openai_responses.faults import stream_error
from proxy_core.protocols.openai_responses.output_items import Native
from proxy_core.protocols.openai_responses.response_object import response_id
from proxy_core.turn.events import ArgumentsDelta, Event, Ping, TextDelta, ThinkingDelta
from proxy_core.wire.json import dumps
from proxy_core.wire.sse import render

_DELTAS = (TextDelta, ArgumentsDelta, ThinkingDelta)
_PING = b": ping\n\n"
"""A comment: strict clients refuse events that they do not know."""


class ResponsesStreamWriter:
    """Deltas of the open block are spliced between prepared bytes; all else goes through the answer."""

    def __init__(self, view: View) -> None:
        self._answer = Answer(view)
        self._sequence = 0

    def write(self, event: Event) -> bytes:
        if isinstance(event, _DELTAS):
            return self._write_delta(event)
        if isinstance(event, Ping):
            return b"" if self._answer.ended else _PING
        return self._render(self._answer.write(event))

    def _write_delta(self, event: TextDelta | ArgumentsDelta | ThinkingDelta) -> bytes:
        part = self._answer.open
        if part is None or part.block != event.block or (isinstance(event, TextDelta) and event.logprobs):
            return self._render(self._answer.write(event))
        text = event.text
        part.pieces.append(text)
        sequence = self._sequence
        self._sequence = sequence + 1
        return b'%b%b,"sequence_number":%d}\n\n' % (part.head, dumps(text), sequence)

    def _render(self, events: list[Native]) -> bytes:
        written = []
        for event in events:
            event["sequence_number"] = self._sequence
            self._sequence += 1
            written.append(render(dumps(event), event["type"]))
        return b"".join(written)


def write_stream_fault(fault: Fault) -> bytes:
    """A lone `response.failed`; Codex tries again after it, unlike after a bare `error` event."""
    response = {"id": response_id(""), "object": "response", "status": "failed", "error": stream_error(fault)}
    response |= {"created_at": 0, "model": "", "output": [], "incomplete_details": None, "usage": None}
    response |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}}
    event = {"type": "response.failed", "sequence_number": 0, "response": response}
    return render(dumps(event), "response.failed")
