"""Recorded Gemini requests: read and written again they are what they were; other protocols' requests arrive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import Call
from proxy_core.protocols.gemini import GEMINI
from proxy_core.protocols.gemini.endpoints import recognise
from proxy_core.turn.losses import Losses
from proxy_core.wire.json import dumps
from tests.recordings import Recording, cases, client_requests

_MAY_BE_EMPTY = ("args", "response", "googleSearch", "urlContext", "codeExecution")
_FREE_FORM = ("args", "response", "properties", "parametersJsonSchema")


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def normalise(value: Any, inside: str = "") -> Any:
    """camelCase throughout; null, [] and {} count as absent; one object where a list is due counts as that list;
    data in the URL-safe alphabet equals the same data in the standard one."""
    if isinstance(value, list):
        return [normalise(item, inside) for item in value]
    if not isinstance(value, dict):
        return value
    if inside in _FREE_FORM:
        return value
    out = {camel(key): normalise(item, camel(key)) for key, item in value.items() if item is not None}
    for key in ("parts", "tools"):
        if isinstance(out.get(key), dict):
            out[key] = [out[key]]
    if inside == "inlineData":
        out["data"] = out["data"].replace("-", "+").replace("_", "/")
    out.pop("model", None)
    return {key: item for key, item in out.items() if item not in ([], {}) or key in _MAY_BE_EMPTY}


def rewritten(body: dict[str, Any], call: Call, model: str = "m") -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    request = GEMINI.read_request(body, call)
    return GEMINI.write_request(request, Target(model, DIALECTS["gemini"]), losses).body, losses


@pytest.mark.parametrize("recording", cases("generateContent", status=None))
def test_a_recorded_request_is_reproduced(recording: Recording) -> None:
    body = recording.request
    if not isinstance(body, dict):
        pytest.skip("the request was not recorded")
    written, losses = rewritten(body, Call("gemini", "chat", "m"))
    assert normalise(written) == normalise(json.loads(dumps(body)))
    assert losses.items == []


@pytest.mark.parametrize("recording", cases("countTokens"))
def test_a_recorded_count_is_reproduced(recording: Recording) -> None:
    assert recording.request is not None
    written, _ = rewritten(recording.request, Call("gemini", "count_tokens", "m"))
    assert normalise(written) == normalise(recording.request)


@pytest.mark.parametrize("sent", client_requests())
def test_a_clients_request_is_reproduced(sent: dict[str, Any]) -> None:
    path, _, query = sent["path"].partition("?")
    call = recognise(sent["method"], path, dict(pair.split("=") for pair in query.split("&") if "=" in pair))
    if call is None:
        pytest.skip("another protocol's")
    written, losses = rewritten(sent["json"], call)
    assert normalise(written) == normalise(sent["json"])
    assert losses.items == []
