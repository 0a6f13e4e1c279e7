"""Every command in every protocol, whole and streamed, typed into official SDKs: what is answered, what nobody else
hears, and what it changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from proxy_core.commands.settings import SETTINGS
from proxy_core.commands.table import COMMANDS
from tests.live.clients.sdk import Drivers
from tests.live.commanding import ASKED, PROTOCOLS, dug, heard, own_program, talk, unmarked
from tests.live.pictures import PNG
from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.said import Said
from tests.live.vendors.upstream import Received, Upstream

CELLS = [
    pytest.param(client, streamed, id=f"{client}-{'stream' if streamed else 'whole'}")
    for client in PROTOCOLS
    for streamed in (False, True)
]
NOTHING = {"prompt": 0, "cached": 0, "output": 0}
FINISHED = {"openai_chat": "stop", "openai_responses": "completed", "anthropic": "end_turn", "gemini": "STOP"}


@pytest.fixture(scope="module")
def commanded(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    program = own_program(tmp_path_factory.mktemp("commanded"), vendors)
    yield program
    program.stop()


@dataclass(frozen=True)
class Typed:
    """A command alone in its message. `says`: the answer, or with `begins` how it begins."""

    text: str
    says: str
    begins: bool = False


@dataclass(frozen=True)
class Sent:
    """Words for the model, and what of the command is to be seen in the request that carries them."""

    at: str = "openai_chat"
    model: str = ASKED
    fields: dict[str, Any] = field(default_factory=dict)
    target: str = ""
    words: str = "Hi"
    hears: str | None = None


type Turn = Typed | Sent

MODEL = "anthropic:claude-opus-4-5"
OPUS = Sent("anthropic", "claude-opus-4-5")
SECRET = "sk-upstream-gemini"
CASES: dict[str, tuple[Turn, ...]] = {
    "help": (Typed("!/help", "available commands: create-failover-route, ", begins=True), Sent()),
    "help on a command": (Typed("!/help(set)", "set - set values for this session; format: !/set(", begins=True),),
    "help on a setting": (Typed("!/help(temperature)", "temperature - ", begins=True), Sent()),
    "hello": (Typed("!/hello", "Hello, this is Parley ", begins=True), Sent()),
    "model": (
        Typed(f"!/set(model={MODEL})", f"model set to {MODEL}"),
        OPUS,
        Typed("!/unset(model)", "model unset"),
        Sent(),
    ),
    "oneoff": (Typed(f"!/oneoff({MODEL})", f"One-off route set to {MODEL}."), OPUS, Sent()),
    "backend": (
        Typed("!/set(backend=anthropic)", "backend set to anthropic"),
        Sent("anthropic"),
        Typed("!/unset(backend)", "backend unset"),
        Sent(),
    ),
    "default-backend": (
        Typed("!/set(default-backend=openai_responses)", "default backend set to openai_responses"),
        Sent("openai_responses"),
        Typed("!/set(default-backend=openai_chat)", "default backend set to openai_chat"),
        Sent(),
    ),
    "project": (
        Typed("!/set(project='my work')", "project set to my work"),
        Sent(),
        Typed("!/unset(project)", "project unset"),
        Typed("!/set(project-name=x)", "project-name set to x"),
    ),
    "interactive": (
        Typed("!/set(interactive=off)", "interactive mode set to False"),
        Sent(),
        Typed("!/unset(interactive)", "interactive mode unset"),
    ),
    "temperature": (
        Typed("!/set(temperature=0.25)", "temperature set to: 0.25"),
        Sent(fields={"temperature": 0.25}),
        Typed("!/unset(temperature)", "temperature unset"),
        Sent(fields={"temperature": None}),
    ),
    "reasoning-effort": (
        Typed("!/set(reasoning-effort=high, model=openai_chat:gpt-5)", "model set to openai_chat:gpt-5; ", begins=True),
        Sent(model="gpt-5", fields={"reasoning_effort": "high"}),
        Typed("!/unset(reasoning-effort)", "reasoning effort unset"),
        Sent(model="gpt-5", fields={"reasoning_effort": None}),
    ),
    "thinking-budget": (
        Typed("!/set(model=anthropic:claude-sonnet-4-5)", "model set to anthropic:claude-sonnet-4-5"),
        Typed("!/set(thinking-budget=2048)", "thinking-budget set to 2048"),
        Sent("anthropic", "claude-sonnet-4-5", {"thinking.budget_tokens": 2048}),
        Typed("!/unset(thinking-budget)", "thinking budget unset"),
        Sent("anthropic", "claude-sonnet-4-5", {"thinking": None}),
    ),
    "redact-api-keys-in-prompts": (
        Sent(words=f"My key: {SECRET}.", hears="^My key: (?!sk-upstream).*[.]$"),
        Typed("!/set(redact-api-keys-in-prompts=false)", "redact-api-keys-in-prompts set to False"),
        Sent(words=f"My key: {SECRET}!", hears=f"^My key: {SECRET}!$"),
        Typed("!/unset(redact-api-keys-in-prompts)", "redact-api-keys-in-prompts unset"),
        Sent(words=f"My key: {SECRET}?", hears="^My key: (?!sk-upstream).*[?]$"),
    ),
    "command-prefix": (
        Typed("!/set(command-prefix=$/)", "command prefix set to $/"),
        Typed("$/set(temperature=0.5)", "temperature set to: 0.5"),
        Sent(fields={"temperature": 0.5}),
        Typed("$/unset(command-prefix)", "command prefix unset"),
        Typed("!/unset(temperature)", "temperature unset"),
        Sent(fields={"temperature": None}),
    ),
    "failover routes": (
        Typed("!/list-failover-routes", "no failover routes defined"),
        Typed("!/create-failover-route(name=fast,policy=m)", "failover route fast created with policy m"),
        Typed("!/route-list(name=fast)", "<empty>"),
        Typed(f"!/route-append(name=fast , {MODEL})", "elements appended to fast"),
        Typed("!/set(model=fast)", "model set to fast"),
        OPUS,
        Typed("!/route-prepend(name=fast,openai_responses:gpt-5)", "elements prepended to fast"),
        Typed("!/route-list(name=fast)", f"openai_responses:gpt-5, {MODEL}"),
        Sent("openai_responses", "gpt-5"),
        Typed("!/list-failover-routes()", "fast:m"),
        Typed("!/route-clear(name=fast)", "route fast cleared"),
        Typed("!/delete-failover-route(name=fast)", "failover route fast deleted"),
        Typed("!/unset(model)", "model unset"),
        Sent(),
    ),
    "several in one message": (
        Typed(
            "!/set(temperature=0.5)\n!/set(project=a) !/unset(temperature)", "temperature set to: 0.5\n", begins=True
        ),
        Sent(fields={"temperature": None}),
    ),
    "a setting by its own name": (
        Typed("!/temperature(0.5)", "temperature set to: 0.5"),
        Sent(fields={"temperature": 0.5}),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_command(name: str, client: str, streamed: bool, commanded: Program, vendors: Upstream, sdks: Drivers) -> None:
    turns = CASES[name]
    said = [turn.text if isinstance(turn, Typed) else turn.words for turn in turns]
    replies = talk(commanded, sdks, client, *said, streamed=streamed)
    for turn, reply in zip(turns, replies, strict=True):
        if isinstance(turn, Typed):
            _assert_answered(turn, reply, client)
        else:
            assert reply["text"] == "pong"
    assert vendors.problems == []
    _assert_sent([turn for turn in turns if isinstance(turn, Sent)], vendors.received)


def _assert_answered(turn: Typed, reply: dict[str, Any], client: str) -> None:
    text = unmarked(reply["text"])
    assert text.startswith(turn.says) if turn.begins else text == turn.says
    assert reply == {**reply, "usage": NOTHING, "finish": FINISHED[client], "calls": [], "thinking": ""}


def _assert_sent(turns: list[Sent], received: list[Received]) -> None:
    """Only these reached a vendor, with nothing of the commands and their answers."""
    assert len(received) == len(turns)
    for number, (turn, request) in enumerate(zip(turns, received, strict=True)):
        assert (request.vendor, request.asked["model"]) == (turn.at, turn.model)
        assert {path: dug(request.json, path) for path in turn.fields} == turn.fields
        texts = heard(request)
        assert texts[1::2] == ["pong"] * number
        expected = [earlier.hears or f"^{earlier.words}$" for earlier in turns[: number + 1]]
        for text, pattern in zip(texts[::2], expected, strict=True):
            assert re.search(pattern, text) or number  # what was hidden may be hidden anew, or no longer
        assert re.search(expected[-1], texts[-1])


def test_every_command_and_setting_is_tried() -> None:
    typed = " ".join(turn.text for turns in CASES.values() for turn in turns if isinstance(turn, Typed))
    names = [row.name for row in COMMANDS] + [setting.name for setting in SETTINGS]
    apart = {"openai_url", "loop-detection", "tool-loop-detection"}  # tried below
    assert [name for name in names if not re.search(rf"[(/ ]{name}\b", typed)] == sorted(apart, key=names.index)


@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_openai_url(client: str, streamed: bool, commanded: Program, vendors: Upstream, sdks: Drivers) -> None:
    elsewhere = f"{vendors.url('openai_chat')}/elsewhere/v1"
    said = (f"!/set(openai_url={elsewhere})", "Hi", "!/unset(openai_url)", "Hi")
    replies = talk(commanded, sdks, client, *said, streamed=streamed, model="openai:gpt-4.1")
    assert unmarked(replies[0]["text"]) == f"OpenAI URL set to: {elsewhere}"
    assert unmarked(replies[2]["text"]) == "openai_url unset"
    targets = [request.target for request in vendors.received]
    assert targets == ["/openai_chat/elsewhere/v1/chat/completions", "/openai_chat/v1/chat/completions"]


LOOP = "I shall look at the file again and think about it once more.\n" * 60


@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_loop_detection(client: str, streamed: bool, commanded: Program, vendors: Upstream, sdks: Drivers) -> None:
    vendors.will_say(Said(LOOP), Said(LOOP))
    said = ("!/set(loop-detection=on)", "Go", "!/set(loop-detection=off)", "Go on")
    replies = talk(commanded, sdks, client, *said, streamed=streamed)
    assert LOOP not in replies[1]["text"]
    assert replies[3]["text"] == LOOP


@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_interactive_mode(client: str, streamed: bool, commanded: Program, vendors: Upstream, sdks: Drivers) -> None:
    """A banner once, and confirmations in front of the model's reply."""
    said = ("!/set(interactive=on)", "Hi", "Use !/set(temperature=0.5) now", "Bye")
    replies = talk(commanded, sdks, client, *said, streamed=streamed)
    first = unmarked(replies[0]["text"])
    assert first.startswith("Hello, this is Parley ")
    assert first.endswith("\ninteractive mode set to True")
    assert [replies[1]["text"], replies[3]["text"]] == ["pong", "pong"]
    assert unmarked(replies[2]["text"]) == "temperature set to: 0.5\n\npong"
    assert replies[2]["usage"] == {"prompt": 31, "cached": 8, "output": 17}
    assert replies[2]["finish"] == FINISHED[client]
    assert heard(vendors.received[1]) == ["Hi", "pong", "Use  now"]
    assert heard(vendors.received[2]) == ["Hi", "pong", "Use  now", "pong", "Bye"]


