"""OpenAI's Responses API.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from proxy_core.protocols.contract import Codec
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

OPENAI_RESPONSES = Codec(
    name=ORIGIN,
    read_request=lambda body, call: request_read.read_request(body),
    write_request=request_write.write_request,
    read_reply=read_reply,
    write_reply=write_reply,
    stream_reader=ResponsesStreamReader,
    stream_writer=ResponsesStreamWriter,
    read_fault=faults.read_fault,
    write_fault=faults.write_fault,
    write_stream_fault=stream_write.write_stream_fault,
    classify=frames.classify,
    auth_headers=lambda key: {"authorization": f"Bearer {key}"},
)

__all__ = ["OPENAI_RESPONSES", "endpoints", "refuse_server_state"]
