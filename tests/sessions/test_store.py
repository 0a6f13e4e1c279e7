from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_core.sessions.store import Sessions
from proxy_core.sessions.transcript import transcript
from tests.recordings import ROOT
from tests.sessions.asking import Client, Clock, chat, inbound

UUID = "01a1fc25-727e-7072-867c-eaf4bfde81d5"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(clock, limit=5, longest_idle=60)


@pytest.fixture
def client(sessions: Sessions) -> Client:
    return Client(sessions)


def named(user_id: object) -> dict[str, Any]:
    return {"metadata": {"user_id": user_id if isinstance(user_id, str) else json.dumps(user_id)}}


def test_a_session_that_is_named(sessions: Sessions) -> None:
    first = sessions.of(inbound(X_Session_ID="mine"), chat("a"), "openai_chat")
    assert first.id == "mine"
    assert sessions.of(inbound(x_session_id="mine"), chat("b"), "anthropic") is first
    assert first.requests == 2
    assert sessions.of(inbound(x_session_id="other"), chat("a"), "openai_chat") is not first


def test_two_clients_that_use_one_name(sessions: Sessions) -> None:
    first = sessions.of(inbound("key-1", x_session_id="mine"), chat("a"), "openai_chat")
    assert sessions.of(inbound("key-2", x_session_id="mine"), chat("a"), "openai_chat") is not first


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"thread-id": UUID}, {}),
        ({"session_id": UUID}, {}),
        ({"x-claude-code-session-id": UUID}, {}),
        ({"x-affinity": UUID}, {}),
        ({}, named({"device_id": "d", "session_id": UUID})),
        ({}, named(f"user_abc_account__session_{UUID}")),
        ({}, {"metadata": {"session_id": UUID}}),
        ({}, {"prompt_cache_key": UUID}),
        ({}, {"conversation": {"id": UUID}}),
        ({}, {"client_metadata": {"thread_id": UUID}}),
        ({}, {**named("someone"), "prompt_cache_key": UUID}),
    ],
)
def test_what_clients_call_it_themselves(sessions: Sessions, headers: dict[str, str], body: dict[str, Any]) -> None:
    asked = inbound()
    asked.headers._values |= headers
    first = sessions.of(asked, chat("a") | body, "openai_chat")
    assert first.id == UUID
    assert sessions.of(asked, chat("quite", "different") | body, "openai_chat") is first


@pytest.mark.parametrize("body", [{"prompt_cache_key": "my-app"}, {"user": "someone"}, named("someone")])
def test_a_name_that_may_stand_for_several(client: Client, body: dict[str, Any]) -> None:
    first = client.sends(chat("a") | body)
    assert client.sends(chat("b") | body) is not first
    assert client.sends(chat("a", "c") | body) is first
    assert client.sends(chat("a", "c")) is not first


def test_names_that_cannot_be_shown(sessions: Sessions) -> None:
    long = sessions.of(inbound(x_session_id="x" * 5000), chat("a"), "openai_chat")
    assert len(long.id) < 40
    assert sessions.of(inbound(x_session_id="x" * 5000), chat("a"), "openai_chat") is long


def test_a_conversation_of_ten_turns(client: Client) -> None:
    texts = [f"text {number}" for number in range(10)]
    first = client.says(texts[0])
    first.settings.model = "demo:echo"
    assert all(client.says(*texts[:count]) is first for count in range(1, 11))
    assert first.id.startswith("c-")


def test_commands_at_the_very_beginning(client: Client) -> None:
    first = client.says("!/set(model=demo:echo)")
    first.settings.model = "demo:echo"
    assert client.says("!/set(model=demo:echo)", "hello") is first
    assert client.says("!/set(model=demo:echo)", "hello", "!/hello") is first


def test_a_request_sent_once_more(client: Client) -> None:
    first = client.says("a", "b")
    assert client.says("a", "b") is first


@pytest.mark.parametrize(
    "other",
    [
        inbound("key-2"),
        inbound(client="10.0.0.7"),
        inbound(user_agent="Other/1.0"),
    ],
)
def test_two_clients_never_share_one(sessions: Sessions, other: Any) -> None:
    one, two = Client(sessions), Client(sessions, other)
    first = one.says("hello")
    assert two.says("hello") is not first
    assert two.says("hello", "you") is not first
    assert one.says("hello", "me") is first


def test_a_client_that_was_updated_or_says_its_model_or_the_date(sessions: Sessions) -> None:
    old = Client(sessions, inbound(user_agent="Agent/1.0/gpt-5 (linux)"))
    new = Client(sessions, inbound(user_agent="Agent/1.1/gpt-6 (linux)"), "You are an agent. Today is 2026-11-22.")
    first = old.says("a")
    assert new.says("a", "b") is first


def test_the_same_beginning_once_more(client: Client) -> None:
    first = client.says("hello")
    client.says("hello", "!/set(model=demo:echo)").settings.model = "demo:echo"
    client.says("hello", "!/set(model=demo:echo)", "go")
    second = client.says("hello")
    assert second is not first
    assert second.settings.model is None
    assert client.says("hello", "else") is second
    assert client.says("hello", "!/set(model=demo:echo)", "go", "on") is first
    assert len({first.id, second.id}) == 2


