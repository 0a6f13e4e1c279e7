"""Traps of translation that show only from one protocol's backend to another protocol's client."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from proxy_core.pipeline.rendering import Rendered, fitted_name, render
from proxy_core.pipeline.stream import TranslatedStream
from proxy_core.pipeline.whole import translate_reply
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call, View
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.fold import unfold
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.json import dumps, loads
from proxy_core.wire.sse import FrameSplitter
from tests.pipeline.test_wording import UPSTREAMS

CLIENTS = tuple(CODECS)
LONG = "mcp__a_server_with_a_very_long_name__" + "read_everything_" * 4


def sent(body: dict[str, Any], client: ProtocolName, backend: ProtocolName, model: str | None = None) -> Rendered:
    request = CODECS[client].read_request(body, Call(client, "chat", model="m"))
    upstream = replace(UPSTREAMS[backend], model=model or UPSTREAMS[backend].model)
    return render(request, upstream, CODECS[backend])


def view(client: ProtocolName) -> View:
    return View("asked", ChatRequest(client, "asked", [], include_usage=True), created=1)


def whole(reply: dict[str, Any], backend: ProtocolName, client: ProtocolName, rendered: Rendered | None = None) -> Any:
    stages = rendered.stages if rendered else ()
    return loads(
        translate_reply(dumps(reply), "application/json", CODECS[backend], CODECS[client], view(client), stages)
    )


def streamed(reply: dict[str, Any], backend: ProtocolName, client: ProtocolName) -> list[dict[str, Any]]:
    """What a client sees of `reply` when the backend streams it."""
    made = CODECS[backend].stream_writer(view(backend))
    upstream = b"".join(made.write(event) for event in unfold(CODECS[backend].read_reply(reply)))
    stream = TranslatedStream(CODECS[backend], CODECS[client], view(client))
    data = b"".join([*stream.feed(upstream), *stream.close()])
    splitter = FrameSplitter()
    frames = splitter.feed(data) + splitter.flush()
    return [loads(frame.data) for frame in frames if frame.data and frame.data != b"[DONE]"]


def chat_reply(message: dict[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": None, **message}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": said, "finish_reason": finish}], **more}


def responses_reply(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "r", "object": "response", "model": "m", "status": "completed", "output": list(output), **more}


def message_item(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(content)}


# -- T19: a refusal is not the end of a task


def finish_in(client: ProtocolName, reply: Any) -> Any:
    match client:
        case "openai_chat":
            return reply["choices"][0]["finish_reason"]
        case "openai_responses":
            return reply["status"]
        case "anthropic":
            return reply["stop_reason"]
        case "gemini":
            return reply["candidates"][0]["finishReason"]


REFUSALS: dict[ProtocolName, dict[str, Any]] = {
    "openai_chat": chat_reply({"refusal": "I won't."}),
    "openai_responses": responses_reply(message_item({"type": "refusal", "refusal": "I won't."})),
}
REFUSED = {"openai_chat": "stop", "openai_responses": "completed", "anthropic": "refusal", "gemini": "SAFETY"}


@pytest.mark.parametrize(("backend", "client"), list(product(REFUSALS, CLIENTS)))
def test_t19_a_refusal_reaches_every_client_as_one(backend: ProtocolName, client: ProtocolName) -> None:
    """OpenAI's own clients find it in the message, where SDKs would raise an error for `content_filter`."""
    assert finish_in(client, whole(REFUSALS[backend], backend, client)) == REFUSED[client]


@pytest.mark.parametrize("backend", REFUSALS)
def test_t19_a_streamed_refusal_ends_like_the_whole(backend: ProtocolName) -> None:
    chunks = streamed(REFUSALS[backend], backend, "openai_chat")
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"
    events = streamed(REFUSALS[backend], backend, "anthropic")
    assert [e["delta"]["stop_reason"] for e in events if e["type"] == "message_delta"] == ["refusal"]


