"""What a client writes into a path, or as a model's name, that becomes part of a path."""

from __future__ import annotations

import re

import pytest

from proxy_core.errors import ParleyError
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.exchange.intake import check_client_key
from proxy_core.protocols.gemini import endpoints
from proxy_core.protocols.gemini.endpoints import model_path, recognise


@pytest.mark.parametrize("model", ["..", ".", "../../v1/files", "a/../../b", "models/../x", "a/.", "./a"])
def test_a_models_name_does_not_lead_to_other_folders_of_the_backend(model: str) -> None:
    with pytest.raises(ParleyError) as refused:
        model_path(model, "chat", stream=False)
    assert refused.value.fault.field == "model"


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "tunedModels/a..b", "publishers/x/y.z", "..."])
def test_dots_within_a_name_stay(model: str) -> None:
    assert model_path(model, "chat", stream=False) == f"/models/{model}:generateContent"


def test_a_name_stays_within_its_path() -> None:
    assert model_path("a?key=1#b\r\nc", "chat", stream=True) == (
        "/models/a%3Fkey%3D1%23b%0D%0Ac:streamGenerateContent?alt=sse"
    )


def test_a_path_is_read_once_however_often_it_names_models() -> None:
    """Each place of /models/ was tried with each end: ten seconds for 60 KB."""
    patterns = [endpoint.path.pattern for endpoint in endpoints.ENDPOINTS]
    assert all(pattern.startswith("(?>") for pattern in patterns)
    assert recognise("POST", "/" + "a/models/" * 50_000, {}) is None
    call = recognise("POST", "/v1beta/models/a/models/b:generateContent", {})
    assert call
    assert call.model == "a/models/b"


@pytest.mark.parametrize("target", ["//[x/v1/models", "//host:port/v1/models?a=b", "/[::", "//"])
def test_odd_targets_are_paths(target: str) -> None:
    assert Inbound("base_url", "GET", target, HeaderMap([])).path == re.split(r"\?", target)[0]


def test_a_key_that_is_no_utf8_is_a_wrong_one() -> None:
    inbound = Inbound("base_url", "GET", "/v1/models", HeaderMap([("authorization", "Bearer \udcff\udcfe")]))
    with pytest.raises(ParleyError) as refused:
        check_client_key(inbound, "right")
    assert refused.value.fault.kind == "authentication"
