"""How turns of other protocols become messages."""

from __future__ import annotations

import re

import pytest

from proxy_core.turn.content import Media, Opaque, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import Turn
from tests.protocols.anthropic.writing_requests import (
    ALWAYS,
    BUDGET,
    WEATHER,
    call,
    chat,
    paths,
    result,
    shape,
    turn,
    write,
    write_call,
)


def test_t27_results_of_parallel_calls_share_one_message() -> None:
    body, _ = write(chat(turn("user", "Hi"), turn("assistant", call("a"), call("b")), result("b"), result("a")))
    assert shape(body)[1:3] == [("assistant", ["tool_use", "tool_use"]), ("user", ["tool_result", "tool_result"])]
    assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == ["a", "b"]


def test_t28_a_missing_result_is_made_up_as_an_error() -> None:
    body, _ = write(chat(turn("user", "Hi"), turn("assistant", call("a"), call("b")), result("a"), turn("user", "Go")))
    made_up = body["messages"][2]["content"][1]
    assert made_up["tool_use_id"] == "b"
    assert made_up["is_error"] is True
    assert body["messages"][2]["content"][2]["text"] == "Go"


def test_a_call_at_the_very_end_is_answered_too() -> None:
    body, _ = write(chat(turn("user", "Hi"), turn("assistant", call())), ALWAYS)
    assert shape(body)[-1] == ("user", ["tool_result"])


def test_a_result_that_comes_late_stands_right_after_its_call() -> None:
    body, _ = write(
        chat(turn("user", "Hi"), turn("assistant", call()), turn("user", "Wait"), result(), turn("user", "So?"))
    )
    assert shape(body)[2] == ("user", ["tool_result", "text", "text"])


def test_a_result_without_a_call_becomes_text() -> None:
    body, losses = write(chat(turn("user", "Hi"), result("gone", "it rains")))
    assert "it rains" in str(body["messages"])
    assert paths(losses) == ["messages[1]"]


def test_t43_t44_foreign_ids_are_hashed_the_same_on_call_and_result() -> None:
    beginning = "functions.weather:" + "x" * 80
    turns = [turn("user", "Hi"), turn("assistant", call(beginning + "1"), call(beginning + "2"))]
    body, _ = write(chat(*turns, result(beginning + "2", "two"), result(beginning + "1", "one")))
    calls = [block["id"] for block in body["messages"][1]["content"]]
    answers = {block["tool_use_id"]: block["content"][0]["text"] for block in body["messages"][2]["content"]}
    assert len(set(calls)) == 2
    assert [answers[call_id] for call_id in calls] == ["one", "two"]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", call_id) for call_id in calls)


def test_the_same_id_in_two_rounds_stays_two_calls() -> None:
    rounds = [turn("assistant", call("call_0")), result("call_0", "one")]
    again = [turn("assistant", call("call_0")), result("call_0", "two")]
    body, _ = write(chat(turn("user", "Hi"), *rounds, *again))
    texts = [message["content"][0]["content"][0]["text"] for message in body["messages"][2::2]]
    assert texts == ["one", "two"]


def test_calls_without_ids_are_matched_by_name_then_order() -> None:
    calls = turn("assistant", ToolCall("", "weather", "{}"), ToolCall("", "time", "{}"), ToolCall("", "weather", "{}"))
    answers = [ToolResult("", [Text(text)], name=name) for name, text in (("time", "t"), ("weather", "1"))]
    last = ToolResult("", [Text("2")], name="weather")
    body, _ = write(chat(turn("user", "Hi"), calls, Turn("user", [*answers, last]), origin="gemini"))
    assert [block["content"][0]["text"] for block in body["messages"][2]["content"]] == ["1", "t", "2"]


def test_consecutive_turns_of_one_role_are_merged_and_blank_text_is_left_out() -> None:
    body, _ = write(chat(turn("user", "a", " "), turn("user", "b"), turn("assistant", "", "c"), turn("user", "d")))
    assert shape(body) == [("user", ["text", "text"]), ("assistant", ["text"]), ("user", ["text"])]


def test_a_conversation_that_the_assistant_begins_gets_a_user_message_before() -> None:
    body, _ = write(chat(turn("assistant", "Welcome"), turn("user", "Hi")))
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]


def test_system_turns_at_the_beginning_join_the_system_text() -> None:
    request = chat(turn("system", "One."), turn("developer", "Two."), turn("user", "Hi"), system=[Text("Zero.")])
    body, losses = write(request)
    assert [block["text"] for block in body["system"]] == ["Zero.", "One.", "Two."]
    assert losses.items == []


def test_system_text_alone_becomes_what_the_user_says() -> None:
    body, _ = write(chat(turn("system", "Say hello.")))
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}]


def test_a_system_turn_in_the_middle_stays_there_where_the_model_takes_it() -> None:
    request = chat(turn("user", "Hi"), turn("system", "Be brief."), turn("assistant", "Yes?"), turn("user", "Go"))
    losses = Losses()
    written = write_call(request, ALWAYS, losses)
    assert shape(written.body)[1] == ("system", ["text"])
    assert written.headers == {"anthropic-beta": "mid-conversation-system-2026-04-07"}
    write(request, ALWAYS)
    assert losses.items == []


def test_a_system_turn_after_the_assistant_waits_for_the_end_of_the_user_message() -> None:
    turns = [turn("user", "Hi"), turn("assistant", call()), turn("system", "Be brief."), result(), turn("user", "Go")]
    body, _ = write(chat(*turns), ALWAYS)
    assert shape(body)[2:] == [("user", ["tool_result", "text"]), ("system", ["text"])]