# -- T42: thoughts never become visible text


THOUGHTS: dict[ProtocolName, dict[str, Any]] = {
    "openai_chat": chat_reply({"reasoning_content": "secretly", "content": "openly"}),
    "openai_responses": responses_reply(
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "secretly"}]},
        message_item({"type": "output_text", "text": "openly", "annotations": []}),
    ),
    "anthropic": {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "stop_reason": "end_turn",
        "content": [
            {"type": "thinking", "thinking": "secretly", "signature": "c2ln"},
            {"type": "text", "text": "openly"},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "gemini": {
        "candidates": [
            {"content": {"parts": [{"text": "secretly", "thought": True}, {"text": "openly"}]}, "finishReason": "STOP"}
        ]
    },
}


def visible(client: ProtocolName, reply: Any) -> str:
    match client:
        case "openai_chat":
            return reply["choices"][0]["message"]["content"]
        case "openai_responses":
            items = [item for item in reply["output"] if item["type"] == "message"]
            return "".join(part["text"] for item in items for part in item["content"])
        case "anthropic":
            return "".join(block["text"] for block in reply["content"] if block["type"] == "text")
        case "gemini":
            parts = reply["candidates"][0]["content"]["parts"]
            return "".join(part["text"] for part in parts if not part.get("thought"))


@pytest.mark.parametrize(("backend", "client"), list(product(THOUGHTS, CLIENTS)))
def test_t42_thoughts_are_never_shown_as_text(backend: ProtocolName, client: ProtocolName) -> None:
    assert visible(client, whole(THOUGHTS[backend], backend, client)) == "openly"


@pytest.mark.parametrize("backend", CLIENTS)
def test_t42_past_thoughts_never_come_back_as_text(backend: ProtocolName) -> None:
    body = {
        "model": "m",
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "secretly"}]},
            {"role": "assistant", "content": "openly"},
            {"role": "user", "content": "and?"},
        ],
    }
    body_sent = dumps(sent(body, "openai_responses", backend).call.body)
    assert b"openly" in body_sent
    assert backend == "openai_responses" or b"secretly" not in body_sent


# -- T45: tool names too long for the backend


def long_named(client: ProtocolName) -> dict[str, Any]:
    history = [{"role": "user", "content": "hi"}]
    if client == "anthropic":
        history += [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": LONG, "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]},
        ]
        tools = [{"name": LONG, "input_schema": {"type": "object"}}]
        choice = {"type": "tool", "name": LONG}
        return {"model": "m", "max_tokens": 99, "messages": history, "tools": tools, "tool_choice": choice}
    call = {"id": "t", "type": "function", "function": {"name": LONG, "arguments": "{}"}}
    history += [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "t", "content": "x"}]
    named = {"type": "function", "function": {"name": LONG}}
    return {"model": "m", "messages": history, "tools": [named], "tool_choice": named}


@pytest.mark.parametrize(
    ("client", "backend"),
    [pair for pair in product(("anthropic", "openai_chat"), CLIENTS) if pair[0] != pair[1]],
)
def test_t45_a_long_tool_name_is_shortened_everywhere_and_given_back(
    client: ProtocolName, backend: ProtocolName
) -> None:
    rendered = sent(long_named(client), client, backend)
    text = dumps(rendered.call.body).decode()
    name = fitted_name(LONG, 64)
    assert LONG not in text
    assert len(name) <= 64
    assert text.count(f'"{name}"') >= 3  # the tool, the choice, the call in the history
    replies: dict[ProtocolName, dict[str, Any]] = {
        "openai_chat": chat_reply(
            {"tool_calls": [{"id": "u", "type": "function", "function": {"name": name, "arguments": "{}"}}]},
            "tool_calls",
        ),
        "openai_responses": responses_reply(
            {"type": "function_call", "id": "fc_1", "call_id": "u", "name": name, "arguments": "{}"}
        ),
        "anthropic": {
            **THOUGHTS["anthropic"],
            "content": [{"type": "tool_use", "id": "u", "name": name, "input": {}}],
            "stop_reason": "tool_use",
        },
        "gemini": {"candidates": [{"content": {"parts": [{"functionCall": {"name": name}}]}, "finishReason": "STOP"}]},
    }
    assert LONG in dumps(whole(replies[backend], backend, client, rendered)).decode()


