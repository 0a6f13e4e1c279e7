"""Every official SDK against every backend protocol: what the vendor said is what the SDK's own parser makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.live.clients.sdk import Drivers
from tests.live.pictures import PNG
from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.said import Failed, Said
from tests.live.vendors.upstream import BACKENDS, VENDORS, Upstream

PROTOCOLS = tuple(VENDORS)
SEALS = {
    "openai_chat": "",
    "openai_responses": "gAAAAABpH8mK3q2Zc1V5d0x5V2R5bA==",
    "anthropic": "EqQBCkYIBxgCKkBNb3JlIHRoYW4gZmlmdHkgY2hhcmFjdGVycyBvZiBzaWduYXR1cmU=",
    "gemini": "CiQBVKhc7mJvcmUgdGhhbiBmaWZ0eSBjaGFyYWN0ZXJzIG9mIHNpZ25hdHVyZQ==",
    "cohere": "",
}
PLAIN = {
    "openai_chat": "gpt-4.1",
    "openai_responses": "gpt-4.1",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "cohere": "command-a-03-2025",
}
THINKERS = {
    "openai_chat": "gpt-5",
    "openai_responses": "gpt-5",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-3-pro-preview",
    "cohere": "command-a-reasoning-08-2025",
}
FINISHES = {
    "openai_chat": {"stop": "stop", "tool_calls": "tool_calls", "length": "length"},
    "openai_responses": {"stop": "completed", "tool_calls": "completed", "length": "max_output_tokens"},
    "anthropic": {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"},
    "gemini": {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS"},
}
PICTURE = "https://example.com/a/picture.png"
FORGOTTEN = {("openai_chat", "openai_chat"): ["reasoning_content"]}
"""OpenAI's own chat shows no reasoning and takes none back; what a client of other vendors repeats it would refuse."""
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "a name"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
ROME, OSLO = ("weather", {"city": "Rome, «Città»", "days": 2}), ("weather", {"city": "Oslo", "days": 0})
TIME = ("clock", {})
TOOLS = [
    {"name": "weather", "description": "Tells the weather.", "schema": CITY},
    {"name": "clock", "description": "Tells the time.", "schema": {"type": "object", "properties": {}}},
]


_STANDARD = str.maketrans("-_", "+/")
"""Gemini's SDK writes base64 in the URL-safe alphabet, others in the standard one."""


def _user(text: str, *parts: dict[str, str]) -> dict[str, Any]:
    return {"user": [{"text": text}, *parts]}


@dataclass(frozen=True)
class Scenario:
    """`says` are the vendor's answers, one a step. `reaches` must stand in the last request that the vendor gets."""

    steps: tuple[dict[str, Any], ...]
    says: tuple[Said, ...]
    reaches: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    thinks: bool = False


SCENARIOS = {
    "multi-turn": Scenario(
        (_user("My name is Zoë 🦊."), _user("What is my name?"), _user("And again?")),
        (Said("Hello, Zoë!"), Said('Your name is\n"Zoë" 🦊 — \\ and that is it.'), Said("Zoë")),
        ("You are terse.", "My name is", "Hello, Zo", "What is my name?", "and that is it.", "And again?"),
        {"system": "You are terse."},
    ),
    "cut off": Scenario((_user("Tell a long story."),), (Said("Once upon", cut_off=True),)),
    "tools": Scenario(
        (_user("Weather?"), {"results": ["18 degrees, sunny"]}),
        (Said("I shall look.", calls=(ROME,)), Said("It is sunny in Rome.")),
        ("Tells the weather.", "I shall look.", "Rome, ", "18 degrees, sunny"),
        {"system": "You are terse.", "tools": TOOLS},
    ),
    "parallel tools": Scenario(
        (_user("Weather?"), {"results": ["warm", "cold", "noon"]}, _user("Thanks")),
        (Said(calls=(ROME, OSLO, TIME)), Said("Warm and cold at noon."), Said("Bye")),
        ("warm", "cold", "noon", "Oslo", "Thanks", "Warm and cold at noon."),
        {"tools": TOOLS},
    ),
    "thinking": Scenario(
        (_user("Prove it."), _user("Again")),
        (Said("Proven.", "Let me think … carefully.", "yes", reasoning=5), Said("Yes.", "Easy.", "yes", reasoning=1)),
        ("Prove it.", "Proven.", "Again"),
        {"thinking": True},
        thinks=True,
    ),
    "thinking with tools": Scenario(
        (_user("Weather?"), {"results": ["18 degrees"]}, _user("Sure?")),
        (
            Said("", "I need the weather.", "yes", calls=(ROME, OSLO)[:1], reasoning=5),
            Said("Sunny.", "Now I know.", "yes", reasoning=4),
            Said("Sure."),
        ),
        ("18 degrees", "Sunny.", "Sure?"),
        {"thinking": True, "tools": TOOLS},
        thinks=True,
    ),
    "inline image": Scenario(
        (_user("What is this?", {"image": PNG, "type": "image/png"}),), (Said("A dot."),), ("What is this?", PNG)
    ),
    "image by address": Scenario((_user("What is this?", {"url": PICTURE}),), (Said("A fox."),), (PICTURE,)),
    "structured output": Scenario(
        (_user("Where?"),), (Said(json.dumps({"city": "Rome", "days": 3})),), ("a name", "days"), {"schema": CITY}
    ),
}


