"""The body of an upstream's answer: unpacked as it comes, and kept where it is read as a whole."""

from __future__ import annotations

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.wire.encoding import Decoder

MAX_WHOLE_BYTES = 256 * 1024 * 1024


class Body:
    """`is_packed`: its bytes have to go through `unpacked`, which raises ParleyError where they cannot be read, or
    their encoding is not known."""

    def __init__(self, encoding: str = "identity") -> None:
        self._decoder: Decoder | None = None
        self._refusal: ParleyError | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        if encoding != "identity":
            try:
                self._decoder = Decoder(encoding)
            except ParleyError as error:
                self._refusal = error
        self.is_packed = self._decoder is not None or self._refusal is not None

    @property
    def is_readable(self) -> bool:
        return self._refusal is None

    def unpacked(self, data: bytes) -> bytes:
        if self._refusal:
            raise self._refusal
        return self._decoder.feed(data) if self._decoder else data

    def keep(self, data: bytes) -> None:
        """Raises ParleyError when it gets too large."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MAX_WHOLE_BYTES:
            message = f"The backend's answer is larger than {MAX_WHOLE_BYTES} bytes."
            raise ParleyError(Fault(FaultKind.UPSTREAM, message))

    def whole(self) -> bytes:
        return b"".join(self._pieces) + (self._decoder.flush() if self._decoder else b"")
