"""A streamed answer that is not ours to judge: a transparent backend's."""

from __future__ import annotations

from proxy_core.errors import Fault
from proxy_core.pipeline.stream import UntouchedStream
from proxy_core.protocols.contract import FrameKind
from proxy_core.wire.sse import Frame


class PassingStream(UntouchedStream):
    """Every byte goes on as it came, whatever it says and however it ends. An error in it is remembered, not told
    anew."""

    _said: Fault | None = None

    def feed(self, data: bytes) -> list[bytes]:
        self.ready = True  # nothing else could be tried
        return super().feed(data)

    def close(self) -> list[bytes]:
        self.ready = True
        chunks = self._pass(self._splitter.flush())
        if self._watched and not self.cut:
            self._watched.close()
        self.complete = True
        self.fault = self._said
        return chunks

    def _look(self, frame: Frame) -> None:
        match self._codec.classify(frame):
            case FrameKind.TERMINAL:
                self.complete = True
            case FrameKind.ERROR:
                self._said = self._fault_in(frame)
            case _:
                pass
