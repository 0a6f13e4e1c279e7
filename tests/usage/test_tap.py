"""Embeddings, images and completions are counted by what their answers say."""

from __future__ import annotations

import pytest

from proxy_core.exchange.dispatch import Dispatcher
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import Admitted, HeaderMap, Inbound
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call, Operation
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.usage.record import Record, record_of
from proxy_core.wire.json import dumps
from tests.usage.making import ASKED, NO_PRICES, NOON

OPENAI = Backend("openai", "openai_chat", "https://api.openai.com/v1", ("sk-key",), "openai")
EMBEDDINGS = (
    b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,0.2]}],'
    b'"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}'
)
IMAGES = (
    b'{"created":1,"data":[{"b64_json":"aGk="}],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,'
    b'"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}'
)
COMPLETION = (
    b'{"id":"cmpl-1","choices":[{"text":"say \\"usage\\": {\\"prompt_tokens\\": 99}","index":0}],'
    b'"usage":{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":2}}}'
)
STREAM = (
    b'data: {"choices":[{"text":"Hi","index":0,"finish_reason":null}],"usage":null}\n\n'
    b'data: {"choices":[{"text":"","index":0,"finish_reason":"stop"}],"usage":null}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}\n\ndata: [DONE]\n\n'
)


def recorded(operation: Operation, model: str, answer: bytes, portion: int = 4096) -> tuple[Record, bytes]:
    stream = answer.startswith(b"data:")
    body = {"model": model, "stream": stream}
    inbound = Inbound("base_url", "POST", f"/v1/{operation}", HeaderMap([]), dumps(body))
    admitted = Admitted(inbound, Call("openai_chat", operation), dumps(body), body, model, stream)
    attempt = Dispatcher(admitted, lambda: NOON).attempt(1, Upstream(OPENAI, model, "sk-key"))
    exchange = Exchange(admitted, CODECS["openai_chat"], iter([attempt]), lambda error: None, clock=lambda: NOON + 1)
    assert exchange.next_attempt()
    exchange.on_head(200, [("content-type", "text/event-stream" if stream else "application/json")])
    portions = [answer[start : start + portion] for start in range(0, len(answer), portion)]
    steps = [*map(exchange.on_data, portions), exchange.on_end()]
    return record_of(exchange, ASKED, NO_PRICES), b"".join(chunk for step in steps for chunk in step.chunks)


@pytest.mark.parametrize(
    ("operation", "model", "answer", "counted"),
    [
        ("embeddings", "text-embedding-3-small", EMBEDDINGS, (8, None, None)),
        ("images", "gpt-image-1", IMAGES, (50, None, 50)),
        ("completions", "gpt-3.5-turbo-instruct", COMPLETION, (3, 2, 7)),
        ("completions", "gpt-3.5-turbo-instruct", STREAM, (5, None, 7)),
    ],
)
def test_what_the_provider_counted_is_recorded(operation: Operation, model: str, answer: bytes, counted) -> None:
    record, given = recorded(operation, model, answer, portion=33)
    assert (record.input, record.cache_read, record.output) == counted
    assert record.source == "provider"
    assert record.outcome == "answered"
    assert given == answer


def test_they_are_priced() -> None:
    record, _ = recorded("embeddings", "text-embedding-3-small", EMBEDDINGS)
    assert record.cost == pytest.approx(8 * 0.02 / 1e6)


@pytest.mark.parametrize(
    "answer", [b'{"data":[]}', b'{"usage":null}', b'{"usage":{"prompt_tok', b'{"usage":{"prompt_tokens":"x"}}']
)
def test_what_nobody_counted_is_unknown(answer: bytes) -> None:
    record, _ = recorded("images", "dall-e-3", answer)
    assert (record.source, record.input, record.output, record.cost) == (None, None, None, None)