def test_two_conversations_part_where_their_words_do(client: Client) -> None:
    """Two terminals of one client that begin with the same words cannot be told apart until they differ."""
    both = client.says("!/set(project=p) hello")
    both.settings.project = "p"
    left = client.says("!/set(project=p) hello", "left")
    left.settings.model = "demo:left"
    right = client.says("!/set(project=p) hello", "right")
    assert (left, left is right) == (both, False)
    assert (right.settings.project, right.settings.model) == ("p", None)
    right.settings.model = "demo:right"
    assert client.says("!/set(project=p) hello", "left", "x").settings.model == "demo:left"
    assert client.says("!/set(project=p) hello", "right", "x").settings.model == "demo:right"


def test_a_conversation_taken_back_to_an_earlier_turn(client: Client) -> None:
    """The person edited the third text: what was set with it, and after it, was not set."""
    client.says("a").settings.project = "p"
    client.says("a", "b").settings.temperature = 0.5
    client.says("a", "b", "c").settings.temperature = 0.9
    edited = client.says("a", "b", "edited")
    assert edited.settings.as_dict() == {"project": "p", "temperature": 0.5}
    assert client.says("a", "b", "edited", "d") is edited
    again = client.says("a", "changed")
    assert again.settings.as_dict() == {"project": "p"}


def test_clients_that_leave_out_what_is_old(client: Client) -> None:
    texts = [f"text {number}" for number in range(9)]
    first = client.says(*texts[:1])
    for count in range(2, 7):
        assert client.says(*texts[:count]) is first
    assert client.says(*texts[3:7]) is first, "the oldest"
    assert client.says(*texts[4:8]) is first
    assert client.says(texts[0], *texts[7:9]) is first, "the middle"


def test_aider(client: Client) -> None:
    """Constant words first, the files of the moment in the middle, a reminder behind the newest text."""
    reminder = "\n\n# *SEARCH/REPLACE block* Rules:\n\nEvery block must use this format"
    constant, files = "I am not sharing any files that you can edit yet.", "*Added these files*: a.py"
    first = client.says(constant, f"fix it\n\nplease{reminder}")
    assert client.says("fix it\n\nplease", files, f"and this{reminder}") is first
    assert client.says("fix it\n\nplease", "and this", files, f"more{reminder}") is first
    assert client.says(constant, f"a new chat{reminder}") is not first


def test_an_agent_that_changes_its_mode(sessions: Sessions) -> None:
    code, architect = Client(sessions), Client(sessions, system="You are an architect.")
    first = code.says("a")
    assert architect.says("a", "b") is first
    assert architect.says("a", "b", "c") is first


def test_a_question_on_the_side(sessions: Sessions) -> None:
    """Titles are asked for with the person's own words, sometimes before the agent's own request."""
    titles, agent = Client(sessions, system="You are a title generator."), Client(sessions)
    title = titles.says("Generate a title for this conversation:", "fix it")
    first = agent.says("fix it")
    assert titles.says("fix it") not in (first, title)
    assert agent.says("fix it", "now this") is first


@pytest.mark.parametrize(
    "newest",
    [
        "hi <system-reminder>today is Monday</system-reminder>",
        [
            {"type": "text", "text": "<environment_details>\n12:00\n</environment_details>"},
            {"type": "text", "text": "hi"},
        ],
    ],
)
def test_what_clients_put_beside_the_words(client: Client, newest: Any) -> None:
    first = client.sends({"messages": [{"role": "user", "content": newest}]})
    again = {"messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": "more"}]}
    assert client.sends(again) is first


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("<user_info>a</user_info> b <system-reminder>c</system-reminder>\nd", "b \nd"),
        ("<user_info><system-reminder></user_info>b</system-reminder>", "b</system-reminder>"),
        ("<user_info>a <user_info>b", "<user_info>a <user_info>b"),
        ("<task>a</task>", "<task>a</task>"),
    ],
)
def test_blocks_that_change(sent: str, left: str) -> None:
    def texts(content: str) -> tuple[int, ...]:
        return transcript({"messages": [{"role": "user", "content": content}]}, "openai_chat").texts

    assert texts(sent) == texts(left)


def text(value: str, **fields: str) -> dict[str, Any]:
    return {"text": value, **fields}


SHAPES: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    (
        "openai_responses",
        {"input": "hi"},
        {"input": [{"role": "user", "content": "hi"}, {"role": "user", "content": [text("b", type="input_text")]}]},
    ),
    (
        "anthropic",
        {"system": "s", "messages": [{"role": "user", "content": [text("hi", type="text")]}]},
        {
            "system": [text("x-anthropic-billing-header: cc=1"), text("s")],
            "messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": "b"}],
        },
    ),
    (
        "gemini",
        {"systemInstruction": "g", "contents": "hi"},
        {
            "system_instruction": {"parts": [text("g")]},
            "contents": [{"parts": [text("hi")]}, {"role": "model", "parts": []}, {"parts": [text("b")]}],
        },
    ),
]