def test_a_system_turn_in_the_middle_is_put_into_a_user_message_elsewhere() -> None:
    request = chat(turn("user", "Hi"), turn("assistant", "Yes?"), turn("developer", "Be brief."), turn("user", "Go"))
    body, losses = write(request)
    assert [block["text"] for block in body["messages"][2]["content"]] == ["<system>\nBe brief.\n</system>", "Go"]
    assert paths(losses) == ["messages[2]"]


@pytest.mark.parametrize("model", [ALWAYS, "claude-opus-4-6", "claude-sonnet-5"])
def test_t49_a_trailing_assistant_turn_is_followed_by_a_user_message(model: str) -> None:
    body, losses = write(chat(turn("user", "Hi"), turn("assistant", "So far: ")), model)
    assert shape(body)[-1] == ("user", ["text"])
    assert "messages" in paths(losses)


def test_a_prefill_stays_where_the_model_takes_it_without_trailing_space() -> None:
    body, _ = write(chat(turn("user", "Hi"), turn("assistant", "So far: ")), BUDGET)
    assert body["messages"][-1] == {"role": "assistant", "content": [{"type": "text", "text": "So far:"}]}


def test_t36_t37_signed_thoughts_come_back_in_order_even_without_text() -> None:
    thoughts = [
        Thinking("one", Seal("anthropic", "s1")),
        Thinking("", Seal("anthropic", "s2")),
        Thinking("", Seal("anthropic", "s3"), redacted=True),
    ]
    request = chat(turn("user", "Hi"), turn("assistant", *thoughts, call()), result(), tools=[WEATHER])
    body, _ = write(request, seals=frozenset({"s1", "s2", "s3"}))
    assert body["messages"][1]["content"][:3] == [
        {"type": "thinking", "thinking": "one", "signature": "s1"},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "redacted_thinking", "data": "s3"},
    ]


def test_t38_thoughts_of_others_are_left_out_and_reported_once() -> None:
    foreign = Thinking("hm", Seal("openai_responses", "gAAAA"))
    sealed = ToolCall("a", "weather", "{}", seal=Seal("gemini", "sig"))
    turns = [turn("user", "Hi"), turn("assistant", foreign, Thinking("plain"), sealed), result("a")]
    body, losses = write(chat(*turns, origin="openai_responses"))
    assert shape(body)[1] == ("assistant", ["tool_use"])
    assert paths(losses) == ["thinking"]


def test_t55_images_in_tool_results_stay_images() -> None:
    png = "iVBORw0KGgoAAAANSUhEUgAAAAE="
    answer = ToolResult("call_1", [Text("see"), Media("image", "image/jpeg", data=png)])
    body, _ = write(chat(turn("user", "Hi"), turn("assistant", call()), Turn("tool", [answer])))
    source = body["messages"][2]["content"][0]["content"][1]["source"]
    assert source == {"type": "base64", "media_type": "image/png", "data": png}


def test_documents_are_carried_and_text_files_as_text() -> None:
    pdf = Media("document", "application/pdf", data="JVBERi0xLjQK", name="a.pdf")
    table = Media("document", "text/csv", data="YSxiCg==", name="t.csv")
    linked = Media("image", url="https://example.com/a.png")
    body, losses = write(chat(turn("user", pdf, table, linked)))
    blocks = body["messages"][0]["content"]
    assert [block["source"]["type"] for block in blocks] == ["base64", "text", "url"]
    assert blocks[1]["source"]["data"] == "a,b\n"
    assert blocks[0]["title"] == "a.pdf"
    assert losses.items == []


@pytest.mark.parametrize(
    "media",
    [
        Media("audio", "audio/wav", data="UklGRg=="),
        Media("image", "image/heic", data="AAAA"),
        Media("image", url="gs://bucket/a.png"),
        Media("image", "image/png", data="…"),
        Media("document", file_id="file-1"),
    ],
)
def test_media_that_cannot_be_taken_is_reported_and_the_model_told(media: Media) -> None:
    body, losses = write(chat(turn("user", "Look", media)))
    assert media.kind in body["messages"][0]["content"][1]["text"]
    assert paths(losses) == ["messages[0].content[1]"]


def test_parts_that_only_another_provider_knows_are_reported() -> None:
    body, losses = write(chat(turn("user", "Hi", Opaque("openai_responses", "shell_call", {})), origin="gemini"))
    assert shape(body) == [("user", ["text"])]
    assert paths(losses) == ["contents[0].content[1]"]


@pytest.mark.parametrize(
    ("arguments", "custom", "written"),
    [
        ('{"a":1}', False, {"a": 1}),
        ("", False, {}),
        ('{"a":', False, {"input": '{"a":'}),
        ("[1]", False, {"input": [1]}),
        ("free text", True, {"input": "free text"}),
    ],
)
def test_arguments_are_always_an_object(arguments: str, custom: bool, written: dict) -> None:
    made = ToolCall("a", "weather", arguments, custom=custom)
    body, _ = write(chat(turn("user", "Hi"), turn("assistant", made), result("a")))
    assert body["messages"][1]["content"][0]["input"] == written


def test_a_history_with_calls_but_no_tools_gets_stand_ins_that_cannot_be_called() -> None:
    body, _ = write(chat(turn("user", "Hi"), turn("assistant", call()), result()))
    assert [tool["name"] for tool in body["tools"]] == ["weather"]
    assert body["tool_choice"] == {"type": "none"}
