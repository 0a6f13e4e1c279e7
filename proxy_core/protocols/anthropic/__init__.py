"""Anthropic's Messages API (https://platform.claude.com/docs/en/api/messages/create)."""

from __future__ import annotations

from proxy_core.protocols.anthropic import endpoints, faults, frames, request_read, request_write
from proxy_core.protocols.anthropic.billing import strip_billing_header
from proxy_core.protocols.anthropic.names import ORIGIN
from proxy_core.protocols.anthropic.reply import read_reply, write_reply
from proxy_core.protocols.anthropic.request_write import STRUCTURED_OUTPUT_TOOL
from proxy_core.protocols.anthropic.stream_read import AnthropicReader
from proxy_core.protocols.anthropic.stream_write import AnthropicWriter
from proxy_core.protocols.contract import Codec

VERSION = "2023-06-01"

ANTHROPIC = Codec(
    name=ORIGIN,
    read_request=request_read.read_request,
    write_request=request_write.write_request,
    read_reply=read_reply,
    write_reply=write_reply,
    stream_reader=AnthropicReader,
    stream_writer=AnthropicWriter,
    read_fault=faults.read_fault,
    write_fault=faults.write_fault,
    write_stream_fault=faults.write_stream_fault,
    classify=frames.classify,
    auth_headers=lambda key: {"x-api-key": key, "anthropic-version": VERSION},
)

__all__ = ["ANTHROPIC", "STRUCTURED_OUTPUT_TOOL", "endpoints", "strip_billing_header"]