PICTURE = {"image": PNG, "type": "image/png"}
MIXED: dict[str, Any] = {
    "as one text": f"  Look at this:\n\n\tif a < b:  # !/set(model={MODEL})\n\t\tpass  \n",
    "as parts": [{"text": "One,\r\n two"}, {"text": f"three !/set(model={MODEL})"}],
    "beside an image": [{"text": f"!/set(model={MODEL}) What is this?"}, PICTURE],
    "a part of its own": [{"text": f"!/set(model={MODEL})"}, PICTURE, {"text": "What is this?"}],
}
LEFT = {
    "as one text": ["  Look at this:\n\n\tif a < b:  # \n\t\tpass  \n"],
    "as parts": ["One,\r\n two", "three "],
    "beside an image": [" What is this?"],
    "a part of its own": ["What is this?"],
}


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_mixed_message(
    name: str, client: str, streamed: bool, commanded: Program, vendors: Upstream, sdks: Drivers
) -> None:
    """The command holds for the very request; what stood around it reaches the model byte for byte."""
    replies = talk(commanded, sdks, client, MIXED[name], "Thanks", streamed=streamed)
    assert [reply["text"] for reply in replies] == ["pong", "pong"]
    assert vendors.problems == []
    assert [request.asked["model"] for request in vendors.received] == ["claude-opus-4-5"] * 2
    assert heard(vendors.received[0]) == LEFT[name]
    assert heard(vendors.received[1]) == [*LEFT[name], "pong", "Thanks"]
    images = name in ("beside an image", "a part of its own")
    assert all((PNG in request.body.decode()) is images for request in vendors.received)


