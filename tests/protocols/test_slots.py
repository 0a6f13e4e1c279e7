"""Text slots over recorded requests: nothing that anyone wrote is missed, nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.protocols import SLOTS
from proxy_core.turn.content import ProtocolName
from proxy_core.wire.json import dumps, loads
from tests.recordings import Recording, recordings

PROTOCOLS: tuple[ProtocolName, ...] = ("openai_chat", "openai_responses", "anthropic", "gemini")
NO_TEXT = {
    *("signature", "encrypted_content", "thoughtSignature", "thought_signature", "url", "image_url", "file_data"),
    *("fileUri", "file_uri", "id", "tool_use_id", "tool_call_id", "call_id", "model", "cachedContent", "user_id"),
    *("prompt_cache_key", "safety_identifier", "user", "name", "data", "type", "metadata", "previous_response_id"),
    *("container", "container_id", "file_id", "include", "mcp_servers", "vector_store_ids"),
    *("authorization", "betas", "title", "annotations", "page_age", "toolResponse", "retrievedContext"),
    *("fileSearchResults", "fileSearchStoreNames", "file_search_store_names", "fileSearch"),
}


def long_strings(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        return [(path, value)] if len(value) > 40 else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in long_strings(item, (*path, str(key)))]


ENDPOINTS = {
    "openai_chat": "chat",
    "openai_responses": "responses",
    "anthropic": "messages",
    "gemini": "generateContent",
}


def of_protocol(protocol: str) -> list[Recording]:
    return [recording for recording in recordings() if recording.index["endpoint"] == ENDPOINTS[protocol]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_slots_find_every_text_and_change_nothing_else(protocol: ProtocolName) -> None:
    found = of_protocol(protocol)
    if not found:
        pytest.skip("recordings are not at hand")
    for recording in filter(lambda recording: recording.request, found):
        body = loads(dumps(recording.request))
        expected = {text for path, text in long_strings(body) if not NO_TEXT.intersection(path)}
        slots = list(SLOTS[protocol](body))
        texts = {slot.text for slot in slots}
        missed = {text for text in expected if text not in texts}
        assert not missed, (recording.id, sorted(missed)[:3])
        for slot in slots:
            slot.text = slot.text + ""
        assert body == recording.request


def test_a_signed_thought_is_marked() -> None:
    body = {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}]}]}
    assert [slot.signed for slot in SLOTS["anthropic"](body)] == [True]


def test_arguments_are_marked_as_json() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    body = {"messages": [{"role": "assistant", "tool_calls": [call]}]}
    assert [(slot.kind, slot.json) for slot in SLOTS["openai_chat"](body)] == [("tool_call", True)]


def test_depth_is_no_problem() -> None:
    deep: Any = "x"
    for _ in range(20_000):
        deep = [deep]
    body = {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": deep}]}]}
    assert [slot.text for slot in SLOTS["anthropic"](body)] == ["x"]


def test_gemini_takes_snake_case_too() -> None:
    body = {"system_instruction": {"parts": [{"text": "s"}]}, "contents": [{"parts": [{"text": "u"}]}]}
    assert [(slot.kind, slot.text) for slot in SLOTS["gemini"](body)] == [("system", "s"), ("user", "u")]