# -- T77, T78: the same numbers whole and streamed, whatever each side counts in


CHAT_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 30},
}
RESPONSES_USAGE = {
    "input_tokens": 100,
    "output_tokens": 50,
    "total_tokens": 150,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 20},
    "output_tokens_details": {"reasoning_tokens": 30},
}
ANTHROPIC_USAGE = {
    "input_tokens": 20,
    "cache_read_input_tokens": 60,
    "cache_creation_input_tokens": 20,
    "output_tokens": 50,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 0},
    "output_tokens_details": {"thinking_tokens": 30},
}
GEMINI_USAGE = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 60,
    "totalTokenCount": 150,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 30,
}
COUNTED: dict[ProtocolName, dict[str, Any]] = {
    "openai_chat": {**THOUGHTS["openai_chat"], "usage": CHAT_USAGE},
    "openai_responses": {**THOUGHTS["openai_responses"], "usage": RESPONSES_USAGE},
    "anthropic": {**THOUGHTS["anthropic"], "usage": ANTHROPIC_USAGE},
    "gemini": {**THOUGHTS["gemini"], "usageMetadata": GEMINI_USAGE},
}
USAGES: dict[ProtocolName, dict[str, Any]] = {
    "openai_chat": CHAT_USAGE,
    "openai_responses": RESPONSES_USAGE,
    "anthropic": ANTHROPIC_USAGE,
    "gemini": GEMINI_USAGE,
}


def usage_of(client: ProtocolName, reply: Any) -> dict[str, Any]:
    return reply["usageMetadata" if client == "gemini" else "usage"]


def streamed_usage(client: ProtocolName, events: list[dict[str, Any]]) -> dict[str, Any]:
    match client:
        case "openai_chat":
            return events[-1]["usage"]
        case "openai_responses":
            return events[-1]["response"]["usage"]
        case "anthropic":
            start, delta = events[0]["message"]["usage"], events[-2]["usage"]
            return start | delta
        case "gemini":
            return events[-1]["usageMetadata"]


@pytest.mark.parametrize(
    ("backend", "client"), [pair for pair in product(CLIENTS, CLIENTS) if pair[0] != "gemini" and pair[0] != pair[1]]
)
def test_t77_t78_usage_is_the_same_in_every_protocols_own_terms(backend: ProtocolName, client: ProtocolName) -> None:
    expected = USAGES[client]
    counted = usage_of(client, whole(COUNTED[backend], backend, client))
    assert {name: counted[name] for name in expected} == expected
    counted = streamed_usage(client, streamed(COUNTED[backend], backend, client))
    told = [name for name in expected if name != "cache_creation"]  # Anthropic tells it in its first event only
    assert {name: counted[name] for name in told} == {name: expected[name] for name in told}


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "anthropic"])
def test_t77_gemini_does_not_tell_what_it_wrote_to_its_cache(client: ProtocolName) -> None:
    usage = usage_of(client, whole(COUNTED["gemini"], "gemini", client))
    assert usage == streamed_usage(client, streamed(COUNTED["gemini"], "gemini", client))
    read = CODECS[client].read_reply(whole(COUNTED["gemini"], "gemini", client)).usage
    assert read is not None
    assert (read.input, read.cache_read, read.cache_write, read.output, read.reasoning) == (40, 60, 0, 50, 30)


# -- what OpenAI's two protocols have under one name