WRONG = {
    "!/sett(model=x)": ("unknown command 'sett' - did you mean 'set'?", "!/set("),
    "!/set(modell=x:y)": ("set: unknown setting 'modell' - did you mean 'model'?", "!/set("),
    "!/set(temperature=hot)": ("Invalid temperature value: hot", "!/set("),
    "!/set(temperature=0.5": ("the parenthesis is never closed", "!/set("),
    "!/set(model=nowhere:gpt-4)": ("nowhere", "!/set("),
    "!/set(backend=antropic)": ("backend antropic not supported - did you mean 'anthropic'?", "!/set("),
    "!/route-append(name=none,openai:x)": ("route none not found", "!/route-append("),
    "!/create-failover-route(name=a,policy=z)": ("create-failover-route requires name and valid policy", "policy=k|m"),
    "!/set(openai_url=ftp://x)": ("OpenAI URL must start with http:// or https://", "!/set("),
    "!/set(command-prefix=##)": ("##", "!/set("),
    "!/oneoff()": ("oneoff command requires a backend/model argument.", "!/oneoff(backend:model)"),
}


@pytest.mark.parametrize("typed", WRONG)
@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_what_is_wrong_stops_the_request(
    typed: str, client: str, streamed: bool, commanded: Program, vendors: Upstream, sdks: Drivers
) -> None:
    wrong, form = WRONG[typed]
    said = f"!/set(project=kept) Please go on. {typed}"
    [reply, after] = talk(commanded, sdks, client, said, "!/hello", streamed=streamed)
    text = unmarked(reply["text"])
    assert wrong in text.splitlines()[0]
    assert f"You typed: {typed}" in text
    assert form in text
    assert "project=kept" not in after["text"]
    assert reply["usage"] == NOTHING
    assert vendors.received == []


