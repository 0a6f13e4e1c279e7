"""What browser pages try, one row each."""

from __future__ import annotations

import pytest

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.guards.origins import OwnNames, check_origin, cors_headers, own_names, preflight_headers
from tests.recordings import client_requests

NAMES = own_names("127.0.0.1")
HOST = {"host": "127.0.0.1:8000"}


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8000"},
        {"host": "localhost:8000"},
        {"host": "LOCALHOST"},
        {"host": "localhost.:8000"},
        {"host": "[::1]:8000"},
        {"host": "127.0.0.2:8000"},
        {"host": "parley.localhost:8000"},
        {"host": "host.docker.internal:8000"},
        HOST | {"origin": "http://127.0.0.1:8000"},
        {"host": "localhost:8000", "origin": "http://localhost:8000"},
        {"host": "localhost", "origin": "http://localhost"},
        {"host": "localhost:80", "origin": "http://localhost"},
        HOST | {"origin": "vscode-webview://1a2b3c"},
        HOST | {"origin": "app://obsidian.md"},
        HOST | {"origin": "tauri://localhost"},
        HOST | {"sec-fetch-mode": "cors"},  # fetch of Node, which sends no Sec-Fetch-Site
        HOST | {"sec-fetch-site": "same-origin"},
        HOST | {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
        HOST | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ],
)
def test_own_requests_pass(headers: dict[str, str]):
    check_origin(headers, NAMES)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": ""},
        {"host": "evil.example"},
        {"host": "evil.example:8000"},
        {"host": "127.0.0.1.evil.example:8000"},
        {"host": "localhost.evil.example"},
        {"host": "evil-localhost"},
        {"host": "0.0.0.0:8000"},
        {"host": "192.168.1.5:8000"},
        {"host": "169.254.169.254"},
        {"host": "localhost:8000@evil.example"},
        {"host": "localhost, evil.example"},
        {"host": "localhost:8000/evil"},
        {"host": "local host"},
        {"host": "[::1"},
        {"host": "[::ffff:1.2.3.4]:8000"},
        {"host": "2130706433:8000"},
        {"host": "0x7f.1:8000"},
        HOST | {"origin": "https://evil.example"},
        HOST | {"origin": "http://localhost:3000"},
        HOST | {"origin": "http://127.0.0.1"},
        HOST | {"origin": "https://127.0.0.1:8000.evil.example"},
        HOST | {"origin": "http://127.0.0.1:8000@evil.example"},
        HOST | {"origin": "http://localhost:8000"},  # another origin than the host that is called
        HOST | {"origin": "null"},
        HOST | {"origin": ""},
        HOST | {"origin": "file://"},
        HOST | {"origin": "chrome-extension://abcdef"},
        HOST | {"origin": "//127.0.0.1:8000"},
        HOST | {"origin": "data://127.0.0.1:8000"},
        HOST | {"origin": "http://[::1"},
        {"host": "evil.example:8000", "origin": "http://evil.example:8000"},  # DNS rebinding: all agree, but not ours
        HOST | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        HOST | {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
        HOST | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    ],
)
def test_foreign_requests_are_refused(headers: dict[str, str]):
    with pytest.raises(ParleyError) as caught:
        check_origin(headers, NAMES)
    assert caught.value.fault.kind is FaultKind.PERMISSION


def test_configured_names_and_origins():
    names = own_names("192.168.1.5", ("LLM.example.org",), ("https://Chat.example/",))
    for host in ("llm.example.org:8000", "192.168.1.5:8000", "localhost"):
        check_origin({"host": host}, names)
    check_origin({"host": "localhost", "origin": "https://chat.example"}, names)
    for origin in ("https://chat.example:444", "http://chat.example", "https://chat.example.evil"):
        with pytest.raises(ParleyError):
            check_origin({"host": "localhost", "origin": origin}, names)


@pytest.mark.parametrize("bound", ["0.0.0.0", "::"])
def test_bound_to_every_address_any_address_is_ours_but_no_name(bound: str):
    names = own_names(bound)
    check_origin({"host": "192.168.1.5:8000"}, names)
    check_origin({"host": "[fd00::5]:8000"}, names)
    with pytest.raises(ParleyError):
        check_origin({"host": "evil.example:8000"}, names)


def test_any_origin_is_not_the_origin_without_a_name():
    names = OwnNames(origins=frozenset({"*"}))
    check_origin(HOST | {"origin": "https://any.example"}, names)
    with pytest.raises(ParleyError):
        check_origin(HOST | {"origin": "null"}, names)


def test_cors_is_off_unless_configured():
    page = {"origin": "https://chat.example", "access-control-request-headers": "authorization, content-type"}
    assert cors_headers(page, NAMES) == []
    assert preflight_headers(page, NAMES) == []
    names = own_names("127.0.0.1", origins=("https://chat.example",))
    assert ("Access-Control-Allow-Origin", "https://chat.example") in cors_headers(page, names)
    assert ("Access-Control-Allow-Headers", "authorization, content-type") in preflight_headers(page, names)
    assert cors_headers({"origin": "https://other.example"}, names) == []
    assert cors_headers({}, names) == []


def test_preflight_gives_back_no_foreign_bytes():
    names = own_names("127.0.0.1", origins=("https://chat.example",))
    page = {"origin": "https://chat.example", "access-control-request-headers": "a\r\nSet-Cookie: x"}
    assert "Access-Control-Allow-Headers" not in dict(preflight_headers(page, names))


@pytest.mark.parametrize("recorded", client_requests())
def test_real_clients_pass(recorded):
    headers = {name.lower(): value for name, value in recorded["headers"].items()}
    check_origin({**headers, "host": "127.0.0.1:8000"}, NAMES)
