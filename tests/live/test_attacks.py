"""What an attacker would try over loopback. Each is refused with a reason, and the proxy goes on serving."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from tests.live.attacking import LIMITS, PATIENCE, Redirecting, config, raw, status_of, through, wait_for
from tests.live.program import CLIENT_KEY, Program
from tests.live.test_bad_input import KEY, PROTOCOLS, assert_serves, body, path, sentence
from tests.live.vendors.upstream import Upstream


@pytest.fixture(scope="module")
def limited(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """With limits so small that they are soon reached."""
    program = Program(tmp_path_factory.mktemp("limited"), config(vendors, LIMITS)).wait()
    yield program
    program.stop()


@pytest.fixture(scope="module")
def exposed(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Its HTTP proxy can be reached from elsewhere."""
    program = Program(tmp_path_factory.mktemp("exposed"), config(vendors), {"PARLEY_HTTP_PROXY_HOST": "0.0.0.0"}).wait()
    yield program
    program.stop()


def connected(proxy: str, target: str, *headers: str) -> bytes:
    """The beginning of the answer to a CONNECT, and of what comes through the tunnel."""
    address = httpx.URL(proxy)
    with socket.create_connection((address.host, address.port or 0), PATIENCE) as connection:
        connection.settimeout(PATIENCE)
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode())
        answer = connection.recv(1 << 16)
        if b" 200 " in answer.split(b"\r\n")[0]:
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                answer += connection.recv(1 << 16)
        return answer


TARGETS = {
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "its name": "http://metadata.google.internal/computeMetadata/v1/",
    "link-local": "http://169.254.1.1/",
    "link-local IPv6": "http://[fe80::1]/",
    "metadata IPv6": "http://[fd00:ec2::254]/",
    "private": "http://10.0.0.1/",
    "private too": "http://192.168.1.1/admin",
    "carrier": "http://100.64.0.1/",
    "IPv4-mapped": "http://[::ffff:10.0.0.1]/",
    "IPv4-mapped metadata": "http://[::ffff:169.254.169.254]/",
    "NAT64": "http://[64:ff9b::a9fe:a9fe]/",
    "decimal": "http://2852039166/",
    "octal": "http://0251.0376.0251.0376/",
    "hexadecimal": "http://0xa9fea9fe/",
    "short": "http://10.1/",
    "nowhere": "http://0.0.0.0:9/",
    "everybody": "http://255.255.255.255/",
}


@pytest.mark.parametrize("name", TARGETS)
def test_addresses_that_nobody_may_reach_through_the_proxy(name: str, parley: Program, http: httpx.Client) -> None:
    place = TARGETS[name].split("/")[2]
    answer = raw(parley.proxy, f"GET {TARGETS[name]} HTTP/1.1", f"Host: {place}")
    assert status_of(answer) in (400, 403, 502), answer
    tunnel = connected(parley.proxy, place if place.endswith(":9") else f"{place}:80")
    assert b"HTTP/1.1 200" not in tunnel.partition(b"\r\n\r\n")[2]
    assert_serves(parley, http)


OWN_HOSTS = ("127.0.0.1", "localhost", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433")


@pytest.mark.parametrize("host", OWN_HOSTS)
@pytest.mark.parametrize("listener", ["base", "proxy"])
def test_the_proxys_own_ports(listener: str, host: str, parley: Program, http: httpx.Client) -> None:
    """Neither asked for plainly nor through a tunnel."""
    port = httpx.URL(getattr(parley, listener)).port
    plain = raw(parley.proxy, f"GET http://{host}:{port}/health HTTP/1.1", f"Host: {host}:{port}")
    assert status_of(plain) in (400, 403, 502)
    assert b"backends" not in plain
    assert b"backends" not in connected(parley.proxy, f"{host}:{port}")
    assert_serves(parley, http)


def test_mitmwebs_port(vendors: Upstream, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Program(
        tmp_path, config(vendors), None, [f"--web-port={port}", "--no-web-open-browser"], command="web"
    ).wait()
    try:
        answer = through(program.proxy, f"http://127.0.0.1:{port}/flows")
        assert answer.status_code == 502
        assert "leads back to this proxy" in answer.text
        assert b"mitmproxy" not in connected(program.proxy, f"127.0.0.1:{port}").lower().partition(b"\r\n\r\n")[2]
        options = httpx.get(f"http://127.0.0.1:{port}/options", trust_env=False)
        assert "sk-upstream" not in options.text
        assert CLIENT_KEY not in options.text
    finally:
        program.stop()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/v1",
        "http://[::ffff:169.254.169.254]/v1",
        "http://10.0.0.1/v1",
        "http://metadata.google.internal/v1",
        "http://2852039166/v1",
        "http://user:pass@10.0.0.1/v1",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/",
        "OWN",
    ],
)
def test_openai_url_does_not_lead_there_either(
    url: str, parley: Program, vendors: Upstream, http: httpx.Client, limited: Program
) -> None:
    where = limited.base + "/v1" if url == "OWN" else url
    headers = {**KEY, "x-session-id": uuid.uuid4().hex}
    endpoint = limited.base + path("openai_chat")
    said = http.post(endpoint, json=body("openai_chat", text=f"!/set(openai_url={where})"), headers=headers)
    assert said.status_code == 200
    answer = http.post(endpoint, json=body("openai_chat", "openai:gpt-4.1"), headers=headers)
    if answer.status_code == 200:  # the command itself was refused, so the backend is where it was
        assert "openai_url" in said.text
        assert "URL set to" not in said.text
    else:
        assert answer.status_code in (400, 403, 502)
        assert vendors.received == []
        sentence("openai_chat", answer)
    assert_serves(limited, http)


