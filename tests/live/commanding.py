"""What the tests of commands share: a program of their own, and conversations in which someone commands."""

from __future__ import annotations

import itertools
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.live.clients.sdk import Drivers
from tests.live.conftest import config_for
from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.upstream import VENDORS, Received, Upstream

PROTOCOLS = tuple(VENDORS)
ASKED = "gpt-4.1"
"""No backend lists it, so it goes to the default one."""
PLAIN = {"openai_chat": "gpt-4.1", "openai_responses": "gpt-4.1", "anthropic": "claude-sonnet-4-5"}
PLAIN["gemini"] = "gemini-2.5-flash"
_MARK = re.compile(r"\n\[parley [0-9a-f]{8}\]")
_SAID = {"openai_responses": "input", "gemini": "contents"}
"""What it is called where it is not `messages`."""


def own_program(folder: Path, vendors: Upstream, environ: Mapping[str, str] | None = None, more: str = "") -> Program:
    """With a backend `openai` beside the four."""
    openai = (
        f"  openai: {{protocol: openai_chat, base_url: {vendors.url('openai_chat')}, api_key: sk-upstream-openai}}\n"
    )
    return Program(folder, config_for(vendors) + openai + more, environ).wait()


def talk(
    program: Program, sdks: Drivers, protocol: str, *said: str | list[dict[str, str]], streamed: bool, **more: Any
) -> list[dict[str, Any]]:
    """The replies to what a person says, one after the other, in a session of its own."""
    more.setdefault("headers", {"X-Session-ID": uuid.uuid4().hex})
    answer = sdks[protocol].talk(
        client=protocol,
        base=program.base,
        key=CLIENT_KEY,
        stream=streamed,
        steps=[{"user": one} for one in said],
        **{"model": ASKED, **more},
    )
    assert "error" not in answer, answer["error"]
    return answer["replies"]


def unmarked(text: str) -> str:
    """Without the line by which the proxy knows its own words again."""
    text, count = _MARK.subn("", text)
    assert count == 1, f"{count} marks in {text!r}"
    return text


def heard(received: Received) -> list[str]:
    """The texts of the conversation as a vendor got it, in order; the model's, whom its SDK keeps in pieces, as one."""
    turns = [
        (message["role"], list(_texts(message))) for message in received.json[_SAID.get(received.vendor, "messages")]
    ]
    texts: list[str] = []
    for role, group in itertools.groupby(turns, key=lambda turn: turn[0]):
        said = [text for _, parts in group for text in parts]
        texts += said if role == "user" else ["".join(said)]
    return texts


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for element in value:
                yield from _texts(element)
        case dict():
            for name in ("text", "content", "parts"):
                yield from _texts(value.get(name))


def dug(body: dict[str, Any], path: str) -> Any:
    """`a.b` of a body, None where it is not there."""
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def said_bytes(received: Received) -> bytes:
    return json.dumps(received.json[_SAID.get(received.vendor, "messages")], ensure_ascii=False).encode()
