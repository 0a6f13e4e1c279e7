"""Models that repeat themselves, in what they say and in what they do, seen by every SDK from every backend."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.live.clients.sdk import Drivers
from tests.live.program import CLIENT_KEY, Program
from tests.live.test_bad_input import KEY, body, path
from tests.live.test_matrix import PROTOCOLS, SEALS, THINKERS, cells
from tests.live.vendors.said import Failed, Said
from tests.live.vendors.upstream import BACKENDS, Answer, Raw, Received, Upstream

OPENING = "You asked for a proof of it. There are several, of which the shortest is the one by contradiction.\n\n"
LOOP = "Let me check the result once more before I go on. "
LOOPING = OPENING + LOOP * 200
LONGEST = len(OPENING) + 500 + 2000
"""By when it has to be over."""
NOTICE = "[Parley ended this"


def looping(text: str = "", thinking: str = "", seal: str = "") -> Callable[[Received], Answer]:
    """Streamed it does not end by itself: the vendor goes on until the caller hangs up."""
    said = Said(text, thinking, seal, every=25)

    def answer(received: Received) -> Answer:
        if not received.streams:
            return said
        events = list(BACKENDS[received.vendor].stream(said, received.asked))
        return Raw(events[:250], content_type="text/event-stream", then="hold")

    return answer


def newest(program: Program, http: httpx.Client) -> dict[str, Any]:
    return http.get(f"{program.base}/usage/recent?limit=1", headers=KEY).json()["data"][0]


@pytest.mark.parametrize("channel", ["text", "thinking"])
@pytest.mark.parametrize(("client", "backend", "streamed"), cells())
def test_a_looping_answer_is_ended(
    client: str,
    backend: str,
    streamed: bool,
    channel: str,
    parley: Program,
    vendors: Upstream,
    sdks: Drivers,
    http: httpx.Client,
) -> None:
    if channel == "thinking":
        vendors.will_say(looping("Done.", LOOPING, SEALS[backend]))
    else:
        vendors.will_say(looping(LOOPING))
    answer = sdks[client].talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model=f"{backend}:{THINKERS[backend]}",
        stream=streamed,
        thinking=channel == "thinking",
        headers={"X-Session-ID": uuid.uuid4().hex},
        steps=[{"user": "Prove it."}],
    )
    assert vendors.problems == []
    assert "error" not in answer, answer["error"]
    (reply,) = answer["replies"]
    assert NOTICE in reply["text"]
    assert "!/set(loop-detection=false)" in reply["text"]
    assert reply[channel].startswith(OPENING + LOOP)
    assert len(reply["text"]) + len(reply["thinking"]) < LONGEST
    if streamed:
        assert vendors.next_request().hung_up.wait(5)
    record = newest(parley, http)
    assert (record["loops"], record["outcome"]) == (1, "cut")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("client", PROTOCOLS)
def test_the_demo_that_loops(client: str, streamed: bool, parley: Program, sdks: Drivers) -> None:
    answer = sdks[client].talk(
        client=client,
        base=parley.base,
        key=CLIENT_KEY,
        model="demo:loop",
        stream=streamed,
        steps=[{"user": "Go on"}],
    )
    (reply,) = answer["replies"]
    assert NOTICE in reply["text"]
    assert len(reply["text"]) < LONGEST


def config(vendors: Upstream, more: str = "") -> str:
    backends = "".join(
        f"  {name}: {{protocol: openai_chat, base_url: {vendors.url('openai_chat')}, api_key: sk-upstream-{name}}}\n"
        for name in ("first", "second")
    )
    routes = "{both: {policy: m, elements: ['first:a', 'second:b']}}"
    return f"settings: {{default_backend: first, failover_routes: {routes}}}\nbackends:\n{backends}{more}"


def ask(program: Program, http: httpx.Client, model: str = "first:m", text: str = "Go", session: str = "") -> str:
    """What it answers, in one piece."""
    headers = {**KEY, "x-session-id": session or uuid.uuid4().hex}
    answer = http.post(program.base + path("openai_chat"), json=body("openai_chat", model, text), headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


@pytest.fixture(scope="module")
def particular(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    more = """
models:
  quiet: {loops: {enabled: false}}
  patient: {loops: {min_length: 4000, buffer_size: 8192}}
  "first:a": {loops: {on_loop: next_element}}
  steered: {loops: {on_loop: steer}}
