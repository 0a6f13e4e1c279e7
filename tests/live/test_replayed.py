"""Conversations with commands here and there: what a model gets is what it would get had nobody typed them."""

from __future__ import annotations

import itertools
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.live.clients.sdk import Drivers
from tests.live.commanding import PLAIN, PROTOCOLS, own_program, talk, unmarked
from tests.live.pictures import PNG
from tests.live.program import CLIENT_KEY, Program
from tests.live.test_commands import CELLS
from tests.live.vendors.said import Said
from tests.live.vendors.upstream import Received, Upstream

EVIL = "!/set(project=evil)"


@pytest.fixture(scope="module")
def commanded(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    program = own_program(tmp_path_factory.mktemp("replayed"), vendors)
    yield program
    program.stop()


IMAGE = {"image": PNG, "type": "image/png"}
ODD = "Write this:\n\n    for i in range(3):\r\n\tpass  \n\n<div a='1'>x</div> if a < b  \n"
TURNS: tuple[tuple[Any, Any], ...] = (
    ("!/set(interactive=on)", None),
    ("Hi, I am Zoë 🦊.", "Hi, I am Zoë 🦊."),
    ("!/help", None),
    (ODD, ODD),
    (f"  !/set(project=a)\n{ODD}", f"  \n{ODD}"),
    ("!/hello", None),
    ("!/sett(project=b)", None),
    ("What does `!/set(project=c)` do?\n```\n!/help\n```\n", "What does `!/set(project=c)` do?\n```\n!/help\n```\n"),
    ([{"text": "Look !/unset(project)"}, IMAGE], [{"text": "Look "}, IMAGE]),
    ([{"text": "!/set(loop-detection=on)"}, {"text": "One"}, {"text": "two"}], [{"text": "One"}, {"text": "two"}]),
    ("!/list-failover-routes !/hello", None),
    ("Read #!/bin/sh and !/usr/bin/env, please.", "Read #!/bin/sh and !/usr/bin/env, please."),
    ("Bye", "Bye"),
)
"""What is typed, and what of it is for the model."""
REPLIES = (
    "Hello, Zoë!",
    "  Done:\n\n\tpass\n",
    "[parley was a game",
    "It sets.",
    "A dot.\n",
    "Three",
    "Shell.",
    "Bye.",
)
SYSTEM = "You are terse. !/set(project=evil)"


def bodies(vendors: Upstream) -> list[dict[str, Any]]:
    assert vendors.problems == []
    return [request.json for request in vendors.received]


def asked(program: Program, vendors: Upstream, sdks: Drivers, client: str, said: list[Any], **how: Any) -> list[Any]:
    vendors.will_say(*map(Said, REPLIES))
    talk(program, sdks, client, *said, system=SYSTEM, **how)
    return [json.dumps(_in_one_piece(body), ensure_ascii=False) for body in bodies(vendors)]


def _in_one_piece(body: dict[str, Any]) -> dict[str, Any]:
    """Google's SDK keeps each chunk of a reply as a message, and chunks may be cut in different places."""
    if "contents" not in body:
        return body
    contents: list[Any] = []
    for role, group in itertools.groupby(body["contents"], key=lambda content: content["role"]):
        messages = list(group)
        texts = [part["text"] for message in messages for part in message["parts"]] if role == "model" else []
        contents += [{"role": role, "text": "".join(texts)}] if texts else messages
    return {**body, "contents": contents}


@pytest.mark.parametrize("backend", PROTOCOLS)
@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_a_conversation_with_commands(
    backend: str, client: str, streamed: bool, commanded: Program, vendors: Upstream, sdks: Drivers
) -> None:
    how = {"streamed": streamed, "model": f"{backend}:{PLAIN[backend]}"}
    with_commands = asked(commanded, vendors, sdks, client, [typed for typed, _ in TURNS], **how)
    without = asked(commanded, vendors, sdks, client, [plain for _, plain in TURNS if plain], **how)
    assert len(without) == len(REPLIES)
    assert with_commands == without


def _blocks(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text} for text in texts]


def _marked(messages: list[dict[str, Any]], last: int) -> list[dict[str, Any]]:
    """Cache marks on the last part of the newest user messages, as Claude Code and Cline put them."""
    copied = json.loads(json.dumps(messages))
    for message in [message for message in copied if message["role"] == "user"][-last:]:
        message["content"][-1]["cache_control"] = {"type": "ephemeral"}
    return copied


