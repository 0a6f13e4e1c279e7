from __future__ import annotations

import pytest
from mitmproxy import http

from addons.answers import hide_credentials

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
