"""The codec: all parts of this folder under the names of the contract."""

from __future__ import annotations

from typing import Any

from proxy_core.protocols.contract import Call, Codec
from proxy_core.protocols.openai_chat import faults, frames, reply_read, reply_write, request_read, request_write
from proxy_core.protocols.openai_chat.stream_read import ChatStreamReader
from proxy_core.protocols.openai_chat.stream_write import ChatStreamWriter
from proxy_core.protocols.openai_chat.tables import NAME
from proxy_core.turn.request import ChatRequest


def _read_request(body: dict[str, Any], call: Call) -> ChatRequest:
    """Azure's paths name the model that the body then leaves out."""
    if call.model and body.get("model") is None:
        body = {**body, "model": call.model}
    return request_read.read_request(body)


OPENAI_CHAT = Codec(
    name=NAME,
    read_request=_read_request,
    write_request=request_write.write_request,
    read_reply=reply_read.read_reply,
    write_reply=reply_write.write_reply,
    stream_reader=ChatStreamReader,
    stream_writer=ChatStreamWriter,
    read_fault=faults.read_fault,
    write_fault=faults.write_fault,
    write_stream_fault=faults.write_stream_fault,
    classify=frames.classify,
    auth_headers=lambda key: {"authorization": f"Bearer {key}"},
)
"""https://developers.openai.com/api/reference/resources/chat, as OpenAI and all who followed it speak it."""