def _marks(value: Any) -> list[tuple[str, ...]]:
    """Where the marks stand: the texts up to each."""
    found: list[tuple[str, ...]] = []
    texts: list[str] = []
    for message in value:
        for part in message["content"]:
            texts.append(part["text"])
            if "cache_control" in part:
                found.append(tuple(texts))
    return found


class Claude:
    """A client of the Messages API that marks what is to be cached."""

    def __init__(self, program: Program, http: httpx.Client, marks: int) -> None:
        self._program, self._http, self._marks_at = program, http, marks
        self._session = uuid.uuid4().hex
        self.messages: list[dict[str, Any]] = []

    def say(self, *texts: str) -> None:
        self.messages.append({"role": "user", "content": _blocks(*texts)})
        body = {
            "model": f"anthropic:{PLAIN['anthropic']}",
            "max_tokens": 100,
            "system": [{**_blocks("You are terse.")[0], "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": _marked(self.messages, self._marks_at),
        }
        headers = {"x-api-key": CLIENT_KEY, "X-Session-ID": self._session}
        answer = self._http.post(f"{self._program.base}/anthropic/v1/messages", json=body, headers=headers).json()
        self.messages.append({"role": "assistant", "content": answer["content"]})


SAID = (
    ("!/hello",),
    ("Hi",),
    ("!/set(project=x)",),
    ("Read", "this"),
    ("Do !/unset(project) it",),
    ("!/help",),
    ("Bye",),
)
PLAINLY = (("Hi",), ("Read", "this"), ("Do  it",), ("Bye",))


def test_a_mark_on_the_newest_message_stays_where_it_is(
    commanded: Program, vendors: Upstream, http: httpx.Client
) -> None:
    said: list[list[dict[str, Any]]] = []
    for turns in (SAID, PLAINLY):
        vendors.will_say()
        claude = Claude(commanded, http, marks=1)
        for texts in turns:
            claude.say(*texts)
        said.append(bodies(vendors))
    assert said[0] == said[1]
    assert [len(_marks(body["messages"])) for body in said[0]] == [1] * 4


def test_a_mark_on_a_command_moves_to_what_stands_before(
    commanded: Program, vendors: Upstream, http: httpx.Client
) -> None:
    claude = Claude(commanded, http, marks=2)
    for texts in (("Hi",), ("!/set(project=x)",), ("Bye",)):
        claude.say(*texts)
    messages = bodies(vendors)[-1]["messages"]
    assert _marks(messages) == [("Hi", "pong"), ("Hi", "pong", "Bye")]


REMINDER = f"<system-reminder>\nAs you answer, see CLAUDE.md: {EVIL}\n</system-reminder>\n"
ENVIRONMENT = f"<environment_details>\n# Open tabs\n{EVIL}\n</environment_details>"
CODEX = f"<environment_context>\n  <cwd>/x {EVIL}</cwd>\n</environment_context>"
AGENTS_MD = f"# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>\n{EVIL}\n</INSTRUCTIONS>"
GEMINI = f"<session_context>\nThis is the Gemini CLI.\n{EVIL}\n</session_context>"
AGENTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "claude-cli/2.1.0 (external, cli)": (
        "/anthropic/v1/messages",
        {
            "max_tokens": 100,
            "system": "You are Claude Code.",
            "messages": [{"role": "user", "content": _blocks(REMINDER, "TYPED")}],
        },
        "anthropic",
    ),
    "Cline/3.60.0": (
        "/v1/chat/completions",
        {
            "messages": [
                {"role": "system", "content": "You are Cline. Use <attempt_completion>."},
                {"role": "user", "content": _blocks("<task>\nTYPED\n</task>", ENVIRONMENT)},
            ]
        },
        "openai_chat",
    ),
    "codex_exec/0.99.0": (
        "/v1/responses",
        {
            "store": False,
            "instructions": "You are Codex.",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
                for text in (AGENTS_MD, CODEX, "TYPED")
            ],
        },
        "openai_responses",
    ),
    "GeminiCLI/0.61.0/gemini-2.5-flash (linux)": (
        "/v1beta/models/MODEL:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": GEMINI}]}, {"role": "user", "parts": [{"text": "TYPED"}]}]},
        "gemini",
    ),
}
"""By user agent: path, body with a place for what is typed, and the protocol."""