@pytest.mark.parametrize(("protocol", "first", "second"), SHAPES)
def test_every_protocol(client: Client, protocol: Any, first: dict[str, Any], second: dict[str, Any]) -> None:
    assert client.sends(first, protocol) is client.sends(second, protocol)
    assert len(client.sessions.all()) == 1


def test_an_answer_that_is_followed(client: Client) -> None:
    first = client.sends({"input": "a"}, "openai_responses")
    client.sessions.answered(first, "resp_1")
    assert client.sends({"input": "b", "previous_response_id": "resp_1"}, "openai_responses") is first
    assert client.sends({"input": "c", "previous_response_id": "resp_2"}, "openai_responses") is not first


@pytest.mark.parametrize(
    "body", [{}, {"messages": 3}, {"messages": [None, {"role": 1, "content": {}}]}, {"input": "x"}]
)
def test_no_conversation(client: Client, body: dict[str, Any]) -> None:
    assert client.sends(body) is client.sends(body)


def test_a_text_that_cannot_be_encoded(client: Client) -> None:
    assert client.says("cut \ud83d") is client.says("cut \ud83d", "b")


def test_the_one_used_least_recently_goes(sessions: Sessions) -> None:
    client = Client(sessions)
    first = client.says("0")
    for number in range(1, 5):
        client.says(str(number))
    assert client.says("0", "x") is first
    client.says("5")
    assert len(sessions.all()) == 5
    assert client.says("0", "x", "y") is first
    assert client.says("1", "x").requests == 1


def test_one_that_is_not_used_is_forgotten(sessions: Sessions, clock: Clock) -> None:
    client = Client(sessions)
    first, kept = client.says("a"), client.says("b")
    clock.now += 50
    client.says("b", "c")
    clock.now += 50
    assert sessions.all() == [kept]
    assert client.says("a", "d") is not first


def test_ended(sessions: Sessions) -> None:
    client = Client(sessions)
    first = client.says("a")
    assert sessions.named(first.id) is first
    sessions.end(first)
    assert sessions.named(first.id) is None
    assert client.says("a", "b") is not first


def test_nothing_is_left_behind_by_those_that_went(sessions: Sessions) -> None:
    client = Client(sessions)
    for number in range(50):
        client.says(f"{number}")
        client.says(f"{number}", "two\n\nparagraphs")
    for session in sessions.all():
        sessions.end(session)
    assert not sessions._conversations._index
    assert not sessions._conversations._all


def test_no_key_is_kept(sessions: Sessions) -> None:
    session = Client(sessions, inbound("sk-very-secret")).says("a")
    assert "very-secret" not in repr((session, vars(sessions), vars(sessions._conversations)))
    other = Sessions(Clock())
    again = Client(other, inbound("sk-very-secret")).says("a")
    assert again.owner != session.owner, "salted"
    assert again.id == session.id, "the same after a restart"


def test_a_key_that_is_renewed_while_the_conversation_lasts(sessions: Sessions) -> None:
    first = Client(sessions, inbound("sk-ant-oat01-first")).says("a")
    assert Client(sessions, inbound("sk-ant-oat01-second")).says("a", "b") is first
    elsewhere = inbound("sk-ant-oat01-second", client="10.0.0.9")
    assert Client(sessions, elsewhere).says("a", "b") is not first


def test_without_keys_clients_are_told_apart_by_their_address(sessions: Sessions) -> None:
    def anonymous(address: str) -> Any:
        asked = inbound(client=address, x_session_id="mine")
        del asked.headers._values["authorization"]
        return asked

    first = sessions.of(anonymous("10.0.0.1"), chat("a"), "openai_chat")
    assert sessions.of(anonymous("10.0.0.1"), chat("b"), "openai_chat") is first
    assert sessions.of(anonymous("10.0.0.2"), chat("b"), "openai_chat") is not first


REQUESTS = ROOT / "client_requests"
SAME = [
    ("opencode-chat", "openai_chat", 2, 3),
    ("cline-openai", "openai_chat", 1, 2),
    ("continue-anthropic", "anthropic", 1, 2),
    ("qwen-code", "openai_chat", 1, 2),
    ("copilot-completions", "openai_chat", 1, 2),
    ("copilot-responses", "openai_responses", 1, 2),
    ("pi-google-generative-ai", "gemini", 1, 2),
    ("gemini-cli", "gemini", 3, 4),
    ("codex", "openai_responses", 2, 3),
    ("claude-code", "anthropic", 4, 5),
    ("vibe", "openai_chat", 1, 2),
]


@pytest.mark.skipif(not REQUESTS.exists(), reason="no recorded requests here")
@pytest.mark.parametrize(("folder", "protocol", "first", "second"), SAME)
def test_real_clients(sessions: Sessions, folder: str, protocol: Any, first: int, second: int) -> None:
    found = []
    for number in (first, second):
        recorded = json.loads((REQUESTS / folder / f"{number:02}.json").read_text())
        headers = recorded["headers"]
        asked = inbound(**{name.replace("-", "_"): value for name, value in dict(headers).items()})
        found.append(sessions.of(asked, recorded["json"], protocol))
    assert found[0] is found[1]
