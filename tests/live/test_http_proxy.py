"""HTTPS clients that know nothing of Parley but HTTPS_PROXY and the local CA."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest
import trustme

from tests.live.clients.sdk import PYTHON
from tests.live.program import Program
from tests.live.test_bad_input import BEGUN
from tests.live.vendors.said import Failed, Said
from tests.live.vendors.upstream import BACKENDS, Raw, Upstream

THEIRS = {"authorization": "Bearer the-clients-own-key", "content-type": "application/json"}
ASKED = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}]}


class Preferring2(ssl.SSLContext):
    """HTTP/2 first, as Codex and Node ask for it; httpx names it last."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols(sorted(alpn_protocols))


@dataclass
class Setting:
    """`known` is a backend's address by the name `localhost`; `127.0.0.1` with the same port is nobody's."""

    parley: Program
    upstream: Upstream
    authority: trustme.CA
    trusted: Path

    def client(self, http2: bool = False, *, local_ca: bool = True) -> httpx.Client:
        context = Preferring2(ssl.PROTOCOL_TLS_CLIENT)
        if local_ca:
            context.load_verify_locations(self.parley.certificate)
        else:
            self.authority.configure_trust(context)
        return httpx.Client(proxy=self.parley.proxy, verify=context, http2=http2, trust_env=False, timeout=20)

    @property
    def known(self) -> str:
        return f"{self.upstream.url('openai_chat', 'localhost')}/v1/chat/completions"

    @property
    def unknown(self) -> str:
        return f"{self.upstream.url('openai_chat')}/v1/chat/completions"


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    upstream = Upstream(context)
    trusted = folder / "trusted.pem"
    trusted.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
    config = "backends:\n" + "".join(
        f"  {name}: {{protocol: {name}, base_url: {upstream.url(name, 'localhost')}, api_key: sk-ours}}\n"
        for name in BACKENDS
    )
    program = Program(folder, config, {"SSL_CERT_FILE": str(trusted)}).wait()
    yield Setting(program, upstream, authority, trusted)
    program.stop()
    upstream.close()


@pytest.fixture(autouse=True)
def _forget(setting: Setting) -> None:
    setting.upstream.will_say()


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_backends_host_is_intercepted(streamed: bool, http2: bool, setting: Setting) -> None:
    setting.upstream.will_say(Said("Seen"))
    sent = json.dumps({**ASKED, "stream": streamed}, indent=3).encode()
    with setting.client(http2) as client:
        answer = client.post(setting.known, content=sent, headers=THEIRS)
    assert setting.upstream.problems == []
    assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    assert answer.status_code == 200
    received = setting.upstream.next_request()
    assert received.body == sent
    assert received.headers["authorization"] == THEIRS["authorization"]
    assert text_of(answer) == "Seen"


def text_of(answer: httpx.Response) -> str:
    if answer.headers["content-type"].startswith("application/json"):
        return answer.json()["choices"][0]["message"]["content"]
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_five_requests_over_one_connection(http2: bool, setting: Setting) -> None:
    setting.upstream.will_say(*(Said(str(number)) for number in range(5)))
    with setting.client(http2) as client:
        heard = [text_of(client.post(setting.known, json=ASKED, headers=THEIRS)) for _ in range(5)]
    assert heard == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("status", [400, 401, 429, 529])
def test_a_vendors_error_comes_as_it_was_said(status: int, setting: Setting) -> None:
    setting.upstream.will_say(Failed(status, "No."))
    with setting.client() as client:
        answer = client.post(setting.known, json=ASKED, headers=THEIRS)
    assert answer.status_code == status
    assert answer.json()["error"]["message"] == "No."
    assert len(setting.upstream.received) == 1


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_the_upstream_is_cancelled_when_the_client_hangs_up(http2: bool, setting: Setting) -> None:
    setting.upstream.will_say(Raw(BEGUN["openai_chat"], content_type="text/event-stream", then="hold"))
    sent = {**ASKED, "stream": True}
    with setting.client(http2) as client, client.stream("POST", setting.known, json=sent, headers=THEIRS) as answer:
        assert any("Once" in chunk for chunk in answer.iter_text())
        received = setting.upstream.next_request()
    assert received.hung_up.wait(5)  # httpx resets no stream, it closes the connection


def test_other_paths_of_a_backend_are_let_through(setting: Setting) -> None:
    with setting.client() as client:
        answer = client.get(setting.known.replace("/chat/completions", "/files"), headers=THEIRS)
    assert answer.json() == {"data": [], "models": []}