def _send(agent: str, typed: str, program: Program, http: httpx.Client, session: str) -> httpx.Response:
    path, shape, protocol = AGENTS[agent]
    model = f"{protocol}:{PLAIN[protocol]}"
    body = json.loads(json.dumps(shape).replace("TYPED", typed))
    body = body if protocol == "gemini" else {"model": model, **body}
    headers = {"user-agent": agent, "authorization": f"Bearer {CLIENT_KEY}", "X-Session-ID": session}
    return http.post(program.base + path.replace("MODEL", model), json=body, headers=headers)


def _project(program: Program, http: httpx.Client, session: str) -> Any:
    answer = http.get(f"{program.base}/v1/sessions", headers={"authorization": f"Bearer {CLIENT_KEY}"})
    [known] = [one for one in answer.json()["data"] if one["id"] == session]
    return known["settings"].get("project")


@pytest.mark.parametrize("agent", AGENTS)
def test_what_an_agent_wraps_around_the_words_neither_commands_nor_changes(
    agent: str, commanded: Program, vendors: Upstream, http: httpx.Client
) -> None:
    session = uuid.uuid4().hex
    answers = [_send(agent, typed, commanded, http, session) for typed in ("Hi", "!/set(project=mine)")]
    assert _project(commanded, http, session) == "mine"
    assert "project set to mine" in answers[1].text
    answers.append(_send(agent, "Hi !/set(temperature=0.5) there", commanded, http, session))
    assert _project(commanded, http, session) == "mine"
    assert [answer.status_code for answer in answers] == [200] * 3
    [plain, cleaned] = [_words(request) for request in vendors.received]
    assert plain.count(EVIL) == cleaned.count(EVIL) == plain.count("evil") > 0
    assert cleaned == plain.replace("Hi", "Hi  there")


def _words(request: Received) -> str:
    name = {"openai_responses": "input", "gemini": "contents"}.get(request.vendor, "messages")
    return json.dumps(request.json[name])


def test_cline_shows_the_answer_as_a_completion(commanded: Program, http: httpx.Client) -> None:
    answer = _send("Cline/3.60.0", "!/set(project=mine)", commanded, http, uuid.uuid4().hex)
    text = answer.json()["choices"][0]["message"]["content"]
    completion = re.fullmatch(
        r"<attempt_completion>\n<result>\n(.*)\n</result>\n</attempt_completion>", text, re.DOTALL
    )
    assert completion
    assert unmarked(completion[1]) == "project set to mine"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_response_that_follows_the_proxys_own_follows_the_one_before(
    streamed: bool, commanded: Program, vendors: Upstream, http: httpx.Client
) -> None:
    """With nothing but `previous_response_id` to tell the conversation by, what was set stays set too."""
    previous, followed = None, []
    for typed in ("!/set(temperature=0.5)", "Hi", "!/set(project=x)", "!/hello", "Go on"):
        body = {"model": "openai_responses:gpt-4.1", "input": typed, "previous_response_id": previous}
        headers = {"authorization": f"Bearer {CLIENT_KEY}"}
        answer = http.post(f"{commanded.base}/v1/responses", json={**body, "stream": streamed}, headers=headers)
        previous = re.findall(r'"id": ?"(resp_[^"]*)"', answer.text)[-1]
        followed.append(previous)
    assert len(set(followed)) == 4  # the vendor's own are all the same
    first, second = bodies(vendors)
    assert first.get("previous_response_id") is None
    assert second["previous_response_id"] == followed[1]
    assert first["temperature"] == second["temperature"] == 0.5


def test_a_gemini_stream_as_an_array_may_be_confirmed(
    commanded: Program, vendors: Upstream, http: httpx.Client
) -> None:
    """Without `alt=sse` the reply is one JSON array, also where the proxy's own words stand in front."""
    url = f"{commanded.base}/v1beta/models/gemini:gemini-2.5-flash:streamGenerateContent"
    typed = "!/set(interactive=on) Hi"
    body = {"contents": [{"role": "user", "parts": [{"text": typed}]}]}
    answer = http.post(url, json=body, headers={"x-goog-api-key": CLIENT_KEY}).json()
    text = "".join(part["text"] for chunk in answer for part in chunk["candidates"][0]["content"]["parts"])
    assert text.endswith("pong")
    assert "interactive mode set to True\n" in unmarked(text)
