from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from proxy_core.serving.demo import DemoServer

NOW = 1_700_000_000
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 3}},
            "required": ["city", "days"],
        },
    },
}


class Demo:
    """A started demo, a client with its key, and the pauses it made, which take no time here."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.server = DemoServer(clock=lambda: NOW, sleep=self._pause)
        self.client = httpx.AsyncClient()

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    async def __aenter__(self) -> Demo:
        base = await self.server.start()
        assert base.endswith("/v1")
        key = {"authorization": f"Bearer {self.server.key}"}
        self.client = httpx.AsyncClient(base_url=base, headers=key, trust_env=False)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.client.aclose()
        await self.server.stop()

    async def ask(self, model: str, content: Any, **fields: Any) -> httpx.Response:
        messages = content if isinstance(content, list) and "role" in content[0] else [user(content)]
        return await self.client.post("/chat/completions", json={"model": model, "messages": messages, **fields})

    async def text(self, model: str, content: Any, **fields: Any) -> str:
        return (await self.ask(model, content, **fields)).json()["choices"][0]["message"]["content"]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def run(test: Callable[[Demo], Awaitable[None]]) -> None:
    async def running() -> None:
        async with Demo() as demo:
            await test(demo)

    asyncio.run(running())


def chunks(answer: httpx.Response) -> list[dict[str, Any]]:
    events = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert events.pop() == "[DONE]"
    return [json.loads(event) for event in events]


def test_it_lists_its_models_and_serves_one_client_on_one_connection() -> None:
    async def test(demo: Demo) -> None:
        listed = (await demo.client.get("/models")).json()
        assert [model["id"] for model in listed["data"]] == ["echo", "loop", "busy", "slow", "tools"]
        assert await demo.text("echo", "once") == "once"
        assert demo.server.open_connections == 1

    run(test)


def test_without_its_key_it_answers_401() -> None:
    async def test(demo: Demo) -> None:
        for value in ("Bearer other", "", "Bearer é"):
            answer = await demo.client.get("/models", headers=[(b"authorization", value.encode())])
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"

    run(test)


def test_echo_repeats_the_newest_user_text_whole() -> None:
    async def test(demo: Demo) -> None:
        messages = [user("old"), {"role": "assistant", "content": None}, user("new  text\n\twith é and 🙂\n")]
        body = (await demo.ask("demo:echo", messages)).json()
        assert body["choices"][0]["message"]["content"] == "new  text\n\twith é and 🙂\n"
        assert body["choices"][0]["finish_reason"] == "stop"
        assert body["model"] == "demo:echo"
        assert body["created"] == NOW

    run(test)


def test_echo_streams_in_small_deltas_that_add_up() -> None:
    async def test(demo: Demo) -> None:
        text = "a longer text,  with two blanks, a line\nend and averyveryverylongword."
        answer = await demo.ask("echo", text, stream=True)
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts = chunks(answer)
        deltas = [part["choices"][0]["delta"].get("content") for part in parts]
        assert "".join(filter(None, deltas)) == text
        assert max(len(delta or "") for delta in deltas) < 10
        assert {part["model"] for part in parts} == {"demo:echo"}
        assert parts[-1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
        assert not any("usage" in part for part in parts)

    run(test)


def test_usage_comes_last_in_a_stream_when_asked_for_and_is_that_of_the_whole_answer() -> None:
    async def test(demo: Demo) -> None:
        whole = (await demo.ask("echo", "count these words")).json()["usage"]
        answer = await demo.ask("echo", "count these words", stream=True, stream_options={"include_usage": True})
        parts = chunks(answer)
        assert parts[-1]["choices"] == []
        assert parts[-1]["usage"] == whole
        assert all(part["usage"] is None for part in parts[:-1])
        assert whole["total_tokens"] == whole["prompt_tokens"] + whole["completion_tokens"] > 3

    run(test)


def test_the_same_request_gets_the_same_answer() -> None:
    async def test(demo: Demo) -> None:
        first, second = [await demo.ask("tools", "call", tools=[TOOL], stream=True) for _ in range(2)]
        other = await demo.ask("tools", "call it", tools=[TOOL], stream=True)
        assert first.content == second.content != other.content

    run(test)


def test_parts_of_a_message_are_read_and_images_measured() -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 480)).decode()
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:,"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
    ]

    async def test(demo: Demo) -> None:
        assert await demo.text("echo", content) == (
            "What is this?\n[image/png 640×480]\n[image https://example.com/a.png]\n[file a.pdf]\n[input_audio]"
        )

    run(test)


def test_max_tokens_and_stop_cut_the_answer() -> None:
    async def test(demo: Demo) -> None:
        choice = (await demo.ask("echo", "one two three", max_tokens=2)).json()["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("one two", "length")
        assert await demo.text("echo", "one two three", stop=["three", " tw"]) == "one"
        assert await demo.text("echo", "one two", stop="zero") == "one two"

    run(test)


def test_loop_begins_normally_then_repeats_one_sentence_to_a_bound() -> None:
    async def test(demo: Demo) -> None:
        opening, repeated = (await demo.text("loop", "go")).split("\n\n")
        assert opening.startswith("You wrote 2 characters")
        sentence = repeated[: repeated.index(". ") + 2]
        assert repeated == sentence * (len(repeated) // len(sentence))
        assert len(repeated) // len(sentence) == 500

    run(test)


def test_busy_refuses_each_conversation_twice_and_then_answers() -> None:
    async def test(demo: Demo) -> None:
        answers = [await demo.ask("busy", "hello", stream=True) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [429, 429, 200]
        assert answers[0].headers["retry-after"] == "1"
        assert answers[0].json()["error"]["code"] == "rate_limit_exceeded"
        assert "hello" in await_text(answers[2])
        assert (await demo.ask("busy", "other")).status_code == 429
        assert (await demo.ask("busy", "hello")).status_code == 429

    run(test)


def await_text(answer: httpx.Response) -> str:
    return "".join(part["choices"][0]["delta"].get("content") or "" for part in chunks(answer))


def test_slow_pauses_between_deltas_and_echo_does_not() -> None:
    async def test(demo: Demo) -> None:
        await demo.ask("echo", "one two three", stream=True)
        assert set(demo.pauses) == {0.0}
        demo.pauses.clear()
        parts = chunks(await demo.ask("slow", "one two three", stream=True))
        assert len([pause for pause in demo.pauses if pause > 0]) >= len(parts)

    run(test)


def test_tools_calls_the_first_tool_with_arguments_that_fit() -> None:
    other = {"type": "function", "function": {"name": "other"}}

    async def test(demo: Demo) -> None:
        choice = (await demo.ask("tools", "go", tools=[TOOL, other])).json()["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["content"] is None
        (call,) = choice["message"]["tool_calls"]
        assert call["function"] == {"name": "weather", "arguments": '{"city":"demo","days":3}'}
        parts = chunks(await demo.ask("tools", "go", tools=[TOOL, other], stream=True))
        deltas = [entry for part in parts for entry in part["choices"][0]["delta"].get("tool_calls", [])]
        assert deltas[0]["id"] == call["id"]
        assert "".join(delta["function"]["arguments"] for delta in deltas) == call["function"]["arguments"]
        assert parts[-1]["choices"][0]["finish_reason"] == "tool_calls"

    run(test)


def test_tools_obeys_tool_choice() -> None:
    other = {"type": "function", "function": {"name": "other"}}

    async def test(demo: Demo) -> None:
        named = {"type": "function", "function": {"name": "other"}}
        message = (await demo.ask("tools", "go", tools=[TOOL, other], tool_choice=named)).json()["choices"][0][
            "message"
        ]
        assert message["tool_calls"][0]["function"] == {"name": "other", "arguments": "{}"}
        assert "No tool" in await demo.text("tools", "go", tools=[TOOL], tool_choice="none")
        missing = {"type": "function", "function": {"name": "absent"}}
        answer = await demo.ask("tools", "go", tools=[TOOL], tool_choice=missing)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tool_choice")

    run(test)


def test_tools_calls_custom_tools_with_free_text() -> None:
    custom = {"type": "custom", "custom": {"name": "exec"}}

    async def test(demo: Demo) -> None:
        (call,) = (await demo.ask("tools", "go", tools=[custom])).json()["choices"][0]["message"]["tool_calls"]
        assert (call["type"], call["custom"]) == ("custom", {"name": "exec", "input": "demo"})

    run(test)


def test_tools_says_what_the_results_were() -> None:
    calls = [{"id": name, "type": "function", "function": {"name": f"f{name}", "arguments": "{}"}} for name in "ab"]
    messages = [
        user("go"),
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": "sunny"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "cold"}]},
    ]

    async def test(demo: Demo) -> None:
        text = await demo.text("tools", messages, tools=[TOOL])
        assert text == "The tool fa answered: sunny\nThe tool fb answered: cold"
        again = await demo.ask("tools", [*messages, user("again")], tools=[TOOL])
        assert again.json()["choices"][0]["finish_reason"] == "tool_calls"

    run(test)


def test_an_unknown_model_is_a_404_that_names_the_models() -> None:
    async def test(demo: Demo) -> None:
        answer = await demo.ask("gpt", "hello")
        assert answer.status_code == 404
        assert "echo, loop, busy, slow, tools" in answer.json()["error"]["message"]
        assert (await demo.client.get("/nothing")).status_code == 404

    run(test)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": []}, "model"),
        ({"model": "echo"}, "messages"),
        ({"model": "echo", "messages": []}, "messages"),
        ({"model": "echo", "messages": [{"content": "x"}]}, "messages[0].role"),
        ({"model": "echo", "messages": [user("x")], "n": 2}, "n"),
        ({"model": "echo", "messages": [user("x")], "max_tokens": 0}, "max_tokens"),
        ({"model": "echo", "messages": [user(5)]}, "messages[0].content"),
    ],
)
def test_a_wrong_request_is_a_400_that_names_the_field(body: dict[str, Any], field: str) -> None:
    async def test(demo: Demo) -> None:
        answer = await demo.client.post("/chat/completions", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)

    run(test)


def test_a_client_that_hangs_up_ends_its_answer() -> None:
    released = asyncio.Event()
    cancelled = asyncio.Event()

    async def hang(seconds: float) -> None:
        released.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def test() -> None:
        server = DemoServer(sleep=hang)
        base = await server.start()
        headers = {"authorization": f"Bearer {server.key}"}
        body = {"model": "slow", "messages": [user("a b c")], "stream": True}
        client = httpx.AsyncClient(base_url=base, headers=headers, trust_env=False)
        async with client, client.stream("POST", "/chat/completions", json=body):
            await released.wait()
            assert not cancelled.is_set()
        await cancelled.wait()
        await server.stop()

    asyncio.run(asyncio.wait_for(test(), 10))


def test_stop_ends_answers_under_way_and_may_be_called_twice() -> None:
    async def forever(seconds: float) -> None:
        await asyncio.Event().wait()

    async def test() -> None:
        server = DemoServer(sleep=forever)
        base = await server.start()
        headers = {"authorization": f"Bearer {server.key}"}
        async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False) as client:
            body = {"model": "slow", "messages": [user("x")], "stream": True}
            async with client.stream("POST", "/chat/completions", json=body) as answer:
                await server.stop()
                with pytest.raises(httpx.RemoteProtocolError):
                    await answer.aread()
        await server.stop()
        assert server.open_connections == 0

    asyncio.run(asyncio.wait_for(test(), 10))


def test_what_is_no_http_closes_the_connection() -> None:
    async def test(demo: Demo) -> None:
        port = demo.client.base_url.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01 no http at all\r\n\r\n")
        assert await reader.read() == b""
        writer.close()

    run(test)


def test_a_request_sent_ahead_and_a_100_continue_are_answered_in_order() -> None:
    async def test(demo: Demo) -> None:
        body = json.dumps({"model": "echo", "messages": [user("ahead")]}).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {demo.server.key}\r\n"
            f"content-length: {len(body)}\r\n"
        ).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", demo.client.base_url.port)
        writer.write(head + b"expect: 100-continue\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(body + head + b"connection: close\r\n\r\n" + body)
        answers = await reader.read()
        assert answers.count(b"HTTP/1.1 200") == answers.count(b'"content":"ahead"') == 2
        writer.close()

    run(test)
