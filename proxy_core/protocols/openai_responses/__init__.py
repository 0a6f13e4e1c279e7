"""OpenAI's Responses API.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_core.errors import Fault
from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import Call, Codec, FrameKind, UpstreamCall, View
from proxy_core.protocols.openai_responses import (
    endpoints,
    faults,
    frames,
    request_read,
    request_write,
    stream_write,
)
from proxy_core.protocols.openai_responses.names import ORIGIN
from proxy_core.protocols.openai_responses.reply import read_reply, write_reply
from proxy_core.protocols.openai_responses.server_state import refuse_server_state
from proxy_core.protocols.openai_responses.stream_read import ResponsesStreamReader
from proxy_core.protocols.openai_responses.stream_write import ResponsesStreamWriter
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.losses import Losses
from proxy_core.turn.reply import Reply
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.sse import Frame


class _Responses:
    name: ProtocolName = ORIGIN

    def read_request(self, body: dict[str, Any], call: Call) -> ChatRequest:
        return request_read.read_request(body)

    def write_request(self, request: ChatRequest, target: Target, losses: Losses) -> UpstreamCall:
        return request_write.write_request(request, target, losses)

    def read_reply(self, body: dict[str, Any]) -> Reply:
        return read_reply(body)

    def write_reply(self, reply: Reply, view: View) -> dict[str, Any]:
        return write_reply(reply, view)

    def stream_reader(self) -> ResponsesStreamReader:
        return ResponsesStreamReader()

    def stream_writer(self, view: View) -> ResponsesStreamWriter:
        return ResponsesStreamWriter(view)

    def read_fault(self, status: int, headers: Mapping[str, str], body: bytes) -> Fault:
        return faults.read_fault(status, headers, body)

    def write_fault(self, fault: Fault) -> dict[str, Any]:
        return faults.write_fault(fault)

    def write_stream_fault(self, fault: Fault) -> bytes:
        return stream_write.write_stream_fault(fault)

    def classify(self, frame: Frame) -> FrameKind:
        return frames.classify(frame)

    def auth_headers(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"}


OPENAI_RESPONSES: Codec = _Responses()

__all__ = ["OPENAI_RESPONSES", "endpoints", "refuse_server_state"]
