"""Where an answer that passes untouched is seen to end, also while an observer reads it."""

from __future__ import annotations

import pytest

from proxy_core.pipeline.observers import Outline
from proxy_core.pipeline.stream import UntouchedStream
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import View
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.request import ChatRequest

ENDS: dict[ProtocolName, bytes] = {
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}\r\n\r\n',
    "openai_chat": b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}\n\n',
}
BEGINNINGS: dict[ProtocolName, bytes] = {
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"index":0}]}\r\n\r\n',
    "openai_chat": b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n',
}


@pytest.mark.parametrize("protocol", ENDS)
def test_a_finish_that_comes_with_the_last_text_is_an_end(protocol: ProtocolName) -> None:
    codec = CODECS[protocol]
    view = View("asked", ChatRequest(protocol, "asked", []))
    stream = UntouchedStream(codec, lambda: view, observers=[Outline(codec.name)])
    sent = stream.feed(BEGINNINGS[protocol]) + stream.feed(ENDS[protocol]) + stream.close()
    assert stream.fault is None
    assert b"".join(sent) == BEGINNINGS[protocol] + ENDS[protocol]
