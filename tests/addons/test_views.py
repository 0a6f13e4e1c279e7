"""The view as mitmweb and the console call it."""

from __future__ import annotations

from mitmproxy import contentviews, http
from mitmproxy.contentviews import Metadata
from mitmproxy.test import taddons

from addons.records import write_record
from addons.views import ConversationView, Views
from tests.addons.flows import attempt_flow, client_flow, eventful, failed_over
from tests.usage.making import record

REPLY = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Noon."}],'
    b'"stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":3}}'
)
COHERES_REQUEST = (
    b'{"model":"command-a-03-2025","messages":[{"role":"user","content":"What is the time?"}],"stream":false,'
    b'"tools":[{"type":"function","function":{"name":"clock","parameters":{"type":"object"}}}]}'
)
COHERES_REPLY = (
    b'{"id":"r","message":{"role":"assistant","tool_plan":"I will look.","content":[{"type":"text","text":'
    b'"It is noon."}]},"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":9,"output_tokens":3}}}'
)
STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"m","content":[],"usage":{"input_tokens":9,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text",'
    b'"text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    b'"text":"Nearly n"}}\n\n'
)


def shown(flow: http.HTTPFlow, message: http.Message) -> str:
    data = message.content or b""
    metadata = Metadata(flow=flow, http_message=message, content_type=message.headers.get("content-type"))
    view = ConversationView()
    assert view.render_priority(data, metadata) > 1
    return view.prettify(data, metadata)


def response_of(flow: http.HTTPFlow) -> http.Response:
    assert flow.response
    return flow.response


def json_reply(body: bytes, status: int = 200, kind: str = "application/json") -> http.HTTPFlow:
    headers = http.Headers(content_type=kind)
    return client_flow(content=body, status_code=status, headers=headers)


def test_a_request_ends_with_what_was_done_with_it() -> None:
    flow = client_flow()
    write_record(flow, eventful(), record())
    lines = shown(flow, flow.request).splitlines()
    assert lines[0].startswith("# route, about ")
    assert lines[1].startswith("# failed over, redacted, translated; busy:one")
    assert "What is the time?" in lines
    done = next(number for number, line in enumerate(lines) if "what Parley did" in line)
    assert lines[done + 1] == "session: my-session, agent codex"
    assert any("github-token (2)" in line for line in lines[done:])
    assert any("tools[3]" in line for line in lines[done:])


def test_no_line_is_empty_or_too_long_to_be_seen() -> None:
    flow = client_flow(b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"%s"}]}' % (b"word " * 500))
    lines = shown(flow, flow.request).splitlines()
    assert all(line.strip() and len(line) <= 102 for line in lines)


def test_an_attempt_names_its_clients_flow() -> None:
    flow = client_flow()
    sent = attempt_flow(flow, failed_over()[0])
    sent.request.path = "/v1/chat/completions"
    sent.request.content = b'{"model":"one","messages":[{"role":"user","content":"Hi"}]}'
    assert f"attempt 1 for the client's flow {flow.id[:8]}" in shown(sent, sent.request)


def test_what_goes_to_cohere_is_shown_in_its_own_protocol() -> None:
    flow = client_flow()
    sent = attempt_flow(flow, failed_over()[0])
    sent.request.path = "/v2/chat"
    sent.request.content = COHERES_REQUEST
    assert "What is the time?" in shown(sent, sent.request)
    assert "clock" in shown(sent, sent.request)
    sent.response = http.Response.make(200, COHERES_REPLY, {"content-type": "application/json"})
    text = shown(sent, sent.response)
    assert "It is noon." in text.splitlines()
    assert "I will look." in text
    sent.response = http.Response.make(
        429, b'{"message": "Slow down.", "id": "r"}', {"content-type": "application/json"}
    )
    assert "Slow down." in shown(sent, sent.response)


def test_a_whole_reply_has_text_timing_and_usage() -> None:
    flow = json_reply(REPLY)
    text = shown(flow, response_of(flow))
    assert "Noon." in text.splitlines()
    assert "usage: input 9, output 3" in text
    assert "in all" in text.splitlines()[0]


def test_a_stream_is_shown_while_it_goes_on() -> None:
    flow = json_reply(STREAM, kind="text/event-stream")
    response_of(flow).timestamp_end = None
    text = shown(flow, response_of(flow))
    assert "Nearly n" in text.splitlines()
    assert text.splitlines()[0].endswith("still streaming")
    response_of(flow).timestamp_end = 946681203
    assert "not complete" in shown(flow, response_of(flow)).splitlines()[0]


def test_an_error_is_shown_as_one() -> None:
    flow = json_reply(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', 529)
    text = shown(flow, response_of(flow))
    assert text.startswith("# error 529, overloaded")
    assert "Overloaded" in text.splitlines()


def test_what_is_no_model_call_is_left_to_other_views() -> None:
    flow = client_flow(path="/v1/models")
    assert ConversationView().render_priority(b"{}", Metadata(flow=flow, http_message=flow.request)) < 0
    call = client_flow()
    assert ConversationView().render_priority(b"", Metadata(flow=call, http_message=call.request)) < 0


def test_mitmproxy_takes_it_and_shows_raw_what_cannot_be_read() -> None:
    flow, odd = client_flow(), client_flow(b"[1, 2")
    with taddons.context(Views()):
        assert contentviews.prettify_message(flow.request, flow).view_name == "Conversation"
        raw = contentviews.prettify_message(odd.request, odd)
    assert raw.text == "[1, 2"
    assert "failed to parse" in (raw.description or "")