def test_redirects_are_not_followed(vendors: Upstream, http: httpx.Client, tmp_path: Path) -> None:
    """Neither of an answer nor of a list of models: both may lead anywhere."""
    with Redirecting("http://169.254.169.254/latest/meta-data/") as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        more = f"  moved: {{protocol: openai_chat, base_url: '{url}', api_key: sk-moved-0123}}\n"
        environ = {"MODEL_LIST_URL": f"http://127.0.0.1:{server.port}/list"}
        program = Program(tmp_path, config(vendors, more), environ).wait()
        try:
            answer = http.post(program.base + path("openai_chat"), json=body("openai_chat", "moved:m"), headers=KEY)
            assert answer.status_code == 502
            assert "location" not in answer.headers
            states = wait_for(
                lambda: http.get(program.base + "/health").json()["backends"],
                lambda states: states["moved"]["models"]["status"] == "failing",
            )
            assert "302" in json.dumps(states["moved"])
            assert_serves(program, http)
        finally:
            program.stop()


FOREIGN = {
    "a page": {"origin": "https://evil.example"},
    "a sandboxed page": {"origin": "null"},
    "a page on another port": {"origin": "http://localhost:3000"},
    "a rebound name": {"host": "evil.example"},
    "a name that ends like ours": {"host": "localhost.evil.example"},
    "an image": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
}


