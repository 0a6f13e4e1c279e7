"""One answer for the client, told by one attempt after another: where one breaks off, the next goes on in the same
message, with one beginning, one end, and blocks and tokens counted through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace

from proxy_core.errors import Fault
from proxy_core.pipeline.observers import Outline
from proxy_core.protocols.contract import Codec, View
from proxy_core.turn.content import Extra, Opaque, Part, ProtocolName, Text, Thinking
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
    is_generated,
)
from proxy_core.turn.fold import merged_usage
from proxy_core.turn.losses import Losses
from proxy_core.turn.reply import Usage

_NATIVE = "what only its own protocol knows is left out of an answer that goes on from another attempt's"


class OpenAnswer:
    """A writer for the client that keeps what has been said. Failed is not written: how an attempt that failed is to
    end for the client, its owner says, by `failing`, `ending` or `go_on`."""

    def __init__(self, client: Codec, view: View) -> None:
        self._client: ProtocolName = client.name
        self._writer = client.stream_writer(view)
        self._outline = Outline(client.name)
        self._said: list[str] = []
        self._texts: set[int] = set()
        self._is_sealed = False
        self._is_closed = False
        self._joint: Joint | None = None
        self._usage: Usage | None = None

    @property
    def text(self) -> str:
        """What the client has read, less what is not to be gone on from."""
        return "".join(self._said)

    @property
    def may_go_on(self) -> bool:
        """Not behind a tool call, a finish reason or a part that cannot be sent back, of which the client would have
        two; nor behind signed thoughts alone, whose signature is for the answer that never came."""
        return not self._is_closed and not (self._is_sealed and not self.text.strip())

    def write(self, event: Event) -> bytes:
        if self._joint is None:
            return self._tell(event)
        return b"".join([self._tell(fitted) for fitted in self._joint.feed(event)])

    def _tell(self, event: Event) -> bytes:
        match event:
            case Failed():
                return b""
            case TextDelta():
                if event.block in self._texts:
                    self._said.append(event.text)
            case ThinkingDelta() | Ping() | UsageReported():
                pass
            case _:
                self._note(event)
        return self._writer.write(event)

    def _note(self, event: Event) -> None:
        self._outline.see(event)
        match event:
            case BlockStarted(part=Text() as part, choice=0):
                self._texts.add(event.block)
                self._said.append(part.text)
            case BlockStarted(part=Thinking() as part, choice=0):
                self._is_sealed = self._is_sealed or part.seal is not None
            case SealDelta():
                self._is_sealed = self._is_sealed or event.block not in self._texts
            case BlockStarted() | Finished() | Ended():
                self._is_closed = True
            case _:
                pass

    def go_on(self, used: Usage | None, kept: str, notice: str = "") -> list[bytes]:
        """Has the next attempt's events follow. `used` is what the last one took, `kept` what of all that was said the
        next one goes on from. The client reads `notice` first."""
        events, text = self._closed_but_for_text()
        if used:
            self._usage = summed(self._usage, used)
            events.append(UsageReported(self._usage))
        if notice and text is None:
            text = self._outline.next_block
            events.append(BlockStarted(text, Text("")))
        if notice and text is not None:
            events.append(TextDelta(text, notice))
        told = [data for event in events if (data := self._tell(event))]
        self._said = [kept]
        self._joint = Joint(self._client, text, self._outline.next_block, self._usage, "" if notice else kept)
        return told

    def lose_to(self, losses: Losses) -> None:
        """Where to report what the attempt that goes on says and the client cannot be told."""
        if self._joint:
            self._joint.losses = losses

    def start_over(self) -> None:
        """An attempt that was to go on failed before it said anything; another is to."""
        if self._joint:
            self._joint = self._joint.anew()

    def _closed_but_for_text(self) -> tuple[list[Event], int | None]:
        open_blocks = sorted(self._outline.open_blocks)
        text = next((block for block in reversed(open_blocks) if self._outline.is_open_text(block)), None)
        return [end for block in open_blocks if block != text for end in self._outline.closing(block)], text

    def failing(self, fault: Fault) -> list[bytes]:
        """The protocol's terminal error."""
        return [self._writer.write(Failed(fault))]

    def ending(self, notice: str) -> list[bytes]:
        """The answer's valid end, with `notice` as its last text."""
        return [data for event in self._outline.ending(notice) if (data := self._writer.write(event))]