def cells() -> list[Any]:
    return [
        pytest.param(client, backend, streamed, id=f"{client}-{backend}-{'stream' if streamed else 'whole'}")
        for client in PROTOCOLS
        for backend in BACKENDS
        for streamed in (False, True)
    ]


def _sealed(said: Said, backend: str, number: int) -> Said:
    """With the signature of this vendor, a different one for each turn."""
    seal = SEALS[backend] if said.seal else ""
    return replace(said, seal=seal[:-8] + "ABCD"[number] + seal[-7:] if seal else "")


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize(("client", "backend", "streamed"), cells())
def test_conversation(
    name: str, client: str, backend: str, streamed: bool, parley: Program, vendors: Upstream, sdks: Drivers
) -> None:
    scenario = SCENARIOS[name]
    said = [_sealed(said, backend, number) for number, said in enumerate(scenario.says)]
    vendors.will_say(*said)
    model = (THINKERS if scenario.thinks else PLAIN)[backend]
    answer = sdks[client].talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model=f"{backend}:{model}",
        stream=streamed,
        steps=scenario.steps,
        forgets=FORGOTTEN.get((client, backend), ()),
        **scenario.settings,
    )
    assert vendors.problems == []
    assert "error" not in answer
    assert answer["replies"] == [_expected(one, client) for one in said]
    _assert_reached(scenario, vendors)
    _assert_sealed_turns_return(said, vendors)


def _expected(said: Said, client: str) -> dict[str, Any]:
    return {
        "text": said.text,
        "thinking": said.thinking,
        "calls": [list(call) for call in said.calls],
        "finish": FINISHES[client][said.finish],
        "usage": {"prompt": said.prompt, "cached": said.cached, "output": said.output},
    }


def _assert_reached(scenario: Scenario, vendors: Upstream) -> None:
    last = "".join(_texts(vendors.received[-1].json)).translate(_STANDARD)
    assert [text for text in scenario.reaches if text.translate(_STANDARD) not in last] == []


def _texts(value: Any) -> Iterator[str]:
    """What is said in a request, with texts that came in several parts put together."""
    match value:
        case str():
            yield value
        case list():
            for element in value:
                yield from _texts(element)
        case dict():
            for name, element in value.items():
                if name not in ("type", "role", "id", "status"):
                    yield from _texts(element)


def _assert_sealed_turns_return(said: list[Said], vendors: Upstream) -> None:
    """The signature of a turn with calls has to come back while the calls are answered."""
    for number, one in enumerate(said[:-1]):
        if one.calls and one.seal:
            assert one.seal in vendors.received[number + 1].body.decode()


ERRORS = (400, 401, 429, 500, 529)
CLASSES = {
    "openai": (
        "BadRequestError",
        "AuthenticationError",
        "RateLimitError",
        "InternalServerError",
        "InternalServerError",
    ),
    "anthropic": ("BadRequestError", "AuthenticationError", "RateLimitError", "InternalServerError", "OverloadedError"),
    "gemini": ("ClientError", "ClientError", "ClientError", "ServerError", "ServerError"),
}


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.parametrize(("client", "backend", "streamed"), cells())
def test_error(
    status: int, client: str, backend: str, streamed: bool, parley: Program, vendors: Upstream, sdks: Drivers
) -> None:
    message = f"The vendor says no, number {status}."
    vendors.will_say(Failed(status, message))
    answer = sdks[client].talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model=f"{backend}:{PLAIN[backend]}",
        stream=streamed,
        steps=[_user("Hi")],
    )
    assert vendors.problems == []
    assert answer["replies"] == []
    error = answer["error"]
    assert (error["class"], error["status"]) == (_class(client, status), status)
    assert message in error["message"]


def _class(client: str, status: int) -> str:
    return CLASSES[client.partition("_")[0]][ERRORS.index(status)]