"""
    program = Program(tmp_path_factory.mktemp("particular"), config(vendors, more)).wait()
    yield program
    program.stop()


def test_settings_of_single_models(particular: Program, vendors: Upstream, http: httpx.Client) -> None:
    vendors.will_say(Said(LOOPING), Said(LOOPING), Said(LOOPING))
    quick, patient, quiet = (ask(particular, http, f"first:{model}") for model in ("m", "patient", "quiet"))
    assert NOTICE in quick
    assert NOTICE in patient
    assert len(patient) > 4000 > len(quick)
    assert quiet == LOOPING


def test_switched_off_and_on_by_command(particular: Program, vendors: Upstream, http: httpx.Client) -> None:
    session = uuid.uuid4().hex
    vendors.will_say(*[Said(LOOPING)] * 3)
    ask(particular, http, text="!/set(loop-detection=false)", session=session)
    assert ask(particular, http, session=session) == LOOPING
    ask(particular, http, text="!/unset(loop-detection)", session=session)
    assert NOTICE in ask(particular, http, session=session)
    ask(particular, http, text="!/set(loop-detection=on)", session=session)
    assert NOTICE in ask(particular, http, "first:quiet", session=session)


def test_settings_of_the_environment(vendors: Upstream, http: httpx.Client, tmp_path_factory: Any) -> None:
    vendors.will_say(Said(LOOPING), Said(LOOPING))
    for number, (environ, fits) in enumerate(
        [
            ({"LOOP_DETECTION_ENABLED": "false"}, lambda heard: heard == LOOPING),
            ({"LOOP_DETECTION_MIN_REPETITIONS_MEDIUM": "30"}, lambda heard: NOTICE in heard and len(heard) > 30 * 50),
        ]
    ):
        program = Program(tmp_path_factory.mktemp(f"environment{number}"), config(vendors), environ).wait()
        try:
            assert fits(ask(program, http))
        finally:
            program.stop()


def test_the_next_element_is_asked(particular: Program, vendors: Upstream, http: httpx.Client) -> None:
    vendors.will_say(Said(LOOPING), Said("A proof."))
    assert ask(particular, http, "both") == "A proof."
    assert [received.json["model"] for received in vendors.received] == ["a", "b"]
    vendors.will_say(Said(LOOPING), Said(LOOPING))
    assert NOTICE in ask(particular, http, "both")


def test_the_model_is_told_the_next_time(particular: Program, vendors: Upstream, http: httpx.Client) -> None:
    session = {**KEY, "x-session-id": uuid.uuid4().hex}
    vendors.will_say(looping(LOOPING), Said("Fine."), Said("Fine."))
    for _ in range(3):
        http.post(particular.base + path("openai_chat"), json=body("openai_chat", "first:steered"), headers=session)
    told = ["repeated itself" in received.body.decode() for received in vendors.received]
    assert told == [False, True, False]


@pytest.mark.parametrize(("model", "asked"), [("both", ["a", "b"]), ("first:steered", ["steered", "steered"])])
@pytest.mark.parametrize("client", PROTOCOLS)
def test_a_stream_goes_on_in_the_same_answer(
    client: str, model: str, asked: list[str], particular: Program, vendors: Upstream, sdks: Drivers, http: httpx.Client
) -> None:
    vendors.will_say(looping(LOOPING), Said("So it is proven."), Said("Fine."))
    answer = sdks[client].talk(
        client=client,
        base=particular.base,
        key=CLIENT_KEY,
        model=model,
        stream=True,
        headers={"X-Session-ID": uuid.uuid4().hex},
        steps=[{"user": "Prove it."}, {"user": "Again."}],
    )
    assert "error" not in answer, answer["error"]
    assert vendors.problems == []
    first, second = answer["replies"]
    if first["text"] != "So it is proven." or model != "both":  # a loop that came in one read, nobody has seen
        assert first["text"].startswith(OPENING + LOOP)
        assert first["text"].endswith("]\n\nSo it is proven.")
        assert first["text"].count("[Parley stopped ") == 1
        assert len(first["text"]) < LONGEST
    assert second["text"] == "Fine."
    assert vendors.received[0].hung_up.wait(5)
    assert [received.json["model"] for received in vendors.received[:2]] == asked
    assert newest(particular, http)["outcome"] == "answered"


def history(client: str, rounds: list[tuple[str, str]], asked: str = "Find it") -> dict[str, Any]:
    """A request after rounds of a command and its result."""
    match client:
        case "openai_chat":
            turns: list[Any] = [{"role": "user", "content": asked}]
            for number, (command, result) in enumerate(rounds):
                function = {"name": "shell", "arguments": json.dumps({"command": command})}
                call = {"id": f"call_{number}", "type": "function", "function": function}
                turns.append({"role": "assistant", "content": None, "tool_calls": [call]})
                turns.append({"role": "tool", "tool_call_id": f"call_{number}", "content": result})
            return {"messages": turns}
        case "openai_responses":
            turns = [{"role": "user", "content": asked}]
            for number, (command, result) in enumerate(rounds):
                call = {"call_id": f"call_{number}", "name": "shell", "arguments": json.dumps({"command": command})}
                turns.append({"type": "function_call", **call})
                turns.append({"type": "function_call_output", "call_id": f"call_{number}", "output": result})
            return {"input": turns, "store": False}
        case "anthropic":
            turns = [{"role": "user", "content": asked}]
            for number, (command, result) in enumerate(rounds):
                use = {"type": "tool_use", "id": f"toolu_{number}", "name": "shell", "input": {"command": command}}
                told = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": result}
                turns += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [told]}]
            return {"messages": turns, "max_tokens": 100}
        case _:
            turns = [{"role": "user", "parts": [{"text": asked}]}]
            for command, result in rounds:
                call = {"functionCall": {"name": "shell", "args": {"command": command}}}
                told = {"functionResponse": {"name": "shell", "response": {"output": result}}}
                turns += [{"role": "model", "parts": [call]}, {"role": "user", "parts": [told]}]
            return {"contents": turns}


ROWS = {
    "the same call": [("ls", "a b")],
    "two calls in turn": [("ls", "a b"), ("cat a", "nothing")],
    "the same failure": [("try {}", "Error: no such file")],
}


def rounds_of(name: str, count: int) -> list[tuple[str, str]]:
    row = ROWS[name]
    return [(row[n % len(row)][0].format(n), row[n % len(row)][1]) for n in range(count * len(row))]


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize(("client", "backend", "streamed"), cells())
def test_rounds_of_tools(
    name: str, client: str, backend: str, streamed: bool, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    """Nothing, then a note to the model, then an end in the client's protocol, and on again when it asks again."""
    wanted = 8 if name == "the same failure" else 5
    model = f"{backend}:some"
    headers = {**KEY, "x-session-id": uuid.uuid4().hex}
    vendors.checks = False

    def send(rounds: list[tuple[str, str]], asked: str = "Find it") -> str:
        sent = history(client, rounds, asked) | ({} if client == "gemini" else {"model": model, "stream": streamed})
        answer = http.post(parley.base + path(client, model, streamed), json=sent, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    for count in range(wanted - 1, wanted + 2):
        assert "pong" in joined(send(rounds_of(name, count)))
    notes = ["Note of the proxy" in received.body.decode() for received in vendors.received]
    assert notes == [False, True, True]
    cut = joined(send(rounds_of(name, wanted + 2)))
    assert "Parley stopped here" in cut
    assert "tool-loop-detection=false" in cut
    assert len(vendors.received) == 3
    assert newest(parley, http)["loops"] == 1
    assert "pong" in joined(send(rounds_of(name, wanted + 2)))
    assert "pong" in joined(send([], "Something else"))


def joined(answer: str) -> str:
    """Without what stands between the deltas of a stream."""
    if not answer.lstrip().startswith(("data:", "event:")):
        return answer
    events = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith("data: {")]
    return "".join(text for event in events for text in _deltas(event))


