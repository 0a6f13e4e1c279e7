"""The codec: all parts of this folder under the names of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_core.errors import Fault
from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import Call, Codec, FrameKind, StreamReader, StreamWriter, UpstreamCall, View
from proxy_core.protocols.openai_chat import faults, frames, reply_read, reply_write, request_read, request_write
from proxy_core.protocols.openai_chat.stream_read import ChatStreamReader
from proxy_core.protocols.openai_chat.stream_write import ChatStreamWriter
from proxy_core.protocols.openai_chat.tables import NAME
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.losses import Losses
from proxy_core.turn.reply import Reply
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.sse import Frame


class OpenAIChat:
    """https://developers.openai.com/api/reference/resources/chat, as OpenAI and all who followed it speak it."""

    name: ProtocolName = NAME

    def read_request(self, body: dict[str, Any], call: Call) -> ChatRequest:
        if call.model and body.get("model") is None:
            body = {**body, "model": call.model}
        return request_read.read_request(body)

    def write_request(self, request: ChatRequest, target: Target, losses: Losses) -> UpstreamCall:
        return request_write.write_request(request, target, losses)

    def read_reply(self, body: dict[str, Any]) -> Reply:
        return reply_read.read_reply(body)

    def write_reply(self, reply: Reply, view: View) -> dict[str, Any]:
        return reply_write.write_reply(reply, view)

    def stream_reader(self) -> StreamReader:
        return ChatStreamReader()

    def stream_writer(self, view: View) -> StreamWriter:
        return ChatStreamWriter(view)

    def read_fault(self, status: int, headers: Mapping[str, str], body: bytes) -> Fault:
        return faults.read_fault(status, headers, body)

    def write_fault(self, fault: Fault) -> dict[str, Any]:
        return faults.write_fault(fault)

    def write_stream_fault(self, fault: Fault) -> bytes:
        return faults.write_stream_fault(fault)

    def classify(self, frame: Frame) -> FrameKind:
        return frames.classify(frame)

    def auth_headers(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"}


OPENAI_CHAT: Codec = OpenAIChat()
