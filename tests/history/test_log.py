"""What a line says, and what it must not say."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from proxy_core.config.load import load_settings
from proxy_core.config.settings import HistorySettings
from proxy_core.exchange.inbound import Admitted, HeaderMap, Inbound
from proxy_core.exchange.secrecy import Secrecy
from proxy_core.exchange.visit import Visit
from proxy_core.history.heard import Heard
from proxy_core.history.log import MAX_WAITING, HistoryLog
from proxy_core.protocols import recognise
from proxy_core.sessions.session import Session
from proxy_core.turn.content import Part, Text, Thinking, ToolCall
from proxy_core.turn.fold import unfold
from proxy_core.turn.reply import Choice, Reply
from proxy_core.usage.record import Record

SECRET = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
PATHS = {"openai_chat": "/v1/chat/completions", "anthropic": "/v1/messages", "openai_responses": "/v1/responses"}


class Keeping:
    """A log in a folder, and the secrecy of a program."""

    def __init__(self, folder: Path, **history: Any) -> None:
        (folder / "addons.yaml").write_text("")
        self.settings = HistorySettings(enabled=True, directory=folder / "history", **history)
        self.log = HistoryLog(lambda: self.settings)
        self.secrecy = Secrecy(load_settings({}, {"OPENAI_API_KEY": "sk-own-" + "1a2B" * 9}, folder), OrderedDict())

    def note(self, body: dict[str, Any], *parts: Part, protocol: str = "openai_chat", session: str = "s") -> None:
        self.log.note(visit_of(body, parts, protocol, session), record(session), self.secrecy.hide_again)

    def lines(self, session: str = "s") -> list[dict[str, Any]]:
        assert self.log.flush()
        return [json.loads(line) for line in self.text(session).splitlines()]

    def text(self, session: str = "s") -> str:
        assert self.log.flush()
        return (self.settings.directory / f"{session}.jsonl").read_text() if self.settings.directory else ""


def visit_of(body: dict[str, Any], parts: tuple[Part, ...], protocol: str, session: str) -> Visit:
    path = PATHS[protocol]
    call = recognise("POST", path, {})
    assert call
    inbound = Inbound("base_url", "POST", path, HeaderMap(()))
    admitted = Admitted(inbound, call, b"", body, "m", False)
    visit = Visit(inbound, 0.0, call=call, admitted=admitted, session=Session(session, "owner", 0.0, 0.0))
    if parts:
        visit.heard = Heard()
        for event in unfold(Reply("id", "m", [Choice(0, list(parts), "stop")])):
            visit.heard.see(event)
    return visit


def record(session: str, operation: str = "chat") -> Record:
    return Record(
        time=1_790_000_000.0,
        session=session,
        project="p",
        agent="cline",
        listener="base_url",
        protocol="openai_chat",
        operation=operation,
        model="asked",
        stream=False,
        outcome="answered",
        backend="openai",
        served="gpt",
        finish="stop",
        input=12,
        output=3,
        duration=1.25,
    )


@pytest.fixture
def keeping(tmp_path: Path):
    kept = Keeping(tmp_path)
    yield kept
    kept.log.close()


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def test_a_line_says_who_was_asked_what_and_what_came(keeping: Keeping) -> None:
    keeping.note({"messages": [user("ping")]}, Thinking("hm"), Text("pong"), ToolCall("c1", "ls", '{"path":"."}'))
    (line,) = keeping.lines()
    assert line["new"] == [user("ping")]
    assert line["reply"] == {
        "role": "assistant",
        "thinking": "hm",
        "content": "pong",
        "tool_calls": [{"id": "c1", "name": "ls", "arguments": '{"path":"."}'}],
    }
    assert line["time"] == "2026-09-21T14:13:20.000+00:00"
    assert (line["model"], line["backend"], line["served"]) == ("asked", "openai", "gpt")
    assert line["usage"] == {"input": 12, "output": 3}
    assert (line["finish"], line["outcome"], line["seconds"]) == ("stop", "answered", 1.25)


def test_only_what_is_new_since_the_last_answer(keeping: Keeping) -> None:
    first = [{"role": "system", "content": "Be brief."}, user("one")]
    call = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    told = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c1", "content": "a.txt"}]
    keeping.note({"messages": first}, Text("1"))
    keeping.note({"messages": [*first, *told]}, Text("2"))
    one, two = keeping.lines()
    assert one["system"] == "Be brief."
    assert one["new"] == [user("one")]
    assert "system" not in two
    assert two["new"] == [{"role": "tool", "tool_call_id": "c1", "content": "a.txt"}]


def test_a_changed_system_text_is_said_again(keeping: Keeping) -> None:
    for text in ("A", "A", "B"):
        body = {"system": text, "max_tokens": 9, "messages": [user("x")]}
        keeping.note(body, Text("y"), protocol="anthropic")
    assert [line.get("system") for line in keeping.lines()] == ["A", None, "B"]


def test_a_prefill_is_new(keeping: Keeping) -> None:
    body = {"max_tokens": 9, "messages": [user("x"), {"role": "assistant", "content": "{"}]}
    keeping.note(body, Text("}"), protocol="anthropic")
    assert [message["content"] for message in keeping.lines()[0]["new"]] == ["x", "{"]


def test_images_are_named_not_kept(keeping: Keeping) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}
    keeping.note({"messages": [{"role": "user", "content": [image, {"type": "text", "text": "What?"}]}]}, Text("A cat"))
    content = keeping.lines()[0]["new"][0]["content"]
    assert "image/png" in content
    assert content.endswith("What?")
    assert len(content) < 100


@pytest.mark.parametrize("where", ["text", "thinking", "arguments", "escaped", "prompt", "tool result", "system"])
def test_no_secret_is_written_wherever_it_stands(keeping: Keeping, where: str) -> None:
    """Also where they were put back for the client: this reply has them."""
    placed = {where: SECRET}
    arguments = json.dumps({"key": placed.get("arguments", ""), "script": f'echo "{placed.get("escaped", "")}"\n'})
    parts: list[Part] = [
        Thinking(f"the key is {placed.get('thinking', '')}"),
        Text(f"Use {placed.get('text', '')}."),
        ToolCall("c", "run", arguments),
    ]
    told = {"role": "tool", "tool_call_id": "c", "content": f"KEY={placed.get('tool result', '')}"}
    system = {"role": "system", "content": f"key: {placed.get('system', '')}"}
    keeping.note({"messages": [system, user(f"my key: {placed.get('prompt', '')}"), told]}, *parts)
    assert keeping.lines()[0]["reply"]["thinking"].startswith("the key is")
    assert SECRET not in keeping.text()
    assert "SECRET_" in keeping.text()


def test_the_proxys_own_key_is_never_written(keeping: Keeping) -> None:
    own = "sk-own-" + "1a2B" * 9
    keeping.note({"messages": [user(f"is it {own}?")]}, Text(own))
    assert own not in keeping.text()
    assert keeping.text().count("API_KEY_HAS_BEEN_REDACTED") == 2


def test_a_secret_has_the_placeholder_that_the_model_saw(keeping: Keeping) -> None:
    keeping.note({"messages": [user(f"key {SECRET}")]}, Text(f"got {SECRET}"))
    (line,) = keeping.lines()
    assert line["new"][0]["content"].removeprefix("key ") == line["reply"]["content"].removeprefix("got ")


def test_a_reply_that_is_cut_or_absent(keeping: Keeping) -> None:
    keeping.note({"messages": [user("x")]})
    assert "reply" not in keeping.lines()[0]


def test_very_long_texts_are_cut_after_their_secrets_are_hidden(keeping: Keeping) -> None:
    text = "a " * (128 * 1024 - 10) + SECRET + " z" * 100
    keeping.note({"messages": [user(text)]}, Text("ok"))
    content = keeping.lines()[0]["new"][0]["content"]
    assert content.endswith("more characters]")
    assert "ghp_" not in content


def test_off_means_no_file(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    keeping.settings = HistorySettings(directory=tmp_path / "history")
    keeping.note({"messages": [user("x")]}, Text("y"))
    keeping.log.close()
    assert not (tmp_path / "history").exists()


def test_counting_tokens_is_no_conversation(keeping: Keeping) -> None:
    visit = visit_of({"messages": [user("x")]}, (), "openai_chat", "s")
    keeping.log.note(visit, record("s", "count_tokens"), keeping.secrecy.hide_again)
    assert keeping.log.flush()
    assert not keeping.settings.directory or not keeping.settings.directory.exists()


def test_each_session_has_its_own_file(keeping: Keeping) -> None:
    for session in ("one", "two", "one"):
        keeping.note({"messages": [user(session)]}, Text("y"), session=session)
    assert len(keeping.lines("one")) == 2
    assert len(keeping.lines("two")) == 1


def test_a_disk_in_trouble_is_said_once_and_stops_nobody(keeping: Keeping, caplog: pytest.LogCaptureFixture) -> None:
    directory = keeping.settings.directory
    assert directory
    directory.write_text("a file where the folder should be")
    for _ in range(3):
        keeping.note({"messages": [user("x")]}, Text("y"))
    assert keeping.log.flush()
    assert len([line for line in caplog.messages if "cannot be written" in line]) == 1
    directory.unlink()
    keeping.note({"messages": [user("again")]}, Text("y"))
    assert len(keeping.lines()) == 1


def test_the_queue_is_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keeping = Keeping(tmp_path)
    keeping.log._thread = object()  # type: ignore[assignment]  # nobody writes
    for _ in range(MAX_WAITING + 5):
        keeping.note({"messages": [user("x")]}, Text("y"))
    keeping.log._thread = None
    assert len(keeping.log._waiting) == MAX_WAITING
    assert keeping.log._lost == 5


def test_what_was_noted_is_written_before_the_end(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    for _ in range(50):
        keeping.note({"messages": [user("x")]}, Text("y"))
    keeping.log.close()
    assert len((tmp_path / "history" / "s.jsonl").read_text().splitlines()) == 50
