"""What was recorded with one program is answered by another, offline, byte for byte; and what was kept of it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.program import CLIENT_KEY, Program

COOKIE = "session=cookie-of-somebody-0123456789"
PASSWORD = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
TEXT = "Grüße, 世界 🙂, on 2026-11-21"
TOOL = {"type": "function", "function": {"name": "ls", "parameters": {"type": "object", "properties": {}}}}

type Ask = tuple[str, dict[str, Any]]


def asks(model: str, text: str = TEXT) -> list[Ask]:
    """The four protocols, whole and streamed."""
    turn = {"role": "user", "content": text}
    gemini = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    found: list[Ask] = [
        (f"/v1beta/models/{model}:generateContent", gemini),
        (f"/v1beta/models/{model}:streamGenerateContent", gemini),
        (f"/v1beta/models/{model}:streamGenerateContent?alt=sse", gemini),
    ]
    for stream in (False, True):
        found += [
            ("/v1/chat/completions", {"model": model, "stream": stream, "messages": [turn]}),
            ("/v1/responses", {"model": model, "stream": stream, "input": text}),
            ("/v1/messages", {"model": model, "stream": stream, "max_tokens": 99, "messages": [turn]}),
        ]
    return found


def ask(program: Program, path: str, body: dict[str, Any], session: str = "work") -> httpx.Response:
    headers = {"x-session-id": session, "cookie": COOKIE}
    if "/v1beta/" in path:
        path += f"{'&' if '?' in path else '?'}key={CLIENT_KEY}"
    else:
        headers["authorization"] = f"Bearer {CLIENT_KEY}"
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.post(program.base + path, json=body, headers=headers)


def agent_loop(program: Program, results: tuple[str, ...]) -> list[str]:
    """An agent that calls a tool and says what came of it; the arguments of each call are the model's."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "use the tools"}]
    said = []
    for result in (*results, ""):
        body = {"model": "demo:tools", "stream": True, "messages": messages, "tools": [TOOL]}
        said.append(ask(program, "/v1/chat/completions", body, "loop").text)
        call = {"id": f"call_{len(said)}", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
        messages = [*messages, {"role": "assistant", "tool_calls": [call]}]
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    return said


class Run:
    """One program that records, all that it answered, and one that replays it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / name
        self.folder = folder / f"{name}-record"
        self.folder.mkdir()
        environ = {"PARLEY_RECORD": str(self.file), "PARLEY_HISTORY": "true"}
        program = Program(self.folder, "", environ).wait()
        try:
            self.answers = [ask(program, *each) for each in asks("demo:echo")]
            self.busy = ask(program, "/v1/chat/completions", BUSY)
            self.secret = ask(program, "/v1/chat/completions", SECRET)
            self.command = ask(program, "/v1/chat/completions", COMMAND)
            self.loop = agent_loop(program, ("a.txt in 3 ms", "b.txt in 4 ms"))
        finally:
            program.stop()
        (folder / f"{name}-replay").mkdir()
        self.replay = Program(
            folder / f"{name}-replay", "", {"PARLEY_REPLAY": str(self.file), "PARLEY_REPLAY_FAST": "true"}
        ).wait()


def chat(model: str, text: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}]}


BUSY = chat("demo:busy", "are you there")
SECRET = chat("demo:echo", f"my token is {PASSWORD} and the proxy's {CLIENT_KEY}")
COMMAND = chat("demo:echo", "!/help")


@pytest.fixture(scope="module", params=["run.flow", "run.har"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    made = Run(tmp_path_factory.mktemp("replay"), request.param)
    yield made
    made.replay.stop()


def test_every_protocol_is_replayed_byte_for_byte(run: Run) -> None:
    for then, each in zip(run.answers, asks("demo:echo"), strict=True):
        now = ask(run.replay, *each)
        assert then.status_code == 200, then.text
        assert now.content == then.content, each[0]
        assert now.headers["content-type"] == then.headers["content-type"]
        assert now.headers.get_list("x-parley-backend") == ["replay"]


def test_another_model_and_another_day_do_not_matter(run: Run) -> None:
    for then, each in zip(run.answers, asks("gpt-of-tomorrow", TEXT.replace("2026-11-21", "2031-01-30")), strict=True):
        assert ask(run.replay, *each).content == then.content, each[0]


def test_errors_have_their_status(run: Run) -> None:
    assert run.busy.status_code == 429
    now = ask(run.replay, "/v1/chat/completions", BUSY)
    assert (now.status_code, now.json()) == (429, run.busy.json())


def test_an_agents_loop_goes_on_although_its_tools_say_something_else(run: Run) -> None:
    assert agent_loop(run.replay, ("a.txt in 17 ms", "b.txt in 99 ms")) == run.loop


def test_a_secret_comes_back_as_it_did(run: Run) -> None:
    assert PASSWORD in run.secret.text
    assert ask(run.replay, "/v1/chat/completions", SECRET).json() == run.secret.json()


def test_commands_are_carried_out_anew(run: Run) -> None:
    assert "!/set" in run.command.text
    assert "!/set" in ask(run.replay, "/v1/chat/completions", COMMAND).text


def test_what_was_not_recorded_is_a_404_that_says_what_there_is(run: Run) -> None:
    answer = ask(run.replay, "/v1/messages", {"model": "x", "max_tokens": 9, **chat("x", "never asked before")})
    assert answer.status_code == 404
    assert answer.json()["type"] == "error"
    message = answer.json()["error"]["message"]
    assert "never asked before" in message
    assert "of anthropic chat" in message


def test_the_models_of_the_recording_are_listed(run: Run) -> None:
    with httpx.Client(trust_env=False, headers={"authorization": f"Bearer {CLIENT_KEY}"}) as client:
        listed = [model["id"] for model in client.get(f"{run.replay.base}/v1/models").json()["data"]]
    assert {"replay:demo:echo", "replay:demo:busy", "replay:demo:tools"} == set(listed)


def test_the_file_is_for_its_owner_and_holds_no_credential(run: Run) -> None:
    data = run.file.read_bytes()
    assert stat.S_IMODE(run.file.stat().st_mode) == 0o600
    assert b"my token is" in data
    assert CLIENT_KEY.encode() not in data
    assert COOKIE.partition("=")[2].encode() not in data
    assert b"demo-" not in data.replace(b"chatcmpl-demo-", b"").replace(b"msg_demo-", b"") or os.name == "nt"


def test_the_history_has_what_was_said_and_no_secret(run: Run) -> None:
    folder = run.folder / ".local" / "state" / "parley" / "history"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    text = (folder / "work.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == len(run.answers) + 3
    echoed = [line for line in lines if line["new"] == [{"role": "user", "content": TEXT}]]
    assert len(echoed) == len(run.answers)
    assert all(line["reply"]["content"] == TEXT for line in echoed)
    assert PASSWORD not in text
    assert CLIENT_KEY not in text
    (secret,) = [line for line in lines if "my token is" in str(line["new"])]
    assert secret["reply"]["content"] == secret["new"][0]["content"]
    assert "SECRET_GITHUB" in secret["reply"]["content"]
    assert [line["commands"] for line in lines if "commands" in line] == [["!/help"]]
    (busy,) = [line for line in lines if line["model"] == "demo:busy"]
    assert (busy["outcome"], busy["status"]) == ("failed", 429)


def test_the_history_of_a_loop_has_each_result_once(run: Run) -> None:
    folder = run.folder / ".local" / "state" / "parley" / "history"
    lines = [json.loads(line) for line in (folder / "loop.jsonl").read_text().splitlines()]
    told = [[message["content"] for message in line["new"]] for line in lines]
    assert told == [["use the tools"], ["a.txt in 3 ms"], ["b.txt in 4 ms"]]
