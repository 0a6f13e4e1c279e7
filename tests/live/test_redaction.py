"""No secret reaches a backend, and the client notices nothing of it: every SDK against every backend protocol."""

from __future__ import annotations

import base64
import itertools
import json
import re
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Request, TextMessage

from tests.live.clients.sdk import Drivers
from tests.live.commanding import said_bytes
from tests.live.program import CLIENT_KEY, Program
from tests.live.test_bad_input import KEY, assert_serves, body, path, sentence
from tests.live.test_matrix import PLAIN, PROTOCOLS, SEALS, THINKERS, cells
from tests.live.vendors.said import Failed, Said
from tests.live.vendors.upstream import Raw, Received, Upstream
from tests.redaction.samples import ANTHROPIC, GITHUB, KEY_BLOCK, PASSWORD, STRIPE

OWN = "sk-upstream-anthropic"
"""A backend's key; the client's is the other of the proxy's own."""
PLAIN_PASSWORD = "hT7!kq9" + "Zx2vB"
SECRETS = (STRIPE, GITHUB, PASSWORD, PLAIN_PASSWORD, KEY_BLOCK, ANTHROPIC)
PLACEHOLDER = re.compile(r"SECRET_[A-Z0-9_]+_[a-z2-7]{10}")
_MARKED = re.compile(rb', "cache_control": \{[^}]*\}')
"""A mark for the cache moves on with the conversation, and is no part of what is cached."""
ONE_WAY = "(API_KEY_HAS_BEEN_REDACTED)"
SHELL = {
    "name": "shell",
    "description": "Runs a command.",
    "schema": {
        "type": "object",
        "properties": {"command": {"type": "string"}, "lines": {"type": "array", "items": {"type": "string"}}},
        "required": ["command"],
    },
}
ENVIRONMENT = json.dumps(
    {"out": json.dumps({"db_password": PLAIN_PASSWORD, "token": GITHUB, "pem": KEY_BLOCK}), "api_password": PASSWORD}
)


def forms(secret: str) -> set[bytes]:
    """As it is, in JSON, in JSON within JSON, in base64 of any alignment."""
    once = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    twice = once | {json.dumps(form)[1:-1] for form in once}
    encoded = {base64.b64encode(b" " * pad + secret.encode())[4:-4] for pad in (3, 4, 5)}
    return {form.encode() for form in twice} | encoded


def seen(data: bytes, secrets: tuple[str, ...] = (*SECRETS, OWN, CLIENT_KEY)) -> list[str]:
    return [secret for secret in secrets if any(form in data for form in forms(secret))]


def placeholders(data: bytes | str) -> dict[str, str]:
    """The first of each kind in what a backend got."""
    text = data if isinstance(data, str) else data.decode()
    return {found.rpartition("_")[0]: found for found in reversed(PLACEHOLDER.findall(text))}


def answering(make: Callable[[dict[str, str]], Said]) -> Callable[[Received], Said]:
    """A vendor's answer with the placeholders of what it was asked."""
    return lambda received: make(placeholders(received.body))


def _first(known: dict[str, str]) -> Said:
    token = known["SECRET_GITHUB_TOKEN"]
    stripe = next(found for kind, found in known.items() if "STRIPE" in kind)
    arguments = {"command": f"curl -H 'X-Token: {token}' -u :{stripe}", "lines": [token, f"<{stripe}>"]}
    return Said(f"I use {token}, then {stripe}.", calls=(("shell", arguments),), every=1)


def _second(known: dict[str, str]) -> Said:
    command = f"login {known['SECRET_CREDENTIAL']} << END\n{known['SECRET_PRIVATE_KEY']}\nEND"
    return Said("I keep it.", calls=(("login", {"command": command}),), every=2)


