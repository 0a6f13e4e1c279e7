"""Whose settings hold for whom, seen from outside; and the switches that change what commands may do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.live.clients.sdk import Drivers
from tests.live.commanding import ASKED, PROTOCOLS, own_program, talk, unmarked
from tests.live.program import CLIENT_KEY, Program
from tests.live.test_commands import CELLS
from tests.live.vendors.upstream import Raw, Upstream

KEY = {"authorization": f"Bearer {CLIENT_KEY}"}
OPUS = "anthropic:claude-opus-4-5"


@pytest.fixture(scope="module")
def open_program(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Asks for no client key, but for a project, and greets."""
    environ = {"DISABLE_AUTH": "true", "FORCE_SET_PROJECT": "true", "DISABLE_INTERACTIVE_MODE": "false"}
    environ["LLM_INTERACTIVE_PROXY_API_KEY"] = ""
    program = own_program(tmp_path_factory.mktemp("open"), vendors, environ)
    yield program
    program.stop()


@pytest.fixture(scope="module")
def silent(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    program = own_program(tmp_path_factory.mktemp("silent"), vendors, {"DISABLE_INTERACTIVE_COMMANDS": "true"})
    yield program
    program.stop()


class Person:
    """Chats without a session's id."""

    def __init__(self, http: httpx.Client, program: Program, key: str = CLIENT_KEY, agent: str = "someone/1") -> None:
        self._http, self._program = http, program
        self.headers = {"authorization": f"Bearer {key}", "user-agent": agent}
        self.messages: list[dict[str, Any]] = []

    def say(self, words: str) -> str:
        self.messages.append({"role": "user", "content": words})
        body = {"model": ASKED, "messages": self.messages}
        answer = self._http.post(f"{self._program.base}/v1/chat/completions", json=body, headers=self.headers)
        assert answer.status_code == 200, answer.text
        content = answer.json()["choices"][0]["message"]["content"]
        self.messages.append({"role": "assistant", "content": content})
        return content


def test_sessions_named_by_their_clients(parley: Program, vendors: Upstream, sdks: Drivers) -> None:
    """One session through four protocols, and none through another name."""
    mine, other = {"X-Session-ID": uuid.uuid4().hex}, {"X-Session-ID": uuid.uuid4().hex}
    talk(parley, sdks, "openai_chat", f"!/set(model={OPUS})", streamed=False, headers=mine)
    for headers in (mine, other):
        for client in PROTOCOLS:
            talk(parley, sdks, client, "Hi", streamed=True, headers=headers)
    assert [request.vendor for request in vendors.received] == ["anthropic"] * 4 + ["openai_chat"] * 4


@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_a_conversation_without_a_name(
    client: str, streamed: bool, parley: Program, vendors: Upstream, sdks: Drivers
) -> None:
    """Keeps its settings; another that begins at the same time with other words has none of them."""
    words = f"Hello {uuid.uuid4().hex}"
    talk(parley, sdks, client, words, f"!/set(model={OPUS})", "Go", "On", streamed=streamed, headers={})
    talk(parley, sdks, client, f"Other {words}", "Go", streamed=streamed, headers={})
    vendored = [request.vendor for request in vendors.received]
    assert vendored == ["openai_chat", "anthropic", "anthropic", "openai_chat", "openai_chat"]


def test_clients_that_say_the_same_are_not_mixed(open_program: Program, vendors: Upstream, http: httpx.Client) -> None:
    """By key, by program, and by where two conversations part."""
    people = [
        Person(http, open_program, "key-of-one-client-1"),
        Person(http, open_program, "key-of-another-client"),
        Person(http, open_program, "key-of-one-client-1", "another-program/1"),
        Person(http, open_program, "key-of-one-client-1"),
    ]
    for number, person in enumerate(people):
        person.say(f"!/set(project=p{number})")
        person.say("Hi")
    people[0].say(f"!/set(model={OPUS})")
    vendors.will_say()
    for person in people:
        person.say("Hi again")
    assert [request.vendor for request in vendors.received] == ["anthropic", *["openai_chat"] * 3]


def test_sessions_are_listed_shown_and_forgotten(parley: Program, vendors: Upstream, http: httpx.Client) -> None:
    name = uuid.uuid4().hex
    url = f"{parley.base}/v1/sessions"
    person = Person(http, parley)
    person.headers["x-session-id"] = name
    person.say(f"!/set(model={OPUS}, project=x)")
    [listed] = [one for one in http.get(url, headers=KEY).json()["data"] if one["id"] == name]
    assert listed["settings"] == {"model": OPUS, "project": "x"}
    assert http.get(f"{url}/{name}", headers=KEY).json()["settings"] == listed["settings"]
    assert http.get(url).status_code == http.delete(f"{url}/{name}").status_code == 401
    assert http.delete(f"{url}/{name}", headers=KEY).json()["deleted"] is True
    assert http.get(f"{url}/{name}", headers=KEY).status_code == 404
    assert http.delete(f"{url}/{name}", headers=KEY).status_code == 404
    person.say("Hi")
    assert vendors.received[-1].vendor == "openai_chat"


@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_nothing_goes_upstream_without_a_project(
    client: str, streamed: bool, open_program: Program, vendors: Upstream, sdks: Drivers
) -> None:
    """And the first reply, whoever says it, brings the banner."""
    said = ("Hi", "!/hello", "!/set(project=x)", "Hi")
    replies = talk(open_program, sdks, client, *said, streamed=streamed)
    assert "!/set(project=NAME)" in replies[0]["text"]
    assert replies[0]["usage"] == {"prompt": 0, "cached": 0, "output": 0}
    assert unmarked(replies[1]["text"]).startswith("Hello, this is Parley")
    assert unmarked(replies[2]["text"]) == "project set to x"
    assert replies[3]["text"] == "pong"
    assert len(vendors.received) == 1


def test_calls_that_are_no_chat_need_a_project_too(
    open_program: Program, vendors: Upstream, http: httpx.Client
) -> None:
    message = {"role": "user", "content": "Hi"}
    named = {"x-session-id": "counts-and-embeds"}

    def ask(path: str, **body: Any) -> httpx.Response:
        return http.post(f"{open_program.base}{path}", json={"model": "openai_chat:m", **body}, headers=named)

    vendors.will_say(Raw([b"{}"]))
    vendors.checks = False
    refused = ask("/v1/embeddings", input="Hi")
    assert (refused.status_code, "!/set(project=NAME)" in refused.json()["error"]["message"]) == (403, True)
    counted = ask("/v1/messages/count_tokens", model="anthropic:claude-sonnet-4-5", messages=[message])
    assert counted.json()["input_tokens"] > 0
    assert vendors.received == []
    ask("/v1/chat/completions", messages=[{**message, "content": "!/set(project=x)"}])
    assert ask("/v1/embeddings", input="Hi").status_code == 200


@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_a_banner_comes_with_the_first_reply(
    client: str, streamed: bool, open_program: Program, vendors: Upstream, sdks: Drivers
) -> None:
    said = ("!/set(project=x) Hi", "Hi")
    first, second = talk(open_program, sdks, client, *said, streamed=streamed)
    text = unmarked(first["text"])
    assert text.startswith("Hello, this is Parley")
    assert text.endswith("\nproject set to x\n\npong")
    assert second["text"] == "pong"


@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_commands_switched_off_are_text(
    client: str, streamed: bool, silent: Program, vendors: Upstream, sdks: Drivers
) -> None:
    typed = f"hi !/set(model={OPUS}) !/sett(x)"
    replies = talk(silent, sdks, client, typed, "!/help", streamed=streamed)
    assert [reply["text"] for reply in replies] == ["pong", "pong"]
    assert [request.vendor for request in vendors.received] == ["openai_chat"] * 2
    assert json.dumps(typed)[1:-1] in vendors.received[0].body.decode()
