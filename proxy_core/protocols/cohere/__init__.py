"""Cohere's Chat API v2 (https://docs.cohere.com/reference/chat), as far as a backend needs it: no client speaks it."""

from __future__ import annotations

from proxy_core.protocols.cohere import endpoints, faults, request_read, request_write
from proxy_core.protocols.cohere.names import ORIGIN
from proxy_core.protocols.cohere.reply import read_reply
from proxy_core.protocols.cohere.stream_read import CohereReader
from proxy_core.protocols.contract import BackendCodec

COHERE = BackendCodec(
    name=ORIGIN,
    read_request=request_read.read_request,
    write_request=request_write.write_request,
    read_reply=read_reply,
    stream_reader=CohereReader,
    read_fault=faults.read_fault,
    auth_headers=lambda key: {"authorization": f"Bearer {key}"},
)

__all__ = ["COHERE", "endpoints"]