@pytest.mark.parametrize(("client", "backend", "streamed"), cells())
def test_a_session_full_of_secrets(
    client: str, backend: str, streamed: bool, parley: Program, vendors: Upstream, sdks: Drivers
) -> None:
    """In system prompt, text, results with JSON in JSON; put back in text and arguments, whose deltas are one or two
    characters long; and the same placeholders when all of it comes back as history."""
    vendors.will_say(answering(_first), answering(_second), Said("Bye"))
    answer = sdks[client].talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model=f"{backend}:{PLAIN[backend]}",
        stream=streamed,
        system=f"Payments go by {STRIPE}.",
        tools=[SHELL, {**SHELL, "name": "login"}],
        headers={"X-Session-ID": uuid.uuid4().hex},
        steps=[
            {"user": f"Push with {GITHUB}; mine here is {CLIENT_KEY}, and there {OWN}.\n{KEY_BLOCK}"},
            {"results": [ENVIRONMENT]},
            {"results": [f"logged in as {ANTHROPIC}"]},
        ],
    )
    assert vendors.problems == []
    assert "error" not in answer
    first, second, _ = answer["replies"]
    assert first["text"] == f"I use {GITHUB}, then {STRIPE}."
    command = f"curl -H 'X-Token: {GITHUB}' -u :{STRIPE}"
    assert first["calls"] == [["shell", {"command": command, "lines": [GITHUB, f"<{STRIPE}>"]}]]
    assert second["calls"] == [["login", {"command": f"login {PLAIN_PASSWORD} << END\n{KEY_BLOCK}\nEND"}]]
    bodies = [received.body for received in vendors.received]
    assert [seen(sent) for sent in bodies] == [[], [], []]
    assert [sent.count(ONE_WAY.encode()) for sent in bodies] == [2, 2, 2]
    _assert_same_beginning(vendors.received)


def _assert_same_beginning(received: list[Received]) -> None:
    """What was said before is said again in the same bytes, so that prompt caches hold."""
    for before, after in itertools.pairwise(received):
        old, new = (_MARKED.sub(b"", said_bytes(received)) for received in (before, after))
        assert new.startswith(old[:-1])
        assert placeholders(before.body).items() <= placeholders(after.body).items()


@pytest.mark.parametrize("backend", PROTOCOLS)
@pytest.mark.parametrize("client", PROTOCOLS)
def test_a_placeholder_cut_at_each_of_its_characters(
    client: str, backend: str, parley: Program, vendors: Upstream, sdks: Drivers
) -> None:
    """Pieces one character longer than a line: each line's placeholder is cut one character later."""

    def lines(known: dict[str, str]) -> Said:
        unit = known["SECRET_GITHUB_TOKEN"] + " ;\n"
        text = "```\n" + "".join(f"{number:02d}{unit}" for number in range(len(unit) + 2))
        return Said(text, every=len(unit) + 3)

    vendors.will_say(answering(lines))
    (reply,) = sdks[client].talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model=f"{backend}:{PLAIN[backend]}",
        stream=True,
        headers={"X-Session-ID": uuid.uuid4().hex},
        steps=[{"user": f"My token is {GITHUB}"}],
    )["replies"]
    heard = reply["text"].removeprefix("```\n").splitlines()
    assert heard == [f"{number:02d}{GITHUB} ;" for number in range(len(heard))]
    assert len(heard) > 30


ASKED_WITH = {
    "openai_chat": {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "TEXT"}, {"type": "file", "file": {"file_data": "URL"}}],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "shell", "arguments": "ARGUMENTS"}}
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "RESULT"},
        ],
        "tools": [{"type": "function", "function": {"name": "shell", "description": "TEXT", "parameters": {}}}],
    },
    "openai_responses": {
        "instructions": "TEXT",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "TEXT"},
                    {"type": "input_file", "filename": "a.txt", "file_data": "URL"},
                ],
            },
            {"type": "function_call", "call_id": "call_1", "name": "shell", "arguments": "ARGUMENTS"},
            {"type": "function_call_output", "call_id": "call_1", "output": "RESULT"},
        ],
        "store": False,
    },
    "anthropic": {
        "max_tokens": 100,
        "system": [{"type": "text", "text": "TEXT", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "TEXT"},
                    {"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": "BASE64"}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "toolu_1", "name": "shell", "input": {"command": "TEXT"}}],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": [{"type": "text", "text": "RESULT"}],
                    }
                ],
            },
        ],
    },
    "gemini": {
        "system_instruction": {"parts": [{"text": "TEXT"}]},
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "TEXT"}, {"inline_data": {"mime_type": "text/plain", "data": "BASE64"}}],
            },
            {
                "role": "model",
                "parts": [{"function_call": {"name": "shell", "args": {"command": "TEXT"}}, "thought_signature": ""}],
            },
            {
                "role": "user",
                "parts": [{"function_response": {"name": "shell", "response": {"output": "RESULT"}}}],
            },
        ],
    },
}
"""As clients that use no SDK write it: snake case, documents, JSON in JSON."""
FULL = "\n".join([f"token: {GITHUB}", f"stripe {STRIPE}", KEY_BLOCK, f"keys {OWN} {CLIENT_KEY}"])


