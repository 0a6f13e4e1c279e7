"""From the bytes of either wire to an outline, whichever protocol they are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from proxy_core.pipeline.whole import read_reply
from proxy_core.protocols import BACKENDS, recognise_sent
from proxy_core.protocols.contract import BackendCodec, Call
from proxy_core.turn.fold import Folder
from proxy_core.turn.reply import Reply
from proxy_core.viewing.outline import fault_outline, reply_outline, request_outline
from proxy_core.wire.json import parse_body
from proxy_core.wire.json_array import ArraySplitter
from proxy_core.wire.sse import FrameSplitter


def call_of(method: str, path: str, query: Mapping[str, str]) -> Call | None:
    """The chat call behind a path, also where a provider has a prefix before its version."""
    found = recognise_sent(method, path, query)
    position = path.find("/v1", 1)
    if found is None and position > 0:
        found = recognise_sent(method, path[position:], query)
    return found if found and found.operation == "chat" else None


def show_request(body: bytes, call: Call, summary: str = "", deeds: Sequence[str] = ()) -> str:
    """Raises ParleyError when the body is no request of that protocol."""
    request = BACKENDS[call.protocol].read_request(parse_body(body), call)
    if call.stream is not None:
        request = replace(request, stream=call.stream)
    return request_outline(request, summary, deeds)


def show_reply(
    body: bytes, content_type: str, call: Call, timing: str = "", deeds: Sequence[str] = (), over: bool = True
) -> str:
    """Also of a stream that is not `over`, as far as it has come. Raises ParleyError when it cannot be read."""
    codec = BACKENDS[call.protocol]
    if "event-stream" in content_type or (call.framing == "json_array" and body[:1] == b"["):
        reply, state = _streamed(body, codec, "event-stream" not in content_type)
        shown = state if over else "still streaming"
        return reply_outline(reply, ", ".join(filter(None, (timing, shown))), deeds)
    return reply_outline(read_reply(body, content_type, codec), timing, deeds)


def show_fault(status: int, body: bytes, call: Call, timing: str = "", deeds: Sequence[str] = ()) -> str:
    """Of an answer whose status is an error, whatever its body is."""
    return fault_outline(BACKENDS[call.protocol].read_fault(status, {}, body), status, timing, deeds)


def _streamed(body: bytes, codec: BackendCodec, array: bool) -> tuple[Reply, str]:
    splitter = ArraySplitter() if array else FrameSplitter()
    reader = codec.stream_reader()
    folder = Folder()
    for frame in splitter.feed(body):
        for event in reader.read(frame):
            folder.add(event)
    for event in reader.close():
        folder.add(event)
    state = "" if folder.fault is None else f"not complete: {folder.fault.message}"
    return folder.so_far(), state
