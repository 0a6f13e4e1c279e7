"""Answers in a model's place: the proxy's own words, in the client's protocol, streamed if it asked for a stream."""

from __future__ import annotations

from proxy_core.exchange.answers import Answer, json_answer
from proxy_core.exchange.inbound import Admitted
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import View
from proxy_core.turn.fold import unfold
from proxy_core.turn.reply import Reply


def local_answer(admitted: Admitted, reply: Reply, view: View) -> Answer:
    client = CODECS[admitted.call.protocol]
    if not admitted.stream:
        return json_answer(client.write_reply(reply, view))
    writer = client.stream_writer(view)
    body = b"".join(writer.write(event) for event in unfold(reply))
    kind = "application/json; charset=UTF-8" if view.framing == "json_array" else "text/event-stream; charset=utf-8"
    return Answer(200, [("content-type", kind), ("cache-control", "no-cache")], body)