RANGES = {
    "openai_chat": ("gpt-5", {"reasoning_effort": "high"}, {"reasoning_effort": "minimal"}),
    "openai_responses": ("gpt-5", {"reasoning.effort": "high"}, {"reasoning.effort": "minimal"}),
    "anthropic": (
        "claude-sonnet-4-5",
        {"thinking.type": "enabled"},
        {"thinking.type": "enabled", "thinking.budget_tokens": 1024},
    ),
    "gemini": (
        "gemini-2.5-flash",
        {},
        {"generationConfig.thinkingConfig.thinkingBudget": 500},
    ),
    "cohere": (
        "command-a-reasoning-08-2025",
        {"thinking.type": "enabled"},
        {"thinking.type": "enabled", "thinking.token_budget": 500},
    ),
}
TEMPERATURES = {
    "openai_chat": ("gpt-4.1", "temperature", 1.5),
    "openai_responses": ("gpt-4.1", "temperature", 1.5),
    "anthropic": ("claude-sonnet-4-5", "temperature", 1),
    "gemini": ("gemini-2.5-flash", "generationConfig.temperature", 1.5),
    "cohere": ("command-a-03-2025", "temperature", 1.0),
}


@pytest.mark.parametrize("backend", RANGES)
@pytest.mark.parametrize(("client", "streamed"), CELLS)
def test_settings_reach_a_backend_in_its_own_words_and_range(
    backend: str, client: str, streamed: bool, commanded: Program, vendors: Upstream, sdks: Drivers
) -> None:
    model, effort, budget = RANGES[backend]
    said = ("!/set(reasoning-effort=high)", "Hi", "!/unset(reasoning-effort)", "!/set(thinking-budget=500)", "Hi")
    talk(commanded, sdks, client, *said, streamed=streamed, model=f"{backend}:{model}")
    model, path, value = TEMPERATURES[backend]
    talk(commanded, sdks, client, "!/set(temperature=1.5)", "Hi", streamed=streamed, model=f"{backend}:{model}")
    assert vendors.problems == []
    [with_effort, with_budget, with_temperature] = [request.json for request in vendors.received]
    assert {path: dug(with_effort, path) for path in effort} == effort
    assert {path: dug(with_budget, path) for path in budget} == budget
    assert dug(with_temperature, path) == value


def test_a_setting_out_of_range_is_reported(commanded: Program, http: httpx.Client) -> None:
    ask = _asking(commanded, http, "out of range", "anthropic:claude-sonnet-4-5")
    ask("!/set(temperature=1.5)")
    assert "temperature" in ask("Hi").headers["x-parley-changed"]


def test_a_project_is_counted(commanded: Program, http: httpx.Client) -> None:
    ask = _asking(commanded, http, "counted", ASKED)
    for words in ("!/set(project=counted)", "Hi", "Hi !/unset(project)"):
        ask(words)
    query = {"project": "counted"}
    answer = http.get(f"{commanded.base}/usage/stats", params=query, headers=_key()).json()
    assert answer["data"]["totals"]["requests"] == 1


def _asking(program: Program, http: httpx.Client, session: str, model: str) -> Callable[[str], httpx.Response]:
    def ask(words: str) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": words}]}
        headers = {**_key(), "X-Session-ID": session}
        return http.post(f"{program.base}/v1/chat/completions", json=body, headers=headers)

    return ask


def _key() -> dict[str, str]:
    return {"Authorization": f"Bearer {CLIENT_KEY}"}
