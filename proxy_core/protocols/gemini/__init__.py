"""Google's generateContent (https://ai.google.dev/api/generate-content)."""

from __future__ import annotations

from proxy_core.protocols.contract import Codec
from proxy_core.protocols.gemini import endpoints, faults, frames, request_read, request_write, slots
from proxy_core.protocols.gemini.reply import read_reply, write_reply
from proxy_core.protocols.gemini.stream_read import GeminiReader
from proxy_core.protocols.gemini.stream_write import GeminiWriter

GEMINI = Codec(
    name="gemini",
    read_request=request_read.read_request,
    write_request=request_write.write_request,
    read_reply=read_reply,
    write_reply=write_reply,
    stream_reader=GeminiReader,
    stream_writer=GeminiWriter,
    read_fault=faults.read_fault,
    write_fault=faults.write_fault,
    write_stream_fault=faults.write_stream_fault,
    classify=frames.classify,
    auth_headers=lambda key: {"x-goog-api-key": key},
)

__all__ = ["GEMINI", "endpoints", "slots"]