def filled(protocol: str, text: str = FULL) -> dict[str, Any]:
    encoded = base64.b64encode(text.encode()).decode()
    values = {
        "TEXT": text,
        "RESULT": json.dumps({"out": json.dumps({"said": text})}),
        "ARGUMENTS": json.dumps({"command": text}),
        "BASE64": encoded,
        "URL": f"data:text/plain;base64,{encoded}",
    }
    return json.loads(json.dumps(ASKED_WITH[protocol]), object_hook=lambda found: _filled(found, values))


def _filled(found: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    filled = {key: values.get(value, value) if isinstance(value, str) else value for key, value in found.items()}
    return {key: value for key, value in filled.items() if value != ""}


@pytest.mark.parametrize("backend", PROTOCOLS)
@pytest.mark.parametrize("client", PROTOCOLS)
def test_every_place_of_a_request(
    client: str, backend: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    vendors.will_say()
    vendors.checks = False
    model = f"{backend}:{PLAIN[backend]}"
    sent = filled(client) | ({} if client == "gemini" else {"model": model})
    answer = http.post(parley.base + path(client, model), json=sent, headers=KEY)
    assert answer.status_code == 200, answer.text
    received = vendors.next_request().body
    assert seen(received) == []
    assert PLACEHOLDER.search(received.decode())


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/v1/embeddings", {"input": f"It is {GITHUB}."}),
        ("/v1/embeddings", {"input": ["It is", f"{GITHUB}, not {CLIENT_KEY}"]}),
        ("/v1/completions", {"prompt": [f"It is {GITHUB}."], "suffix": f"or {ANTHROPIC}"}),
        ("/v1/images/generations", {"prompt": f"Draw {GITHUB} and sk-upstream-gemini"}),
    ],
)
def test_calls_that_are_no_chat(
    target: str, sent: dict[str, Any], parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    vendors.will_say(Raw([b"{}"]))
    vendors.checks = False
    answer = http.post(parley.base + target, json={"model": "openai_chat:m", **sent}, headers=KEY)
    assert answer.status_code == 200, answer.text
    received = vendors.next_request().body.decode()
    assert "SECRET_GITHUB_TOKEN_" in received
    assert not any(secret in received for secret in (GITHUB, ANTHROPIC, CLIENT_KEY, "sk-upstream-gemini"))


@pytest.mark.parametrize("backend", ["openai_responses", "anthropic", "gemini"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_signed_thinking_is_left_alone(
    streamed: bool, backend: str, parley: Program, vendors: Upstream, sdks: Drivers
) -> None:
    """What the vendor signed comes back to it as it was, though the model wrote a secret into its thoughts."""
    seal = SEALS[backend]

    def think(known: dict[str, str]) -> Said:
        return Said("Yes.", f"They gave me {known['SECRET_GITHUB_TOKEN']}. {ANTHROPIC}", seal, reasoning=5)

    vendors.will_say(answering(think), Said("Still."))
    answer = sdks[backend].talk(
        client=backend,
        base=parley.base,
        key=CLIENT_KEY,
        model=f"{backend}:{THINKERS[backend]}",
        stream=streamed,
        thinking=True,
        headers={"X-Session-ID": uuid.uuid4().hex},
        steps=[{"user": f"Is {GITHUB} one?"}, {"user": "Sure?"}],
    )
    assert vendors.problems == []
    assert "error" not in answer
    again = vendors.received[1].body.decode()
    assert seal in again
    if backend != "gemini":  # its SDK sends no thoughts again
        assert f"They gave me {placeholders(again)['SECRET_GITHUB_TOKEN']}. {ANTHROPIC}" in again
    assert GITHUB not in again


def post(program: Program, http: httpx.Client, text: str, session: str = "", **more: Any) -> httpx.Response:
    headers = {**KEY, "x-session-id": session or uuid.uuid4().hex}
    return http.post(program.base + path("openai_chat"), json=body("openai_chat", text=text, **more), headers=headers)


def test_switched_off_and_on_by_command(parley: Program, vendors: Upstream, http: httpx.Client) -> None:
    """For all sessions, and lastingly."""
    session = uuid.uuid4().hex
    post(parley, http, "!/set(redact-api-keys-in-prompts=false)", session)
    post(parley, http, f"token {GITHUB}", session)
    post(parley, http, f"token {GITHUB}")
    post(parley, http, "!/unset(redact-api-keys-in-prompts)", session)
    post(parley, http, f"token {GITHUB}", session)
    assert [GITHUB in received.body.decode() for received in vendors.received] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("metadata", {"metadata": {"note": CLIENT_KEY}}),
        ("user", {"user": CLIENT_KEY}),
        ("beside a tool", {"tools": [{"type": "function", "function": {"name": "f"}, "x": {"y": [OWN]}}]}),
        ("unknown", {"tomorrow": [{"key": json.dumps({"a": f'"{CLIENT_KEY}'})}]}),
        ("a secret of the text", {"metadata": {"note": f"uses {GITHUB}"}}),
    ],
)
def test_a_secret_where_hardly_any_text_is_is_hidden(
    name: str, change: dict[str, Any], parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    post(parley, http, f"token {GITHUB}", **change)
    assert [seen(received.body) for received in vendors.received] == [[]]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("an id", {"previous_response_id": CLIENT_KEY}),
        ("a tool's name", {"tools": [{"type": "function", "function": {"name": OWN}, "x": {"name": OWN}}]}),
        ("a credential of the client's", {"tomorrow": {"authorization": GITHUB}}),
        ("its base64", {"metadata": {"note": base64.b64encode(f"x{GITHUB}".encode()).decode()}}),
    ],
)
def test_a_secret_where_no_text_is_stops_the_request(
    name: str, change: dict[str, Any], parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    answer = post(parley, http, f"token {GITHUB}", **change)
    assert vendors.received == []
    assert answer.status_code >= 400
    assert "secret" in sentence("openai_chat", answer)
    assert seen(answer.content) == []
    assert_serves(parley, http)


def test_the_old_completions_and_embeddings(parley: Program, vendors: Upstream, http: httpx.Client) -> None:
    for target, field in (("completions", "prompt"), ("completions", "suffix"), ("embeddings", "input")):
        told = {"model": "openai_chat:gpt-4.1", field: f"use {GITHUB} and {OWN}"}
        http.post(f"{parley.base}/v1/{target}", json=told, headers=KEY)
    assert [seen(received.body) for received in vendors.received] == [[], [], []]


@pytest.mark.parametrize("place", ["query", "header"])
def test_own_keys_in_address_and_headers(place: str, parley: Program, vendors: Upstream, http: httpx.Client) -> None:
    more = {"x-note": OWN} if place == "header" else {}
    query = {"note": OWN} if place == "query" else {}
    url = parley.base + path("openai_chat")
    answer = http.post(url, params=query, json=body("openai_chat"), headers={**KEY, **more})
    assert vendors.received == []
    assert "secret" in sentence("openai_chat", answer)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_an_error_repeats_is_no_secret(
    protocol: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    """The backend sees placeholders, so its words about the request have no more; and keys that it names stay here."""
    vendors.will_say(lambda received: Failed(400, f"No: {placeholders(received.body)['SECRET_GITHUB_TOKEN']}."))
    answer = http.post(parley.base + path(protocol), json=body(protocol, text=f"token {GITHUB}"), headers=KEY)
    assert answer.status_code == 400
    assert seen(answer.content) == []


@pytest.fixture(scope="module")
def guarded(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory):
    """With rules of the user's own, a log and a dump."""
    folder = tmp_path_factory.mktemp("redaction")
    config = f"""
settings: {{default_backend: openai_chat}}
backends:
  openai_chat: {{protocol: openai_chat, dialect: openai, base_url: "{vendors.url("openai_chat")}", api_key: {OWN}}}
redaction:
  rules:
    - {{id: badge, regex: 'BADGE-(\\d{{6}})', keywords: [BADGE-]}}
  allow: ['{STRIPE}']
"""
    program = Program(folder, config, {"LOG_LEVEL": "DEBUG"}, ["-w", "dump.mitm"]).wait()
    yield program
    program.stop()


def test_rules_and_exceptions_of_the_configuration(guarded: Program, vendors: Upstream, http: httpx.Client) -> None:
    vendors.will_say(answering(lambda known: Said(f"Badge {known['SECRET_BADGE']}")))
    answer = post(guarded, http, f"BADGE-123456 and {STRIPE} and {GITHUB}")
    received = vendors.next_request().body.decode()
    assert "123456" not in received
    assert "BADGE-SECRET_BADGE_" in received
    assert STRIPE in received
    assert GITHUB not in received
    assert answer.json()["choices"][0]["message"]["content"] == "Badge 123456"


def test_counted_but_never_told(guarded: Program, vendors: Upstream, http: httpx.Client) -> None:
    text = f"{GITHUB} {GITHUB} {KEY_BLOCK} {OWN} {CLIENT_KEY}"
    vendors.will_say(answering(lambda known: Said(f"I have {known['SECRET_GITHUB_TOKEN']}")))
    assert post(guarded, http, text).status_code == 200
    vendors.will_say(Failed(500, "Broken."))
    assert post(guarded, http, text).status_code == 500
    pages = {
        page: http.get(guarded.base + page, headers=KEY).content
        for page in ("/usage/recent?limit=10", "/usage/stats", "/health", "/metrics", "/v1/models", "/openapi.json")
    }
    newest = json.loads(pages["/usage/recent?limit=10"])["data"][0]
    assert newest["redactions"]["github-token"] == 2
    assert sum(newest["redactions"].values()) == 5
    assert [page for page, said in pages.items() if seen(said)] == []
    assert seen(guarded.log.encode()) == []


def test_what_lies_on_disk_after_the_end(vendors: Upstream, http: httpx.Client, tmp_path: Path) -> None:
    """The client's own wire is in a dump that the user asked for, as it was; nothing else is in any file."""
    config = f"""
settings: {{default_backend: openai_chat}}
backends:
  openai_chat: {{protocol: openai_chat, base_url: "{vendors.url("openai_chat")}", api_key: {OWN}}}
"""
    program = Program(tmp_path, config, {"LOG_LEVEL": "DEBUG", "PARLEY_LOG": "parley.log"}, ["-w", "dump.mitm"])
    program.wait()
    vendors.will_say(answering(lambda known: Said(f"I have {known['SECRET_GITHUB_TOKEN']}")))
    assert post(program, http, f"{GITHUB} {OWN} {CLIENT_KEY} {KEY_BLOCK}").status_code == 200
    program.stop()
    files = {file.name: file for file in tmp_path.rglob("*") if file.is_file() and file.name != "addons.yaml"}
    assert {"dump.mitm", "parley.log", "mitmproxy-ca.pem"} <= files.keys()
    assert [name for name, file in files.items() if seen(file.read_bytes(), (OWN, CLIENT_KEY))] == []
    assert [name for name, file in files.items() if seen(file.read_bytes()) and name != "dump.mitm"] == []
    open_to_others = {file.name: oct(file.stat().st_mode) for file in files.values() if file.stat().st_mode & 0o077}
    assert {name for name in open_to_others if "-ca-cert." not in name} <= {"mitmproxy-dhparam.pem"}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_intercepted_requests(protocol: str, streamed: bool, parley: Program, vendors: Upstream) -> None:
    """With the client's own key in its header, where it has to be, and the proxy's own nowhere."""
    vendors.will_say(answering(lambda known: Said(f"I have {known['SECRET_GITHUB_TOKEN']}", every=1)))
    vendors.checks = False
    model = PLAIN[protocol]
    sent = filled(protocol) | ({} if protocol == "gemini" else {"model": model, "stream": streamed})
    where = path(protocol, model, streamed).removeprefix("/anthropic")
    theirs = {"authorization": f"Bearer {ANTHROPIC}"}
    with httpx.Client(proxy=parley.proxy, trust_env=False, timeout=20) as client:
        answer = client.post(vendors.url(protocol) + where, json=sent, headers=theirs)
    assert answer.status_code == 200, answer.text
    received = vendors.next_request()
    assert seen(received.body) == []
    assert received.headers["authorization"] == theirs["authorization"]
    assert PLACEHOLDER.search(received.body.decode())
    if protocol != "openai_responses":  # which repeats the instructions as it got them
        assert not PLACEHOLDER.search(answer.text)
    if not streamed:
        assert f"I have {GITHUB}" in answer.text


def test_own_keys_in_requests_that_are_let_through(parley: Program, vendors: Upstream) -> None:
    with httpx.Client(proxy=parley.proxy, trust_env=False, timeout=20) as client:
        answer = client.post(vendors.url("openai_chat") + "/v1/files", json={"note": OWN})
        fine = client.get(vendors.url("openai_chat") + "/v1/files")
    assert answer.status_code == 403
    assert "key of this proxy" in answer.text
    assert vendors.received == []
    assert fine.status_code == 200


class Echo:
    """A WebSocket server that says again what it hears."""

    def __init__(self) -> None:
        self.heard: list[str | bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        protocol = WSConnection(ConnectionType.SERVER)
        with connection:
            while data := connection.recv(1 << 16):
                protocol.receive_data(data)
                for event in protocol.events():
                    connection.sendall(b"".join(protocol.send(answer) for answer in self._answers(event)))

    def _answers(self, event: Event) -> Iterator[Event]:
        match event:
            case Request():
                yield AcceptConnection()
            case TextMessage() | BytesMessage():
                self.heard.append(_plain(event))
                yield _message(_plain(event))
            case CloseConnection():
                yield event.response()

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)


def say_over_websocket(program: Program, port: int, *messages: str | bytes) -> list[str | bytes]:
    """What comes back, up to the answer to the last message."""
    proxy = httpx.URL(program.proxy)
    protocol = WSConnection(ConnectionType.CLIENT)
    heard: list[str | bytes] = []
    with socket.create_connection((proxy.host, proxy.port or 0), 10) as connection:
        hello = protocol.send(Request(host=f"127.0.0.1:{port}", target="/v1/responses"))
        connection.sendall(hello.replace(b"GET /", f"GET http://127.0.0.1:{port}/".encode(), 1))
        while data := connection.recv(1 << 16):
            protocol.receive_data(data)
            for event in protocol.events():
                match event:
                    case AcceptConnection():
                        said = [protocol.send(_message(message)) for message in messages]
                        connection.sendall(b"".join(said))
                    case TextMessage() | BytesMessage():
                        heard.append(_plain(event))
                        if heard[-1] == messages[-1]:
                            return heard
    return heard


def _plain(event: TextMessage | BytesMessage) -> str | bytes:
    return event.data if isinstance(event.data, str) else bytes(event.data)


def _message(message: str | bytes) -> Event:
    return TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message)


def test_messages_of_intercepted_websockets(parley: Program) -> None:
    """Hidden on the way out, put back on the way in; where that cannot be done the message is dropped."""
    said = {"type": "response.create", "response": {"input": f"Use {GITHUB}, not {OWN}"}}
    known = {"type": "response.create", "input": f"Use {GITHUB}", "previous_response_id": GITHUB}
    echo = Echo()
    try:
        heard = say_over_websocket(
            parley, echo.port, json.dumps(said), json.dumps(known), f"{OWN} in no JSON", OWN.encode(), b"\x00", "end"
        )
    finally:
        echo.close()
    assert len(echo.heard) == 3
    first = json.loads(str(echo.heard[0]))["response"]["input"]
    assert re.fullmatch(rf"Use {PLACEHOLDER.pattern}, not {re.escape(ONE_WAY)}", first)
    assert json.loads(str(heard[0]))["response"]["input"] == f"Use {GITHUB}, not {ONE_WAY}"
    assert heard[1:] == [b"\x00", "end"]
