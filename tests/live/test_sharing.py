"""Two programs behind one Redis, as two instances behind one address; each request goes to the one that is named."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

pytest.importorskip("redis")

from tests.live.conftest import config_for
from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.said import Failed, Said
from tests.live.vendors.upstream import Raw, Received, Upstream
from tests.sharing.server import RedisServer

KEY = {"authorization": f"Bearer {CLIENT_KEY}"}
OPUS = "anthropic:claude-opus-4-5"
PASSWORD = "redis-password-0123"
SECRET = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
KEYS = {"OPENAI_API_KEY_1": "sk-upstream-first", "OPENAI_API_KEY_2": "sk-upstream-second"}


class Pair:
    def __init__(self, server: RedisServer, one: Program, other: Program) -> None:
        self.redis, self.one, self.other = server, one, other
        self.both = (one, other)


def started(folder: Any, vendors: Upstream, server: RedisServer, patience: int, count: int = 2) -> list[Program]:
    """`patience` in milliseconds."""
    environ = {"PARLEY_REDIS_URL": server.url, "OPENAI_API_BASE_URL": f"{vendors.url('openai_chat')}/v1", **KEYS}
    config = f"{config_for(vendors)}limits: {{redis_ms: {patience}}}\n"
    return [Program(folder.mktemp("instance"), config, environ) for _ in range(count)]


@contextmanager
def pair_of(vendors: Upstream, folder: pytest.TempPathFactory, password: str = "") -> Iterator[Pair]:
    with RedisServer(folder.mktemp("redis"), password) as server, ExitStack() as ended:
        one, other = programs = started(folder, vendors, server, 10_000)
        for program in programs:
            ended.callback(program.stop)
        for program in programs:
            program.wait().heard("are shared with the other instances")
        yield Pair(server, one, other)


@pytest.fixture(scope="module")
def pair(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair_of(vendors, tmp_path_factory, PASSWORD) as made:
        yield made


@pytest.fixture
def passing_pair(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Whose Redis may go."""
    with pair_of(vendors, tmp_path_factory) as made:
        yield made


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


def ask(http: httpx.Client, program: Program, *words: str, model: str = "gpt-4.1", **headers: str) -> str:
    """`words` are the person's and the model's in turn."""
    messages = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(words)]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"model": model, "messages": messages}
    answer = http.post(f"{program.base}/v1/chat/completions", json=body, headers={**KEY, **named})
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def asked_of(vendors: Upstream) -> list[str]:
    return [request.vendor for request in vendors.received]


def sessions_of(http: httpx.Client, program: Program) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in http.get(f"{program.base}/v1/sessions", headers=KEY).json()["data"]}


def test_what_is_set_at_one_holds_at_once_at_the_other(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    for _ in range(5):
        ask(http, pair.one, f"!/set(model={OPUS})", x_session_id=name)
        ask(http, pair.other, "Hi", x_session_id=name)
        ask(http, pair.other, "!/unset(model)", x_session_id=name)
        ask(http, pair.one, "Hi", x_session_id=name)
    assert asked_of(vendors) == ["anthropic", "openai_chat"] * 5


def test_a_one_off_model_is_used_once_over_both(pair: Pair, vendors: Upstream, http: httpx.Client, name: str) -> None:
    ask(http, pair.one, f"!/oneoff({OPUS})", x_session_id=name)
    for program in (pair.other, pair.one, pair.other):
        ask(http, program, "Hi", x_session_id=name)
    assert asked_of(vendors) == ["anthropic", "openai_chat", "openai_chat"]


def test_a_one_off_model_is_used_once_by_requests_at_the_same_time(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            ask(http, pair.one, f"!/oneoff({OPUS})", x_session_id=name)
            start = threading.Barrier(2)

            def go(program: Program, start: threading.Barrier = start) -> None:
                start.wait(20)
                ask(http, program, "Hi", x_session_id=name)

            list(pool.map(go, pair.both))
    assert sorted(asked_of(vendors)) == ["anthropic"] * 5 + ["openai_chat"] * 5


def test_a_one_off_model_that_failed_is_given_back_to_all(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    ask(http, pair.one, f"!/oneoff({OPUS})", x_session_id=name)
    vendors.will_say(Failed(400, "not like this"))
    body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}]}
    headers = {**KEY, "x-session-id": name}
    assert http.post(f"{pair.one.base}/v1/chat/completions", json=body, headers=headers).status_code == 400
    sessions_of(http, pair.one)
    ask(http, pair.other, "Hi", x_session_id=name)
    ask(http, pair.one, "Hi", x_session_id=name)
    assert asked_of(vendors) == ["anthropic", "anthropic", "openai_chat"]