def test_a_client_of_a_protocol_that_is_for_backends_alone_is_let_through(setting: Setting) -> None:
    """Cohere's own SDK: what it says reaches Cohere as it was, with the client's own key."""
    setting.upstream.will_say(Said("Seen"))
    sent = b'{"model":"command-a-03-2025", "messages": [{"role":"user","content":"Hi"}],"stream":false}'
    with setting.client() as client:
        url = f"{setting.upstream.url('cohere', 'localhost')}/v2/chat"
        answer = client.post(url, content=sent, headers=THEIRS)
    assert setting.upstream.problems == []
    assert answer.json()["message"]["content"] == [{"type": "text", "text": "Seen"}]
    received = setting.upstream.next_request()
    assert (received.body, received.headers["authorization"]) == (sent, THEIRS["authorization"])


def test_an_unknown_host_is_tunnelled_unread(setting: Setting) -> None:
    """T101: the client sees the upstream's own certificate, not one of the local CA."""
    setting.upstream.will_say(Said("Unseen"))
    with setting.client(local_ca=False) as client:
        answer = client.post(setting.unknown, json=ASKED, headers=THEIRS)
    assert text_of(answer) == "Unseen"
    with setting.client() as client, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        client.post(setting.unknown, json=ASKED, headers=THEIRS)


def test_the_proxys_own_ports_cannot_be_reached_through_it(setting: Setting) -> None:
    """T104."""
    with setting.client() as client:
        answer = client.get(f"{setting.parley.base}/health")
    assert answer.status_code >= 400
    assert "backends" not in answer.text


TALKS: dict[str, tuple[str, dict[str, Any], str]] = {
    "openai_chat": (
        "v1/chat/completions",
        {"model": "gpt-4.1", "messages": [{"role": "user", "content": "TYPED"}]},
        "",
    ),
    "openai_responses": ("v1/responses", {"model": "gpt-4.1", "store": False, "input": "TYPED"}, ""),
    "anthropic": (
        "v1/messages",
        {"model": "claude-sonnet-4-5", "max_tokens": 50, "messages": [{"role": "user", "content": "TYPED"}]},
        "",
    ),
    "gemini": (
        "v1beta/models/gemini-2.5-flash:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "TYPED"}]}]},
        "v1beta/models/gemini-2.5-flash:streamGenerateContent",
    ),
}
"""Path and body, with another path for a stream."""


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("protocol", TALKS)
def test_commands_in_intercepted_traffic(protocol: str, streamed: bool, setting: Setting) -> None:
    """Obeyed as elsewhere, and what goes on goes where it was going, with the client's own key and headers."""
    whole, body, stream = TALKS[protocol]
    url = f"{setting.upstream.url(protocol, 'localhost')}/{stream if streamed and stream else whole}"
    session = {**THEIRS, "x-session-id": f"{protocol} {streamed}", "x-of-their-own": "kept"}

    def say(client: httpx.Client, typed: str) -> str:
        sent = json.loads(json.dumps(body).replace("TYPED", typed)) | ({"stream": streamed} if not stream else {})
        return client.post(url, json=sent, headers=session).text

    with setting.client() as client:
        typed = ("!/set(temperature=0.5)", "!/sett(x=1)", "Hi", "Hi !/help there", "!/unset(temperature) Bye", "Bye")
        heard = [say(client, words) for words in typed]
    assert "temperature set to: 0.5" in heard[0]
    assert "did you mean 'set'?" in heard[1]
    assert "available commands: " in heard[3]
    assert setting.upstream.problems == []
    received = setting.upstream.received
    assert [request.asked["model"] for request in received] == [body.get("model", "gemini-2.5-flash")] * 4
    assert {request.headers["authorization"] for request in received} == {THEIRS["authorization"]}
    assert {request.headers["x-of-their-own"] for request in received} == {"kept"}
    texts = [request.body.decode() for request in received]
    assert [("temperature" in text, "Hi  there" in text) for text in texts] == [
        (True, False),
        (True, True),
        (False, False),
        (False, False),
    ]


_SCRIPT = """
import sys
from openai import OpenAI
client = OpenAI(base_url=sys.argv[1], api_key="theirs", max_retries=0)
stream = client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "Hi"}], stream=True)
print("".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices))
"""


def test_an_unmodified_sdk_needs_the_environment_alone(setting: Setting, tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("the SDKs are not installed (scripts/setup.sh --clients)")
    setting.upstream.will_say(Said("Through the proxy"))
    ended = _run([str(PYTHON), "-c", _SCRIPT, setting.known.removesuffix("/chat/completions")], setting, tmp_path)
    assert ended.stdout.strip() == "Through the proxy", ended.stderr
    assert setting.upstream.problems == []


def _run(command: list[str], setting: Setting, folder: Path) -> subprocess.CompletedProcess[str]:
    environ: dict[str, Any] = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HTTPS_PROXY": setting.parley.proxy,
        "SSL_CERT_FILE": str(setting.parley.certificate),
    }
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
