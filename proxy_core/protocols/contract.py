"""What a protocol folder offers. `proxy_core.protocols` holds the table of them; no protocol imports another.

read_request / write_request     the client's JSON <-> ChatRequest
read_reply / write_reply         a whole answer's JSON <-> Reply
stream_reader / stream_writer    SSE frames <-> events, one object per stream
read_fault / write_fault         an error body <-> Fault
classify                         what a frame is, cheaply, for streams that pass through untouched
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol

from proxy_core.errors import Fault
from proxy_core.profiles.target import Target
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.events import Event
from proxy_core.turn.losses import Losses
from proxy_core.turn.reply import Reply
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.sse import Frame

type Operation = Literal["chat", "count_tokens", "embeddings", "images", "completions", "models", "model"]
type Framing = Literal["sse", "json_array"]
"""`json_array` is Gemini's stream without `alt=sse`: one JSON array, an element per chunk."""


@dataclass(slots=True)
class Call:
    """What the path and query of a client's request say. `model` only where the path names it (Gemini).

    `stream` is None where the body decides.
    """

    protocol: ProtocolName
    operation: Operation
    model: str | None = None
    stream: bool | None = None
    framing: Framing = "sse"


@dataclass(slots=True)
class View:
    """How the client is to see a reply.

    `model` is the name it asked for and is shown again; `request` is what it asked. `losses` collects what the
    reply could not carry over.
    """

    model: str
    request: ChatRequest
    losses: Losses = field(default_factory=Losses)
    framing: Framing = "sse"
    created: int = 0
    """Seconds since 1970, for replies whose backend does not say."""


@dataclass(slots=True)
class UpstreamCall:
    """A request to send: `path` is relative to the backend's base URL, with its query; `body` is JSON to be."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


class FrameKind(Enum):
    OPENING = "opening"
    """Says that an answer begins, nothing generated yet (message_start, response.created, a role-only chunk)."""
    CONTENT = "content"
    FINISH = "finish"
    """Closes the content but is not yet the end: finish_reason, message_delta, a usage chunk."""
    TERMINAL = "terminal"
    ERROR = "error"
    PING = "ping"


class StreamReader(Protocol):
    def read(self, frame: Frame) -> Iterable[Event]:
        """Events of one frame. A frame that cannot be read yields Failed; after Ended or Failed nothing more comes."""
        ...

    def close(self) -> Iterable[Event]:
        """To be called once when the upstream is done: Failed(CUT) when no terminal event was seen, else nothing.

        Where the vendor is known to omit `[DONE]`, a seen finish reason counts as the end.
        """
        ...


class StreamWriter(Protocol):
    def write(self, event: Event) -> bytes:
        """The client's bytes for one event, maybe none. Emits exactly one terminal event, whatever comes."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class BackendCodec:
    """What it takes to ask a backend, as a row of functions. All are pure; state lives in the stream objects.

    `read_request` and `write_request` raise ParleyError, the one naming the field that is wrong, the other where
    dropping a field would change what the client asked for beyond repair. `auth_headers` carry a backend's key.
    """

    name: ProtocolName
    read_request: Callable[[dict[str, Any], Call], ChatRequest]
    write_request: Callable[[ChatRequest, Target, Losses], UpstreamCall]
    read_reply: Callable[[dict[str, Any]], Reply]
    stream_reader: Callable[[], StreamReader]
    read_fault: Callable[[int, Mapping[str, str], bytes], Fault]
    auth_headers: Callable[[str], dict[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Codec(BackendCodec):
    """A protocol that clients speak too.

    `write_fault` makes an error body, whose status is `fault.http_status`; `write_stream_fault` the terminal error of
    a stream of which nothing but its headers was sent. `classify` looks for a few byte strings and agrees with the
    stream reader on every frame that vendors send.
    """

    write_reply: Callable[[Reply, View], dict[str, Any]]
    stream_writer: Callable[[View], StreamWriter]
    write_fault: Callable[[Fault], dict[str, Any]]
    write_stream_fault: Callable[[Fault], bytes]
    classify: Callable[[Frame], FrameKind]
