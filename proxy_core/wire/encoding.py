"""Content encodings: gzip, deflate, br and zstd, undone piece by piece and never beyond a limit.

    decoded_body    a request's body, whole
    Decoder         an answer's body as it comes, for upstreams that compress although identity was asked for

`Content-Encoding` lists codings in the order they were applied, so they are undone from the last to the first
(https://www.rfc-editor.org/rfc/rfc9110#section-8.4). Every stage counts what it puts out, so a bomb that another
coding hides stops at the limit too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import brotli
import zstandard

from proxy_core.errors import Fault, FaultKind, ParleyError

_INPUT_PIECE = 16 * 1024
_OUTPUT_PIECE = 64 * 1024
_ZSTD_INPUT_PIECE = 512
"""zstandard's push interface has no bound on its output; a block of four bytes gives up to 128 KiB."""
_ZSTD_WINDOW = 8 * 1024 * 1024
"""https://www.rfc-editor.org/rfc/rfc9659#section-3"""
_MAX_CODINGS = 4
MAX_ANSWER_BYTES = 256 * 1024 * 1024


class _Malformed(ValueError):
    """The data is not what its encoding says."""


class _TooLarge(ValueError):
    """More than the limit came out."""


class _Coding(Protocol):
    @property
    def complete(self) -> bool:
        """Whether the data so far may be all there is."""
        ...

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` decodes to, in small pieces. Raises _Malformed."""
        ...


def _slices(data: bytes, size: int) -> Iterable[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size)) if len(data) > size else (data,)


class _Identity:
    @property
    def complete(self) -> bool:
        return True

    def pieces(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Zlib:
    """One zlib stream after the other where `members` is set (gzip), else exactly one."""

    def __init__(self, window_bits: int, members: bool = False) -> None:
        self._window_bits = window_bits
        self._members = members
        self._stream: Any = None
        self._ended = False

    @property
    def complete(self) -> bool:
        return self._stream is None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for rest in _slices(data, _INPUT_PIECE):
            while rest:
                rest = yield from self._decode(rest)

    def _decode(self, data: bytes) -> Iterator[bytes]:
        """Returns what lies behind the end of the stream."""
        if self._stream is None:
            self._stream = self._next_stream()
        while True:
            try:
                decoded = self._stream.decompress(data, _OUTPUT_PIECE)
            except zlib.error as error:
                raise _Malformed(_reason(error)) from None
            yield decoded
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                rest = self._stream.unused_data
                self._stream, self._ended = None, True
                return rest
            if not data and len(decoded) < _OUTPUT_PIECE:
                return b""

    def _next_stream(self) -> Any:
        if self._ended and not self._members:
            raise _Malformed("there is data behind its end")
        return zlib.decompressobj(self._window_bits)


class _Deflate:
    """Meant is zlib's format, but many send the bare deflate stream: the first two bytes tell."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: _Zlib | None = None

    @property
    def complete(self) -> bool:
        return self._inner.complete if self._inner else not self._head

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._inner is None:
            self._head += data
            if len(self._head) < 2:
                return
            data, self._inner = self._head, _Zlib(15 if _has_zlib_header(self._head) else -15)
        yield from self._inner.pieces(data)


def _has_zlib_header(head: bytes) -> bool:
    """https://www.rfc-editor.org/rfc/rfc1950#section-2.2"""
    return head[0] & 0x0F == 8 and int.from_bytes(head[:2]) % 31 == 0


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._fed = False

    @property
    def complete(self) -> bool:
        return not self._fed or self._stream.is_finished()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for piece in _slices(data, _INPUT_PIECE):
            if self._stream.is_finished():
                raise _Malformed("there is data behind its end")
            self._fed = True
            decoded = self._process(piece)
            while decoded:
                yield decoded
                decoded = b"" if self._stream.is_finished() else self._process(b"")

    def _process(self, data: bytes) -> bytes:
        try:
            return self._stream.process(data, output_buffer_limit=_OUTPUT_PIECE)
        except brotli.error as error:
            raise _Malformed(_reason(error)) from None


class _Zstd:
    """Frame after frame, skippable ones too."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame: Any = None

    @property
    def complete(self) -> bool:
        return self._frame is None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for rest in _slices(data, _ZSTD_INPUT_PIECE):
            while rest:
                if self._frame is None:
                    self._frame = self._context.decompressobj()
                try:
                    yield self._frame.decompress(rest)
                except zstandard.ZstdError as error:
                    raise _Malformed(_reason(error)) from None
                rest = self._behind_frame()

    def _behind_frame(self) -> bytes:
        if not self._frame.eof:
            return b""
        rest, self._frame = self._frame.unused_data, None
        return rest


def _reason(error: Exception) -> str:
    text = str(error) or "it cannot be read"
    return text[text.rfind(": ") + 2 :] if ": " in text else text


_CODINGS: dict[str, Callable[[], _Coding]] = {
    "gzip": lambda: _Zlib(31, members=True),
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
ACCEPTED = tuple(_CODINGS)
"""For `Accept-Encoding` and for messages."""
_MAKERS = {**_CODINGS, "x-gzip": _CODINGS["gzip"], "identity": _Identity}


class _Chain:
    """All codings of one header, last one first. `failed` is the name of the one that raised."""

    def __init__(self, names: list[str], limit: int) -> None:
        self._names = names[::-1]
        self._codings = [_MAKERS[name]() for name in self._names]
        self._limit = limit
        self._sizes = [0] * len(names)
        self.failed = ""

    @property
    def unfinished(self) -> str | None:
        """The name of a coding whose data is cut off."""
        return next(
            (name for name, coding in zip(self._names, self._codings, strict=True) if not coding.complete), None
        )

    def decode(self, data: bytes) -> bytes:
        return b"".join(self._decoded(data, 0))

    def _decoded(self, data: bytes, stage: int) -> Iterator[bytes]:
        if stage == len(self._codings):
            yield data
            return
        for piece in self._counted(data, stage):
            yield from self._decoded(piece, stage + 1)

    def _counted(self, data: bytes, stage: int) -> Iterator[bytes]:
        self.failed = self._names[stage]
        for piece in self._codings[stage].pieces(data):
            self._sizes[stage] += len(piece)
            if self._sizes[stage] > self._limit:
                raise _TooLarge
            if piece:
                yield piece
            self.failed = self._names[stage]


def _named(content_encoding: str) -> list[str]:
    return [name for part in content_encoding.split(",") if (name := part.strip().lower())]


def _check_names(names: list[str], kind: FaultKind, status: int | None) -> None:
    unknown = next((name for name in names if name not in _MAKERS), None)
    if unknown is None and len(names) <= _MAX_CODINGS:
        return
    what = f"Content-Encoding '{unknown}' is not known" if unknown else f"Content-Encoding names {len(names)} codings"
    message = f"{what}; accepted are {', '.join(ACCEPTED)} and up to {_MAX_CODINGS} of them in a list."
    raise ParleyError(Fault(kind, message, status=status, field="content-encoding"))


def decoded_body(body: bytes, content_encoding: str, limit: int) -> bytes:
    """A request's body without its encodings; `limit` is in decoded bytes.

    Raises ParleyError: TOO_LARGE, or INVALID_REQUEST (status 415 where an encoding is not known).
    """
    names = _named(content_encoding)
    _check_names(names, FaultKind.INVALID_REQUEST, 415)
    if not body:
        return b""
    chain = _Chain(names, limit)
    try:
        decoded = chain.decode(body)
    except _TooLarge:
        message = f"The request body is larger than {limit} bytes once its {chain.failed} encoding is undone."
        raise ParleyError(Fault(FaultKind.TOO_LARGE, message)) from None
    except _Malformed as error:
        raise _unreadable(chain.failed, str(error)) from None
    if chain.unfinished:
        raise _unreadable(chain.unfinished, "it is cut off before its end")
    return decoded


def _unreadable(coding: str, reason: str) -> ParleyError:
    message = f"The request body is not valid {coding}, as its Content-Encoding says it is: {reason}."
    return ParleyError(Fault(FaultKind.INVALID_REQUEST, message, field="content-encoding"))


class Decoder:
    """An upstream's body as it arrives. Raises ParleyError(UPSTREAM) for what cannot be decoded."""

    def __init__(self, content_encoding: str, limit: int = MAX_ANSWER_BYTES) -> None:
        names = _named(content_encoding)
        _check_names(names, FaultKind.UPSTREAM, None)
        self._chain = _Chain(names, limit)
        self._limit = limit

    @property
    def complete(self) -> bool:
        """False when the body is cut off here; some servers never write the end, so that alone is no error."""
        return self._chain.unfinished is None

    def feed(self, data: bytes) -> bytes:
        try:
            return self._chain.decode(data) if data else b""
        except _TooLarge:
            message = f"The backend's answer is larger than {self._limit} bytes once its encoding is undone."
        except _Malformed as error:
            message = f"The backend's answer is not valid {self._chain.failed}: {error}."
        raise ParleyError(Fault(FaultKind.UPSTREAM, message))

    def flush(self) -> bytes:
        """Nothing is ever held back, so nothing comes; here for those who treat all decoders alike."""
        return b""
