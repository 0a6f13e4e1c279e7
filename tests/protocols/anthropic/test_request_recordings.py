"""Recorded requests, read and written again: the same by value."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.profiles.target import Target
from proxy_core.protocols.anthropic.request_read import read_request
from proxy_core.protocols.anthropic.request_write import write_request
from proxy_core.protocols.contract import Call
from proxy_core.turn.losses import Losses
from tests.recordings import Recording, cases, client_requests

CALL = Call("anthropic", "chat")


def as_blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def normalise(body: dict[str, Any]) -> dict[str, Any]:
    """A string is one text block; null is absent; empty lists and `stream: false` say nothing."""
    body = {key: value for key, value in body.items() if value not in (None, []) and (key, value) != ("stream", False)}
    if "system" in body:
        body["system"] = as_blocks(body["system"])
    body["messages"] = [
        {**message, "content": [_block(block) for block in as_blocks(message["content"])]}
        for message in body["messages"]
    ]
    body["tools"] = [_present(tool) for tool in body.get("tools", [])]
    return body


def _present(block: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if value is not None}


def _block(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "tool_result" and "content" in block:
        block = {**block, "content": [_present(inner) for inner in as_blocks(block["content"])]}
        if not block["content"]:
            del block["content"]
    return _present(block)


def written_again(body: dict[str, Any]) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    call = write_request(read_request(body, CALL), Target(body["model"]), losses)
    assert call.path == "/messages"
    assert call.headers == {}
    return call.body, losses


@pytest.mark.parametrize("recording", cases("messages", status=None))
def test_a_recorded_request_comes_out_as_it_went_in(recording: Recording) -> None:
    if not isinstance(recording.request, dict) or "messages" not in recording.request:
        pytest.skip("the request was not recorded")
    body, losses = written_again(recording.request)
    assert normalise(body) == normalise(recording.request)
    assert losses.items == []


@pytest.mark.parametrize("request_", client_requests())
def test_a_client_request_comes_out_as_it_went_in(request_: dict[str, Any]) -> None:
    if "/messages" not in request_["path"] or not isinstance(request_.get("json"), dict):
        pytest.skip("no Messages request")
    body, losses = written_again(request_["json"])
    assert normalise(body) == normalise(request_["json"])
    assert losses.items == []


@pytest.mark.parametrize("recording", cases("count_tokens"))
def test_a_request_to_count_tokens_is_read(recording: Recording) -> None:
    if not isinstance(recording.request, dict):
        pytest.skip("the request was not recorded")
    assert read_request(recording.request, Call("anthropic", "count_tokens")).sampling.max_tokens is None