class Joint:
    """Fits the events of an attempt that goes on into a message under way: `text` is its open block of text, `block`
    the next block's number, `used` the tokens of those before. Nothing comes out before something is generated."""

    def __init__(self, client: ProtocolName, text: int | None, block: int, used: Usage | None, said: str) -> None:
        self.losses = Losses()
        self._given = (client, text, block, used, said)
        self._client, self._text, self._next, self._before = client, text, block, used
        self._usage: Usage | None = None
        self._blocks: dict[int, int] = {}
        self._seam: Seam | None = Seam(said)
        self._seam_block = 0
        self._held: list[Event] | None = []

    def anew(self) -> Joint:
        return Joint(*self._given)

    def feed(self, event: Event) -> Iterable[Event]:
        if self._held is None:
            return self._fitted(event)
        if isinstance(event, Ping):
            return (event,)
        self._held.append(event)
        if not is_generated(event):
            return ()
        held, self._held = self._held, None
        return [fitted for one in held for fitted in self._fitted(one)]

    def _fitted(self, event: Event) -> Iterable[Event]:
        match event:
            case TextDelta():
                return self._text_delta(event)
            case ThinkingDelta() | ArgumentsDelta() | SealDelta():
                block = self._blocks.get(event.block)
                return () if block is None else (replace(event, block=block),)
            case BlockStarted():
                return self._started(event)
            case BlockEnded():
                block = self._blocks.get(event.block)
                return () if block is None else (*self._rest_of_seam(), BlockEnded(block))
            case UsageReported() | Started():
                return self._counted(event.usage)
            case Finished():
                return self._finished(event)
            case Ended() | ExtraDelta():
                self._drop(event.extra)
                return (Ended(),) if isinstance(event, Ended) else ()
            case Unknown():
                self.losses.drop(event.kind, _NATIVE)
                return ()
            case _:
                return (event,)

    def _text_delta(self, event: TextDelta) -> Iterable[Event]:
        block = self._blocks.get(event.block)
        if block is None:
            return ()
        if self._seam is None:
            return (replace(event, block=block),)
        text, self._seam_block = self._seam.feed(event.text), block
        if not text:
            return ()
        self._seam = None
        return (TextDelta(block, text, event.logprobs),)

    def _rest_of_seam(self) -> Iterator[Event]:
        """What might have been a repetition until its block ended."""
        if self._seam and self._seam.held:
            yield TextDelta(self._seam_block, self._seam.held)
            self._seam = None

    def _started(self, event: BlockStarted) -> Iterable[Event]:
        part = event.part
        if event.choice or (isinstance(part, Opaque) and part.origin != self._client):
            self.losses.drop("choices" if event.choice else "content", _NATIVE)
            return ()
        self._drop(part.extra)
        if isinstance(part, Text):
            return self._text_started(event.block, part)
        before = (*self._rest_of_seam(), *self._closed_text())
        return (*before, self._next_block(event.block, replace(part, extra={})))

    def _text_started(self, number: int, part: Text) -> Iterable[Event]:
        """The first text goes on in the block that is open."""
        if self._text is None:
            opened: tuple[Event, ...] = (self._next_block(number, replace(part, text="", extra={})),)
        else:
            self._blocks[number], self._text = self._text, None
            opened = (SealDelta(self._blocks[number], part.seal),) if part.seal else ()
        return (*opened, *self._text_delta(TextDelta(number, part.text))) if part.text else opened

    def _next_block(self, number: int, part: Part) -> BlockStarted:
        block = self._blocks[number] = self._next
        self._next += 1
        return BlockStarted(block, part)

    def _closed_text(self) -> Iterable[Event]:
        text, self._text = self._text, None
        return () if text is None else (BlockEnded(text),)

    def _counted(self, usage: Usage | None) -> Iterable[Event]:
        if usage is None:
            return ()
        self._usage = merged_usage(self._usage, usage)
        return (UsageReported(summed(self._before, self._usage)),)

    def _finished(self, event: Finished) -> Iterable[Event]:
        if event.choice:
            return ()
        self._drop(event.extra)
        return (*self._rest_of_seam(), *self._closed_text(), replace(event, raw=None, extra={}))

    def _drop(self, extra: Extra) -> None:
        for name in extra:
            if not name.startswith("_"):
                self.losses.drop(name, _NATIVE)


class Seam:
    """Where the words of one attempt meet those of the next: white space that stands there already is not doubled, and
    what was said is not said again by a model that begins at the beginning, or a backend that repeats a prefill, as
    Mistral's does (https://docs.mistral.ai/capabilities/completion/)."""

    def __init__(self, said: str) -> None:
        self.held = ""
        self._said = said.rstrip()
        self._space = said[len(self._said) :]

    def feed(self, text: str) -> str:
        """What of `text` is to be told; "" while that cannot be known yet."""
        self.held += text
        words = self.held.lstrip()
        if len(self._said) >= _TELLING and words.startswith(self._said):
            self.held = words.removeprefix(self._said)
            self._said, words = "", self.held.lstrip()
        if not words or (len(self._said) >= _TELLING and self._said.startswith(words)):
            return ""
        return self._spaced(words)

    def _spaced(self, words: str) -> str:
        space = self.held[: len(self.held) - len(words)]
        there = next(size for size in range(len(space), -1, -1) if self._space.endswith(space[:size]))
        return space[there:] + words


_TELLING = 12
"""Characters that are not the same by chance."""


def summed(one: Usage | None, other: Usage) -> Usage:
    """Both together; what neither says stays unknown. Fields that only one protocol knows are left out."""
    if one is None:
        return replace(other, extra={})
    counts = {}
    for field in fields(Usage):
        known = [count for count in (getattr(one, field.name), getattr(other, field.name)) if isinstance(count, int)]
        if known:
            counts[field.name] = sum(known)
    return Usage(**counts)
