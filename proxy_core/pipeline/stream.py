"""Streamed answers, from the upstream's bytes to the client's.

Nothing is given out before the first *generated* event: overloads come inside a 200, as the first event or right
after the handshake events, and until then the exchange can still try elsewhere or answer with a real status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.pipeline.observers import Cut, Observer, Outline, first_cut
from proxy_core.pipeline.open_answer import OpenAnswer
from proxy_core.pipeline.splice import Mirror
from proxy_core.pipeline.stages import Stage, through
from proxy_core.protocols.contract import BackendCodec, Codec, FrameKind, StreamWriter, View
from proxy_core.turn.events import BlockEnded, Ended, Event, Failed, TextDelta, UsageReported, is_generated
from proxy_core.turn.fold import Folder, unfold
from proxy_core.wire.json import dumps
from proxy_core.wire.json_array import ArraySplitter
from proxy_core.wire.sse import Frame, FrameSplitter

_FINISH_SUFFICES = frozenset({"openai_chat", "gemini"})
"""Gemini has no event of its own for the end; several Chat vendors leave out [DONE]."""
_FINISH_WITH_TEXT = frozenset({"gemini"})
"""The finish comes in a frame of text, and the reader keeps it until the end: its events do not tell."""
_ONE_RESPONSE = frozenset({"openai_responses"})
"""Whose terminal error repeats the response: the official SDK refuses one of another id, and Codex takes the vendor's
own `server_is_overloaded` as final, but tries again after `response.failed` with `server_error`."""
_CUT = "The backend's answer ended before it was complete."


class AnswerStream(Protocol):
    """`ready`: something was generated, or the end was reached. `complete`: the terminal event was seen, or a fault.

    The owner decides what becomes of a `fault` that comes before `ready`; after it, the fault has already been
    written out in the client's protocol.
    """

    @property
    def ready(self) -> bool: ...

    @property
    def complete(self) -> bool: ...

    @property
    def fault(self) -> Fault | None: ...

    @property
    def cut(self) -> Cut | None:
        """An observer has ended the answer; its ending has been written."""
        ...

    def feed(self, data: bytes) -> list[bytes]: ...

    def close(self) -> list[bytes]:
        """The upstream has finished its message."""
        ...

    def fail(self, fault: Fault) -> list[bytes]:
        """The upstream broke, or the answer is cut by us: ends the client's stream with a terminal error."""
        ...


class UntouchedStream:
    """Verbatim and edit lanes: frames are looked at and given out with their own bytes.

    `observers` get the events behind them. `view` is made only when an observer cuts the answer, whose ending has to
    be written in the client's protocol. With `retells` the backend's own error is told anew where its words would keep
    the client from trying again.
    """

    def __init__(
        self,
        codec: Codec,
        view: Callable[[], View],
        mirror: Mirror | None = None,
        observers: Sequence[Observer] = (),
        splitter: FrameSplitter | ArraySplitter | None = None,
        retells: bool = False,
    ) -> None:
        self.ready = False
        self.complete = False
        self.fault: Fault | None = None
        self.cut: Cut | None = None
        self._codec = codec
        self._mirror = mirror
        self._splitter = splitter or FrameSplitter()
        self._finished = False
        self._retells = retells and codec.name in _ONE_RESPONSE
        self._skips_text = codec.name not in _FINISH_WITH_TEXT
        self._watched = Watched(codec, view, observers) if observers else None

    def feed(self, data: bytes) -> list[bytes]:
        return self._pass(self._splitter.feed(data))

    def close(self) -> list[bytes]:
        chunks = self._pass(self._splitter.flush())
        if self._watched and not (self.fault or self.cut):
            self._watched.close()
        if self.complete:
            return chunks
        if self._finished and self._codec.name in _FINISH_SUFFICES and not self._is_open_array():
            self.complete = True
            return chunks
        return chunks + self.fail(Fault(FaultKind.CUT, _CUT))

    def fail(self, fault: Fault) -> list[bytes]:
        if self.complete:
            return []
        self.complete = True
        self.fault = fault
        if not self.ready:
            return []
        if isinstance(self._splitter, ArraySplitter):
            return [b"," + dumps(self._codec.write_fault(fault)) + b"]"]
        return self._told(fault)

    def _told(self, fault: Fault) -> list[bytes]:
        if self._watched and self._codec.name in _ONE_RESPONSE:
            return self._watched.failing(fault)
        return [self._codec.write_stream_fault(fault)]

    def _is_open_array(self) -> bool:
        return isinstance(self._splitter, ArraySplitter) and not self._splitter.closed

    def _pass(self, frames: Sequence[Frame]) -> list[bytes]:
        chunks = []
        for frame in frames:
            if self.fault or self.cut:
                break
            events = self._watched.read(frame) if self._watched else ()
            if not self.complete and not (self._skips_text and self.ready and _is_text(events)):
                self._look(frame)
            if self.fault and self.ready and self._retells:
                return chunks + self._told(self.fault)
            chunks.append(self._mirror.apply(frame.raw) if self._mirror else frame.raw)
            if self._watched and (cut := self._watched.see(events)):
                self.cut, self.complete = cut, True
                chunks += self._watched.ending(cut)
        return chunks

    def _look(self, frame: Frame) -> None:
        match self._codec.classify(frame):
            case FrameKind.CONTENT:
                self.ready = True
            case FrameKind.FINISH:
                self.ready = self._finished = True
            case FrameKind.TERMINAL:
                self.ready = self.complete = True
            case FrameKind.ERROR:
                self.fault = self._fault_in(frame)
                self.complete = True
            case FrameKind.OPENING | FrameKind.PING:
                pass

    def _fault_in(self, frame: Frame) -> Fault:
        reader = self._codec.stream_reader()
        for event in reader.read(frame):
            if isinstance(event, Failed):
                return event.fault
        return Fault(FaultKind.UPSTREAM, "The backend ended its answer with an error.")


