"""Events put together as a response; every event also gives the API's own events, for those who stream."""

from __future__ import annotations

from proxy_core.errors import Fault
from proxy_core.protocols.contract import View
from proxy_core.protocols.openai_responses.blocks import Block, block_of
from proxy_core.protocols.openai_responses.faults import stream_error
from proxy_core.protocols.openai_responses.finishes import write_finish
from proxy_core.protocols.openai_responses.names import ORIGIN, RESPONSE
from proxy_core.protocols.openai_responses.output import Output
from proxy_core.protocols.openai_responses.output_items import Native, OpenPart
from proxy_core.protocols.openai_responses.response_object import repeated_settings, response_id, seed_of
from proxy_core.protocols.openai_responses.usage import write_usage
from proxy_core.protocols.openai_responses.writing import API
from proxy_core.turn.content import Extra
from proxy_core.turn.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    ExtraDelta,
    Failed,
    Finished,
    Ping,
    SealDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    Unknown,
    UsageReported,
)
from proxy_core.turn.fold import merged_usage
from proxy_core.turn.reply import Usage
from proxy_core.turn.sequence import Sequencer

_CUT_SHORT = ("length", "content_filter")
_REQUIRED = ("parallel_tool_calls", "tool_choice", "tools", "metadata", "instructions")
"""What the official SDK demands of a response."""
_TERMINALS = {"incomplete": "response.incomplete"}


class Answer:
    """`write` every event in order. `response` is what has come of it; `open` is where plain deltas may go at once."""

    def __init__(self, view: View) -> None:
        self.response: Extra = {}
        self.ended = False
        self._output = Output(view)
        self._sequencer = Sequencer()
        self._block: Block | None = None
        self._usage: Usage | None = None
        self._finish: Finished | None = None

    @property
    def open(self) -> OpenPart | None:
        return self._block.open if self._block else None

    def write(self, event: Event) -> list[Native]:
        """After the terminal event nothing more comes."""
        if self.ended or self._is_of_another_choice(event):
            return []
        return [native for ordered in self._sequencer.feed(event) for native in self._write(ordered)]

    def _is_of_another_choice(self, event: Event) -> bool:
        """The API has one choice; the deltas of blocks that never started are dropped by the sequencer."""
        if not isinstance(event, BlockStarted | Finished) or event.choice == 0:
            return False
        self._output.writing.losses.drop(f"choices[{event.choice}]", f"{API} has one choice only")
        return True

    def _write(self, event: Event) -> list[Native]:
        match event:
            case TextDelta():
                return self._block.delta(event.text, event.logprobs) if self._block else []
            case ThinkingDelta() | ArgumentsDelta():
                return self._block.delta(event.text, None) if self._block else []
            case BlockStarted() | BlockEnded():
                return self._turn_block(event)
            case SealDelta() if self._block:
                self._block.seal(event.seal)
            case ExtraDelta():
                return self._block.extend(event.extra) if self._block else []
            case UsageReported():
                self._usage = merged_usage(self._usage, event.usage)
            case Unknown():
                return self._unknown(event)
            case Started() | Finished() | Ended() | Failed():
                return self._milestone(event)
            case SealDelta() | Ping():
                pass
        return []

    def _turn_block(self, event: BlockStarted | BlockEnded) -> list[Native]:
        begun = [] if self.response else self._start(Started("", ""))
        if isinstance(event, BlockStarted):
            self._block = block_of(self._output, event.block, event.part)
            return begun + self._block.start()
        block, self._block = self._block, None
        return block.end() if block else []

    def _milestone(self, event: Started | Finished | Ended | Failed) -> list[Native]:
        if isinstance(event, Started):
            return self._start(event)
        begun = [] if self.response else self._start(Started("", ""))
        match event:
            case Finished():
                self._finish = event
                return begun + self._output.close_message(cut=event.reason in _CUT_SHORT)
            case Ended():
                return begun + self._end(event)
            case Failed():
                return begun + self._fail(event.fault)

    def _start(self, event: Started) -> list[Native]:
        output = self._output
        output.writing.own = event.origin == ORIGIN
        output.seed = seed_of(event.id)
        self._usage = event.usage
        created = event.created if event.created is not None else output.view.created
        self.response = {"id": response_id(event.id), "object": "response", "created_at": created}
        self.response |= {"status": "in_progress", "error": None, "incomplete_details": None}
        self.response |= {"model": output.view.model, "output": [], **self._settings(event.extra), "usage": None}
        if not output.own:
            output.writing.kept(event.extra, "")
        states = ("created", "in_progress")
        return [{"type": f"response.{state}", "response": dict(self.response)} for state in states]

    def _settings(self, extra: Extra) -> Extra:
        """The response's other fields: the backend's own, or those of the request."""
        repeated = repeated_settings(self._output.view)
        if not self._output.own:
            return repeated
        return {**{key: repeated[key] for key in _REQUIRED}, **extra.get(RESPONSE, {})}

    def _unknown(self, event: Unknown) -> list[Native]:
        """Native events are passed on with the places that their items have here."""
        output = self._output
        if event.origin != ORIGIN or not output.own:
            output.writing.losses.drop(event.kind, f"{API} has no such event")
            return []
        raw = {key: value for key, value in event.raw.items() if key != "sequence_number"}
        native = raw.get("output_index")
        if event.kind != "response.output_item.added":
            return [raw if native is None else {**raw, "output_index": output.place_of(native)}]
        return [*output.close_message(), {**raw, "output_index": output.reserve(native)}]

    def _end(self, event: Ended) -> list[Native]:
        closed = self._output.close_message()
        if self._output.own:
            self.response |= event.extra.get(RESPONSE, {})
        finish = self._finish
        status = write_finish(
            finish.reason if finish else None,
            finish.raw if finish else None,
            self._output.own,
            self._output.refused,
        )
        self._conclude(status)
        kind = _TERMINALS.get(self.response["status"], "response.completed")
        return [*closed, {"type": kind, "response": self.response}]

    def _fail(self, fault: Fault) -> list[Native]:
        closed = self._output.close_message(cut=True)
        self._conclude({"status": "failed", "error": stream_error(fault)})
        return [*closed, {"type": "response.failed", "response": self.response}]

    def _conclude(self, status: Extra) -> None:
        self.ended = True
        usage = write_usage(self._usage, self._output.own)
        self.response |= {**status, "output": self._output.items, "usage": usage}