def test_a_conversation_without_a_name_goes_on_wherever_it_lands(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    said = [f"Hello {name}", ask(http, pair.one, f"Hello {name}")]
    for program, words in (
        (pair.other, f"!/set(model={OPUS})"),
        (pair.one, "Go"),
        (pair.other, "On"),
        (pair.one, "!/unset(model)"),
        (pair.other, "And on"),
    ):
        said += [words, ask(http, program, *said, words)]
    ask(http, pair.other, f"Another {name}")
    assert asked_of(vendors) == ["openai_chat", "anthropic", "anthropic", "openai_chat", "openai_chat"]


def test_sessions_are_listed_and_forgotten_by_both(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    ask(http, pair.one, f"!/set(model={OPUS}, project=x)", x_session_id=name)
    ask(http, pair.other, "Hi", x_session_id=name)
    listed = [sessions_of(http, program)[name] for program in pair.both]
    assert [one["settings"] for one in listed] == [{"model": OPUS, "project": "x"}] * 2
    assert [one["requests"] for one in listed] == [2, 2]
    assert http.delete(f"{pair.other.base}/v1/sessions/{name}", headers=KEY).json()["deleted"] is True
    assert http.get(f"{pair.one.base}/v1/sessions/{name}", headers=KEY).status_code == 404
    vendors.will_say()
    ask(http, pair.one, "Hi", x_session_id=name)
    assert asked_of(vendors) == ["openai_chat"]


def test_a_key_that_one_found_limited_is_passed_over_by_the_other(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    limited = Raw([b'{"error": {"message": "slow down"}}'], 429, headers=[("retry-after", "600")])

    def by_key(request: Received) -> Raw | Said:
        return limited if KEYS["OPENAI_API_KEY_1"] in request.headers["authorization"] else Said("pong")

    vendors.will_say(*[by_key] * 12)
    for _ in range(2):  # keys come in turn
        ask(http, pair.one, "Hi", model=f"openai:{name}")
    vendors.will_say(*[by_key] * 12)
    for program in (*pair.both, *pair.both):
        ask(http, program, "Hi", model=f"openai:{name}")
    assert {request.headers["authorization"] for request in vendors.received} == {"Bearer sk-upstream-second"}
    assert len(vendors.received) == 4
    for program in pair.both:
        states = http.get(f"{program.base}/health").json()["backends"]["openai"]["key_states"]
        assert {"…irst": "resting"}.items() <= {state["key"]: state["state"] for state in states}.items()


def test_a_secret_has_one_placeholder(pair: Pair, vendors: Upstream, http: httpx.Client, name: str) -> None:
    for program in pair.both:
        ask(http, program, f"My token is {SECRET}", x_session_id=name)
    first, second = [request.json["messages"][0]["content"] for request in vendors.received]
    assert first == second
    assert "SECRET_GITHUB" in first


def test_a_row_of_tool_calls_that_was_stopped_at_one_may_go_on_at_the_other(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    """Where the same request is sent again."""
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    rounds = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "nothing"},
    ]
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    body = {"model": "gpt-4.1", "tools": tools, "messages": [{"role": "user", "content": "Look"}, *rounds * 30]}
    said = []
    for program in pair.both:
        url = f"{program.base}/v1/chat/completions"
        answer = http.post(url, json=body, headers={**KEY, "x-session-id": name}).json()
        said.append(answer["choices"][0]["message"]["content"])
    assert "Parley stopped here" in said[0]
    assert said[1] == "pong"


def test_no_secret_no_prompt_and_no_key_is_in_redis(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    vendors.will_say(Said("An answer that nobody else reads"))
    ask(http, pair.one, f"A prompt that nobody else reads, with {SECRET}")
    ask(http, pair.one, f"!/set(project={CLIENT_KEY})", x_session_id=name)
    ask(http, pair.other, "!/hello", x_session_id=name)
    there = pair.redis.everything()
    assert name in there
    for word in (SECRET, "nobody else reads", CLIENT_KEY, PASSWORD, *KEYS.values(), "sk-upstream"):
        assert word not in there
    for program in pair.both:
        assert PASSWORD not in program.log


def test_one_that_starts_later_knows_what_was_set(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ask(http, pair.one, f"!/set(model={OPUS})", x_session_id=name)
    [late] = started(tmp_path_factory, vendors, pair.redis, 10_000, count=1)
    try:
        ask(http, late.wait(), "Hi", x_session_id=name)
    finally:
        late.stop()
    assert asked_of(vendors) == ["anthropic"]


def test_garbage_under_our_keys_is_reported_and_ignored(
    pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    pair.redis.client.xadd("parley:1:changes", {"i": "x", "c": b'[{"kind": "rest"}, 7]'})
    ask(http, pair.one, f"!/set(model={OPUS})", x_session_id=name)
    ask(http, pair.other, "Hi", x_session_id=name)
    assert asked_of(vendors) == ["anthropic"]
    for program in pair.both:
        program.heard("Redis holds something at parley:1:changes that is not of use here and is ignored")
        assert http.get(f"{program.base}/health").json()["redis"]["ignored"] >= 2


def test_redis_may_go_and_come_while_requests_run(
    passing_pair: Pair, vendors: Upstream, http: httpx.Client, name: str
) -> None:
    server, (one, other) = passing_pair.redis, passing_pair.both
    programs = passing_pair.both
    over, answers = threading.Event(), []

    def keep_asking(number: int) -> None:
        while not over.is_set():
            answers.append(ask(http, programs[number % 2], "Hi", x_session_id=f"{name}-{number}"))

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(keep_asking, number) for number in range(4)]
        try:
            ask(http, one, "!/set(project=before)", x_session_id=name)
            server.kill()
            for program in programs:
                program.heard("is lost")
                assert http.get(f"{program.base}/health").json()["redis"]["status"] == "unreachable"
            assert "model set" in ask(http, one, f"!/set(model={OPUS})", x_session_id=name)
            server.start()
            for program in programs:
                program.heard("is there again")
        finally:
            over.set()
        for one_of_them in running:
            one_of_them.result()
    assert set(answers) == {"pong"}
    assert http.get(f"{one.base}/health").json()["redis"]["status"] == "connected"
    ask(http, one, "!/hello", x_session_id=name)
    assert sessions_of(http, other)[name]["settings"] == {"model": OPUS, "project": "before"}
    assert [program.log.count("is lost") for program in programs] == [1, 1]


@pytest.mark.parametrize("what", ["nobody", "wrong password"])
def test_without_redis_at_the_start_memory_is_used_and_it_is_said(
    what: str, vendors: Upstream, http: httpx.Client, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with RedisServer(tmp_path_factory.mktemp("redis"), PASSWORD) as server, ExitStack() as ended:
        if what == "nobody":
            server.kill()
        environ = {"PARLEY_REDIS_URL": server.url_with("not-the-password")}
        program = Program(tmp_path_factory.mktemp("alone"), config_for(vendors), environ).wait()
        ended.callback(program.stop)
        said = program.heard("cannot be used")
        assert f"Redis at 127.0.0.1:{server.port}/0 cannot be used" in said
        ask(http, program, f"!/set(model={OPUS})", x_session_id=name)
        ask(http, program, "Hi", x_session_id=name)
        assert asked_of(vendors) == ["anthropic"]
        assert http.get(f"{program.base}/health").json()["redis"]["status"] == "unreachable"
        assert "not-the-password" not in program.log
        if what == "wrong password":
            server.client.config_set("requirepass", "not-the-password")
            program.heard("is there again")


@pytest.mark.parametrize("url", ["http://me:not-shown@127.0.0.1:6379", "redis://:not-shown@127.0.0.1:port"])
def test_an_address_that_is_none_ends_the_start(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    program = Program(tmp_path_factory.mktemp("wrong"), "{}", {"PARLEY_REDIS_URL": url})
    with pytest.raises(RuntimeError) as refused:
        program.wait()
    assert "PARLEY_REDIS_URL" in str(refused.value)
    assert "not-shown" not in str(refused.value)


def test_without_redis_nothing_is_said_of_it(parley: Program, http: httpx.Client) -> None:
    assert "redis" not in http.get(f"{parley.base}/health").json()
    assert "Redis" not in parley.log
