"""Recorded requests: read and written again they say the same, to whatever they are translated into."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_responses.shapes import read_request, write_request
from tests.recordings import Recording, cases, client_requests

_TEXTS = ("input_text", "output_text")


def normalise(value: Any, key: str = "") -> Any:
    """null and empty lists of optional fields are as good as absent, a string as one text, `message` as no type."""
    if isinstance(value, list):
        return [normalise(entry, key) for entry in value]
    if not isinstance(value, dict) or key in ("parameters", "schema"):
        return value
    fields = {name: normalise(entry, name) for name, entry in value.items() if entry is not None}
    return _normalised_item(fields)


def _normalised_item(item: dict[str, Any]) -> dict[str, Any]:
    if "role" in item and item.get("type", "message") == "message":
        item["type"] = "message"
        kind = "output_text" if item["role"] == "assistant" else "input_text"
        if isinstance(item.get("content"), str):
            item["content"] = [{"type": kind, "text": item["content"]}]
    for name in ("annotations", "logprobs"):
        if item.get("type") in _TEXTS and item.get(name) == []:
            del item[name]
    output = item.get("output")
    if isinstance(output, list) and len(output) == 1 and set(output[0]) == {"type", "text"}:
        item["output"] = output[0]["text"]
    return item


def _normalised_request(body: dict[str, Any]) -> dict[str, Any]:
    body = {name: value for name, value in normalise(body).items() if value not in (False, []) or name == "store"}
    if isinstance(body["input"], str):
        body["input"] = [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": body["input"]}]}
        ]
    return body


def _check(body: dict[str, Any]) -> None:
    assert _normalised_request(write_request(read_request(body))) == _normalised_request(body)


@pytest.mark.parametrize("recording", cases("responses", status=None))
def test_a_recorded_request_is_written_as_it_was(recording: Recording) -> None:
    if recording.request is None or "input" not in recording.request:
        pytest.skip("the request was not recorded")
    _check(recording.request)


@pytest.mark.parametrize("request_", client_requests())
def test_what_real_clients_send_is_written_as_it_was(request_: dict[str, Any]) -> None:
    if request_["method"] != "POST" or "/responses" not in request_["path"]:
        pytest.skip("not a Responses request")
    _check(request_["json"])