class Watched:
    """Reads passing frames for observers, and remembers enough to end the answer in its own protocol."""

    def __init__(self, codec: Codec, view: Callable[[], View], observers: Sequence[Observer]) -> None:
        self._codec = codec
        self._view = view
        self._observers = observers
        self._reader = codec.stream_reader()
        self.read = self._reader.read
        self._folder = Folder()
        self._outline = Outline(codec.name)

    def see(self, events: Iterable[Event]) -> Cut | None:
        for event in events:
            self._folder.add(event)
            if type(event) is not TextDelta:
                self._outline.see(event)
            cut = first_cut(self._observers, event)
            if cut:
                return cut
        return None

    def close(self) -> None:
        """Some readers hold the last count of tokens back until they know that no other follows."""
        for event in self._reader.close():
            first_cut(self._observers, event)

    def ending(self, cut: Cut) -> list[bytes]:
        writer, outline = self._caught_up(), self._outline
        return [data for event in outline.ending(cut.notice) if (data := writer.write(event))]

    def failing(self, fault: Fault) -> list[bytes]:
        return [self._caught_up().write(Failed(fault))]

    def _caught_up(self) -> StreamWriter:
        """A writer that has written what the client has seen already, in order to write the end."""
        writer = self._codec.stream_writer(self._view())
        open_blocks = self._outline.open_blocks
        for event in unfold(self._folder.so_far()):
            if isinstance(event, UsageReported | Ended):
                continue
            if not (isinstance(event, BlockEnded) and event.block in open_blocks):
                writer.write(event)
        return writer


class TranslatedStream:
    """Translate lane: frames are read into events, run through the stages, and written for the client.

    With `answer` they are written into that, and its end is the owner's to write, should the attempt break off or be
    cut.
    """

    def __init__(
        self,
        upstream: BackendCodec,
        client: Codec,
        view: View,
        stages: Sequence[Stage] = (),
        observers: Sequence[Observer] = (),
        answer: OpenAnswer | None = None,
    ) -> None:
        self.ready = False
        self.complete = False
        self.fault: Fault | None = None
        self.cut: Cut | None = None
        self._leaves_open = answer is not None
        self._splitter = FrameSplitter()
        self._outline = Outline(client.name)
        self._observers = observers
        self._reader = upstream.stream_reader()
        self._writer = answer or client.stream_writer(view)
        self._stages = tuple(stages)

    def feed(self, data: bytes) -> list[bytes]:
        return self._translate(self._splitter.feed(data))

    def close(self) -> list[bytes]:
        chunks = self._translate(self._splitter.flush())
        return chunks + self._write(self._reader.close())

    def fail(self, fault: Fault) -> list[bytes]:
        return self._write((Failed(fault),))

    def _translate(self, frames: Sequence[Frame]) -> list[bytes]:
        chunks: list[bytes] = []
        read = self._reader.read
        for frame in frames:
            if self.complete:
                break
            chunks += self._write(read(frame))
        return chunks

    def _write(self, events: Iterable[Event]) -> list[bytes]:
        if self._stages:
            events = through(self._stages, events)
        chunks = []
        for event in events:
            if self.complete:
                break
            if not self.ready or type(event) is not TextDelta:
                self._watch(event)
            if self.fault is None or self.ready:
                data = self._writer.write(event)
                if data:
                    chunks.append(data)
            if self._observers and (cut := self._observed(event)):
                self.cut, self.complete, self.ready = cut, True, True
                if not self._leaves_open:
                    chunks += [data for end in self._outline.ending(cut.notice) if (data := self._writer.write(end))]
        return chunks

    def _observed(self, event: Event) -> Cut | None:
        if type(event) is not TextDelta:
            self._outline.see(event)
        return first_cut(self._observers, event)

    def _watch(self, event: Event) -> None:
        if not self.ready and is_generated(event):
            self.ready = True
        if isinstance(event, Failed):
            self.fault = event.fault
            self.complete = True
        elif isinstance(event, Ended):
            self.complete = True


def _is_text(events: Iterable[Event]) -> bool:
    """A frame with a piece of text and nothing else: what `classify` would call content."""
    match events:
        case (TextDelta(),):
            return True
        case _:
            return False


def guarded(stream: AnswerStream, on_crash: Callable[[Exception], Fault]) -> AnswerStream:
    """`stream`, whose own exceptions become a terminal error of the client's protocol instead of a hanging client."""
    return _Guarded(stream, on_crash)


class _Guarded:
    def __init__(self, stream: AnswerStream, on_crash: Callable[[Exception], Fault]) -> None:
        self._stream = stream
        self._on_crash = on_crash

    @property
    def ready(self) -> bool:
        return self._stream.ready

    @property
    def complete(self) -> bool:
        return self._stream.complete

    @property
    def fault(self) -> Fault | None:
        return self._stream.fault

    @property
    def cut(self) -> Cut | None:
        return self._stream.cut

    def feed(self, data: bytes) -> list[bytes]:
        try:
            return self._stream.feed(data)
        except ParleyError as error:
            return self._stream.fail(error.fault)
        except Exception as error:  # noqa: BLE001 - the bridge around a stream: a crash must not leave the client hanging
            return self._stream.fail(self._on_crash(error))

    def close(self) -> list[bytes]:
        try:
            return self._stream.close()
        except ParleyError as error:
            return self._stream.fail(error.fault)
        except Exception as error:  # noqa: BLE001 - as in feed
            return self._stream.fail(self._on_crash(error))

    def fail(self, fault: Fault) -> list[bytes]:
        return self._stream.fail(fault)