def test_openais_own_settings_go_from_one_of_its_protocols_to_the_other() -> None:
    settings = {"service_tier": "flex", "safety_identifier": "someone"}
    chat = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "metadata": {"a": "b"}, **settings}
    body = sent(chat, "openai_chat", "openai_responses").call.body
    assert body.items() >= {**settings, "metadata": {"a": "b"}}.items()
    asked = {"model": "m", "input": "hi", "user": "u", **settings}
    assert sent(asked, "openai_responses", "openai_chat").call.body.items() >= {**settings, "user": "u"}.items()


@pytest.mark.parametrize(("model", "taken"), [("gpt-5", True), ("gpt-4.1", False)])
def test_verbosity_reaches_models_that_take_it(model: str, taken: bool) -> None:
    chat = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "verbosity": "low"}
    rendered = sent(chat, "openai_chat", "openai_responses", model)
    assert rendered.call.body.get("text") == ({"verbosity": "low"} if taken else None)
    assert [loss.path for loss in rendered.losses.items] == ([] if taken else ["verbosity"])
    asked = {"model": "m", "input": "hi", "text": {"verbosity": "low"}}
    rendered = sent(asked, "openai_responses", "openai_chat", model)
    assert rendered.call.body.get("verbosity") == ("low" if taken else None)
    assert [loss.path for loss in rendered.losses.items] == ([] if taken else ["text.verbosity"])


def test_openais_own_settings_do_not_reach_others() -> None:
    chat = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "service_tier": "flex"}
    rendered = sent(chat, "openai_chat", "anthropic")
    assert "service_tier" not in rendered.call.body
    assert [loss.path for loss in rendered.losses.items] == ["service_tier"]


def test_a_call_that_was_cut_off_is_no_finished_call() -> None:
    """An agent of the Responses API looks at the item, not at the whole response."""
    cut = {"tool_calls": [{"id": "u", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}]}
    events = streamed(chat_reply(cut, "length"), "openai_chat", "openai_responses")
    (call,) = events[-1]["response"]["output"]
    assert (events[-1]["type"], call["status"]) == ("response.incomplete", "incomplete")
    assert whole(chat_reply(cut, "length"), "openai_chat", "openai_responses")["output"][0]["status"] == "incomplete"


def test_a_closed_schema_is_strict_for_openai() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    for closed, strict in ((False, True), (None, None)):
        form = {"type": "json_schema", "schema": schema | ({"additionalProperties": closed} if strict else {})}
        hello = [{"role": "user", "content": "hi"}]
        body = {"model": "m", "max_tokens": 99, "messages": hello, "output_config": {"format": form}}
        assert sent(body, "anthropic", "openai_responses").call.body["text"]["format"].get("strict") is strict
        chat = sent(body, "anthropic", "openai_chat").call.body["response_format"]["json_schema"]
        assert chat.get("strict") is strict


def test_openais_chat_takes_no_document_by_its_address() -> None:
    document = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    body = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": [document]}]}
    rendered = sent(body, "anthropic", "openai_chat")
    assert rendered.call.body["messages"][0]["content"] == "[document: https://example.com/a.pdf]"
    assert [loss.path for loss in rendered.losses.items] == ["messages[0].content[0]"]
    responses = sent(body, "anthropic", "openai_responses").call.body["input"][0]["content"][0]
    assert responses["file_url"] == "https://example.com/a.pdf"


# -- T53: another provider's beta flags


@pytest.mark.parametrize("backend", [name for name in CLIENTS if name != "anthropic"])
def test_t53_anthropics_beta_flags_and_fields_do_not_reach_others(backend: ProtocolName) -> None:
    body = {
        "model": "m",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": "hi"}],
        "speed": "fast",
        "betas": ["context-management-2025-06-27"],
        "context_management": {"edits": []},
    }
    rendered = sent(body, "anthropic", backend)
    assert not rendered.call.headers
    assert not {"betas", "speed", "context_management"} & rendered.call.body.keys()
    assert [loss.path for loss in rendered.losses.items] == ["speed", "betas", "context_management"]