def _deltas(event: dict[str, Any]) -> Iterator[str]:
    for choice in event.get("choices", ()):
        yield choice["delta"].get("content") or ""
    delta = event.get("delta")
    yield delta if isinstance(delta, str) else (delta or {}).get("text", "")
    for candidate in event.get("candidates", ()):
        for part in candidate.get("content", {}).get("parts", ()):
            yield part.get("text", "")


@pytest.mark.parametrize("client", PROTOCOLS)
def test_what_clients_send_again_is_no_loop(
    client: str, parley: Program, vendors: Upstream, http: httpx.Client
) -> None:
    """After 429, 529 and cut streams thirty times, after a 400 six times, with a row one short of a loop."""
    model = "anthropic:claude-sonnet-4-5" if client != "anthropic" else "openai_chat:gpt-4.1"
    sent = history(client, rounds_of("the same call", 4)) | ({} if client == "gemini" else {"model": model})
    headers = {**KEY, "x-session-id": uuid.uuid4().hex}
    answers = [Failed(429, "Slow down.")] * 10 + [Failed(529, "Overloaded.")] * 10 + [Failed(400, "No.")] * 6
    vendors.will_say(*answers)
    vendors.checks = False
    said = [http.post(parley.base + path(client, model), json=sent, headers=headers) for _ in range(30)]
    assert not [answer.text for answer in said if "Parley stopped here" in answer.text]
    assert not [received for received in vendors.received if "Note of the proxy" in received.body.decode()]
