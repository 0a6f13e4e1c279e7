from __future__ import annotations

import pytest
from mitmproxy import http

from addons.answers import hide_credentials, response_of
from proxy_core.exchange.answers import Answer

KEY = "parley-client-key-0123456789"


@pytest.mark.parametrize("path", ["/dashboard/login", "/dashboard/login?again", f"/dashboard?key={KEY}"])
def test_the_key_typed_into_the_form_does_not_stay_on_the_flow(path: str) -> None:
    body = f"key={KEY}" if "login" in path else ""
    request = http.Request.make("POST", f"http://127.0.0.1:8000{path}", body, {"cookie": f"parley_8000=17.{'a' * 64}"})
    hide_credentials(request)
    kept = f"{request.path} {request.get_text()} {request.headers}"
    assert KEY not in kept
    assert "a" * 64 not in kept


def test_other_bodies_stay() -> None:
    request = http.Request.make("POST", "http://127.0.0.1:8000/v1/chat/completions", b"{}")
    hide_credentials(request)
    assert request.content == b"{}"


@pytest.mark.parametrize(("status", "length"), [(204, None), (200, "0")])
def test_an_answer_without_content_has_no_length(status: int, length: str | None) -> None:
    assert response_of(Answer(status, [("allow", "GET")], b"")).headers.get("content-length") == length


def test_keys_stay_on_no_flow_however_they_were_shown() -> None:
    other = "another-key-9876543210"
    request = http.Request.make("POST", f"http://127.0.0.1:8000/v1/models?%6Bey={KEY}&k%65y={KEY}", b"{}")
    request.headers.add("authorization", f"Bearer {KEY}")
    request.headers.add("Authorization", f"Bearer {other}")
    request.headers["x-api-key"] = f"{KEY}, {other}"
    request.headers["proxy-authorization"] = f"{KEY} {other}"
    hide_credentials(request)
    kept = f"{request.path} {request.headers}"
    assert KEY not in kept
    assert other not in kept