@pytest.mark.parametrize("page", [path("openai_chat"), "/health", "/usage/recent", "/dashboard", "/v1/models", "/"])
@pytest.mark.parametrize("name", FOREIGN)
def test_pages_of_other_sites(name: str, page: str, limited: Program, vendors: Upstream, http: httpx.Client) -> None:
    method = "POST" if "chat" in page else "GET"
    headers = {**KEY, **FOREIGN[name]}
    answer = http.request(method, limited.base + page, json=body("openai_chat"), headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert vendors.received == []


def test_preflights(limited: Program, http: httpx.Client) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, content-type"}
    url = limited.base + path("openai_chat")
    foreign = http.options(url, headers={**asked, "origin": "https://evil.example"})
    assert foreign.status_code == 403
    ours = http.options(url, headers={**asked, "origin": "https://chat.example"})
    assert ours.status_code == 204
    assert ours.headers["access-control-allow-origin"] == "https://chat.example"
    assert "authorization" in ours.headers["access-control-allow-headers"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_configured_page_may_read(streamed: bool, limited: Program, http: httpx.Client) -> None:
    headers = {**KEY, "origin": "https://chat.example"}
    answer = http.post(
        limited.base + path("openai_chat"), json=body("openai_chat", "demo:echo", stream=streamed), headers=headers
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://chat.example"
    refused = http.post(
        limited.base + path("openai_chat"), json=body("openai_chat"), headers={"origin": "https://chat.example"}
    )
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://chat.example"


BASIC = base64.b64encode(f"parley:{CLIENT_KEY}".encode()).decode()
WRONG = base64.b64encode(b"parley:wrong").decode()


@pytest.mark.parametrize("given", ["", f"Basic {WRONG}", "Bearer wrong", "Digest x", f"Basic {BASIC[:-4]}!"])
def test_an_exposed_proxy_is_no_open_relay(given: str, exposed: Program, vendors: Upstream, http: httpx.Client) -> None:
    headers = {"proxy-authorization": given} if given else {}
    url = vendors.url("openai_chat")
    for method, where in (("POST", url + path("openai_chat")), ("GET", url + "/v1/files")):
        answer = through(exposed.proxy, where, method, headers=headers, json=body("openai_chat"))
        assert answer.status_code == 407
        assert answer.headers["proxy-authenticate"].startswith("Basic")
    lines = [f"Proxy-Authorization: {given}"] if given else []
    assert status_of(connected(exposed.proxy, f"127.0.0.1:{vendors.port}", *lines)) == 407
    assert vendors.received == []
    assert_serves(exposed, http)


@pytest.mark.parametrize("given", [f"Basic {BASIC}", f"Bearer {CLIENT_KEY}"])
def test_an_exposed_proxy_serves_those_with_the_key(given: str, exposed: Program, vendors: Upstream) -> None:
    headers = {"proxy-authorization": given, "authorization": "Bearer theirs"}
    url = vendors.url("openai_chat")
    answer = through(exposed.proxy, url + path("openai_chat"), "POST", headers=headers, json=body("openai_chat"))
    assert answer.json()["choices"][0]["message"]["content"] == "pong"
    assert through(exposed.proxy, url + "/v1/files", headers=headers).status_code == 200
    for received in (vendors.next_request(), vendors.others[0]):
        assert received.headers["authorization"] == "Bearer theirs"
        assert CLIENT_KEY not in json.dumps(received.headers)
        assert BASIC not in json.dumps(received.headers)


def test_a_tunnel_is_asked_for_the_key_once(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    upstream = Upstream(context)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.cert_pem.bytes())
    backend = f"backends: {{tls: {{protocol: openai_chat, base_url: '{upstream.url('openai_chat', 'localhost')}'}}}}\n"
    environ = {"SSL_CERT_FILE": str(trusted), "PARLEY_HTTP_PROXY_HOST": "0.0.0.0"}
    program = Program(tmp_path, backend, environ).wait()
    url = upstream.url("openai_chat", "localhost") + path("openai_chat")
    try:
        verify = ssl.create_default_context(cafile=str(program.certificate))
        proxy = program.proxy.replace("//", f"//parley:{CLIENT_KEY}@")
        with httpx.Client(proxy=proxy, verify=verify, trust_env=False) as client:
            said = [client.post(url, json=body("openai_chat")).status_code for _ in range(2)]
        stranger = httpx.Client(proxy=program.proxy, verify=verify, trust_env=False)
        with stranger as client, pytest.raises(httpx.ProxyError, match="407"):
            client.post(url, json=body("openai_chat"))
        assert said == [200, 200]
        assert len(upstream.received) == 2
    finally:
        program.stop()
        upstream.close()


def test_the_cas_key_is_its_owners_alone(parley: Program) -> None:
    modes = {file.name: file.stat().st_mode & 0o777 for file in (parley.folder / "conf").iterdir()}
    assert modes["mitmproxy-ca.pem"] == modes["mitmproxy-ca.p12"] == 0o600


def test_a_ca_key_that_others_could_read_is_closed_at_the_start(
    vendors: Upstream, parley: Program, tmp_path: Path
) -> None:
    (tmp_path / "conf").mkdir()
    for name in ("mitmproxy-ca.pem", "mitmproxy-ca-cert.pem"):
        (tmp_path / "conf" / name).write_bytes((parley.folder / "conf" / name).read_bytes())
        (tmp_path / "conf" / name).chmod(0o644)
    program = Program(tmp_path, config(vendors)).wait()
    program.stop()
    assert (tmp_path / "conf" / "mitmproxy-ca.pem").stat().st_mode & 0o777 == 0o600


BROKEN = """
import os
from proxy_core.exchange.reception import Reception
from proxy_core.exchange.secrecy import Secrecy
from proxy_core.loops.text import LoopObserver

def crash(*_, **__):
    raise RuntimeError("crashed by a test")

PLACES = {"reception": (Reception, "take"), "secrecy": (Secrecy, "hide"), "loops": (LoopObserver, "see")}
kind, name = PLACES[os.environ["CRASH"]]
healthy = getattr(kind, name)
setattr(kind, name, lambda *given: (crash if os.path.exists("begun") else healthy)(*given))
"""


@pytest.mark.parametrize("place", ["reception", "secrecy", "loops"])
def test_what_fails_fails_closed(place: str, vendors: Upstream, http: httpx.Client, tmp_path: Path) -> None:
    """A crash of our own code, wherever it is, lets nothing pass that was not looked at."""
    (tmp_path / "broken.py").write_text(BROKEN)
    program = Program(tmp_path, config(vendors), {"CRASH": place}, ["-s", "broken.py"]).wait()
    try:
        assert_serves(program, http)
        (tmp_path / "begun").touch()
        for protocol in PROTOCOLS:
            vendors.will_say()
            where = path(protocol, "anthropic:claude-sonnet-4-5")
            answer = http.post(program.base + where, json=body(protocol, "anthropic:claude-sonnet-4-5"), headers=KEY)
            assert answer.status_code == 500
            assert "its log says" in sentence(protocol, answer)
            assert "crashed by a test" not in answer.text
            assert len(vendors.received) == (place == "loops")
        intercepted = through(
            program.proxy, vendors.url("openai_chat") + path("openai_chat"), "POST", json=body("openai_chat")
        )
        assert (intercepted.status_code, "pong" in intercepted.text) == (500, False)
        program.heard("crashed by a test")
        assert http.get(program.base + "/health").status_code == (500 if place == "reception" else 200)
    finally:
        program.stop()
