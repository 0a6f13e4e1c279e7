"""Whatever JSON comes, from a client or a backend: a clear refusal, never a crash."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy_core.errors import Fault, ParleyError
from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.target import Target
from proxy_core.protocols.openai_chat import OPENAI_CHAT
from proxy_core.turn.events import Ended, Failed
from proxy_core.turn.losses import Losses
from tests.protocols.openai_chat.material import CALL, events_of, view

ODD = st.sampled_from([None, True, 0, -3, 1.5, "", "text", [], [None], ["x"], {}, {"a": 1}, [{}], [[1]], [{"type": 1}]])
THOUGHT = {"type": "reasoning.text", "text": "a", "signature": "s", "index": 0}
CALLED = {
    "index": 0,
    "id": "a",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
    "extra_content": {"google": {"thought_signature": "s"}},
}
SAID = {
    "role": "assistant",
    "content": [{"type": "text", "text": "x"}, {"type": "thinking", "thinking": [{"type": "text", "text": "y"}]}],
    "reasoning_content": "hm",
    "reasoning_details": [THOUGHT],
    "refusal": "no",
    "tool_calls": [CALLED],
    "function_call": {"name": "f", "arguments": "{}"},
    "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
    "audio": {"id": "a", "data": "AA==", "transcript": "t"},
    "annotations": [{"type": "url_citation"}],
    "extra_content": {"google": {"thought_signature": "s"}},
}
USAGE = {
    "prompt_tokens": 1,
    "completion_tokens": 2,
    "total_tokens": 3,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
CHUNK = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": SAID, "finish_reason": None, "logprobs": {"content": [{"token": "x"}]}}],
    "usage": USAGE,
    "x_groq": {"id": "r", "usage": USAGE},
}
REPLY = {
    **CHUNK,
    "choices": [{"index": 0, "message": SAID, "finish_reason": "stop", "logprobs": {"content": [{"token": "x"}]}}],
}
ERROR = {
    "error": {"message": "m", "type": "t", "code": 429, "details": [{"retryDelay": "1s"}], "metadata": {"raw": "r"}}
}
REQUEST = {
    "model": "m",
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a"}},
            ],
        },
        SAID,
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "r"}]},
        {"role": "function", "name": "f", "content": "1"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {}}},
        {"type": "custom", "custom": {"name": "g"}},
    ],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"function": {"name": "f"}}]}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
    "stop": ["x"],
    "reasoning": {"effort": "high", "max_tokens": 1},
    "thinking": {"type": "enabled", "budget_tokens": 3},
    "stream": True,
    "stream_options": {"include_usage": True},
    "temperature": 1,
}


def places(value: Any) -> list[tuple[Any, ...]]:
    """The paths of everything in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, item in items for path in [(key,), *((key, *rest) for rest in places(item))]]


def changed(value: Any) -> st.SearchStrategy[Any]:
    """`value` with up to three of its parts replaced by something odd."""
    change = st.tuples(st.sampled_from(places(value)), ODD)
    return st.lists(change, min_size=1, max_size=3).map(lambda changes: _apply(value, changes))


def _apply(value: Any, changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    value = copy.deepcopy(value)
    for path, odd in changes:
        inner = value
        for key in path[:-1]:
            try:
                inner = inner[key]
            except (KeyError, IndexError, TypeError):
                break
        else:
            if isinstance(inner, dict if isinstance(path[-1], str) else list) and path[-1] in _keys(inner):
                inner[path[-1]] = copy.deepcopy(odd)
    return value


def _keys(inner: Any) -> Any:
    return inner.keys() if isinstance(inner, dict) else range(len(inner))


def read_or_refused[T](read: Callable[[], T]) -> T | Fault:
    try:
        return read()
    except ParleyError as error:
        return error.fault


quick = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(changed(CHUNK), changed(CHUNK))
def test_streams(first: Any, second: Any) -> None:
    data = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in (first, second)) + "data: [DONE]\n\n"
    events = events_of(data.encode())
    writer = OPENAI_CHAT.stream_writer(view())
    out = b"".join(map(writer.write, events))
    assert sum(isinstance(event, Ended | Failed) for event in events) == 1
    assert isinstance(events[-1], Ended | Failed)
    assert out.endswith(b"data: [DONE]\n\n") == isinstance(events[-1], Ended)


@quick
@given(changed(REPLY))
def test_replies(body: Any) -> None:
    reply = read_or_refused(lambda: OPENAI_CHAT.read_reply(body))
    if isinstance(reply, Fault):
        assert reply.detail is not None
    else:
        assert OPENAI_CHAT.write_reply(reply, view())["choices"] is not None


@quick
@given(changed(REQUEST))
def test_requests(body: Any) -> None:
    request = read_or_refused(lambda: OPENAI_CHAT.read_request(body, CALL))
    if isinstance(request, Fault):
        assert request.field
        return
    for name in ("default", "openai", "openrouter", "mistral", "deepseek"):
        assert OPENAI_CHAT.write_request(request, Target("m", DIALECTS[name]), Losses()).body["messages"] is not None


@quick
@given(changed(ERROR) | ODD, st.sampled_from([400, 429, 503]))
def test_errors(body: Any, status: int) -> None:
    fault = OPENAI_CHAT.read_fault(status, {}, json.dumps(body).encode())
    assert fault.http_status == status
    assert OPENAI_CHAT.write_fault(fault)["error"]["message"]
