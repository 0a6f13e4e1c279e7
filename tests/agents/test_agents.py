from __future__ import annotations

import json

import pytest

from proxy_core.agents.detection import detect, named
from proxy_core.agents.replies import REPLY_ID, own_reply, shape_reply
from proxy_core.agents.rows import AGENTS, UNKNOWN
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import View
from proxy_core.turn.content import Text, ToolCall
from proxy_core.turn.request import ChatRequest
from tests.commands.material import PROTOCOLS, dialogue
from tests.recordings import ROOT


def chat(system: str, *tools: str) -> dict:
    declared = [{"type": "function", "function": {"name": name}} for name in tools]
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "hi"}]
    return {"messages": messages, **({"tools": declared} if tools else {})}


@pytest.mark.parametrize(
    ("headers", "system", "name"),
    [
        ({"user-agent": "claude-cli/2.1.329 (external, sdk-cli)"}, "", "claude_code"),
        ({"user-agent": "codex_exec/0.169.0 (Debian 12.0.0; x86_64)"}, "", "codex"),
        ({"user-agent": "x", "originator": "codex_cli_rs"}, "", "codex"),
        ({"user-agent": "GeminiCLI-tui/0.61.0/gemini-2.5-pro (linux; x64)"}, "", "gemini_cli"),
        ({"user-agent": "opencode/1.18.33 ai-sdk/provider-utils/4.0.46"}, "", "opencode"),
        ({"user-agent": "RooCode/3.28.0"}, "", "roo_code"),
        ({"user-agent": "Kilo-Code/4.100.0"}, "", "kilo_code"),
        ({"x-title": "Cline", "http-referer": "https://cline.bot"}, "", "cline"),
        ({"user-agent": "Cursor/1.0"}, "", "cursor"),
        ({"x-title": "Aider", "http-referer": "https://aider.chat"}, "", "aider"),
        ({}, "You are Cline, an AI coding agent.", "cline"),
        ({}, "You are Roo, a highly skilled software engineer", "roo_code"),
        ({}, "You are Kilo Code, a highly skilled software engineer", "kilo_code"),
        ({}, "Act as an expert software developer.\nAlways use best practices", "aider"),
        ({}, "Reply with a V4A diff.", "aider"),
        ({}, "You are a coding agent running in the Codex CLI. *** Begin Patch", "codex"),
        ({}, "You are opencode, an interactive CLI tool", "opencode"),
        ({}, "You are an AI coding assistant. You operate in Cursor.", "cursor"),
        ({}, "You are a helpful assistant. Tell me how tool use works.", ""),
        ({"user-agent": "OpenAI/Python 3.52.0"}, "", ""),
    ],
)
def test_detection(headers, system, name):
    assert detect(headers, chat(system), "openai_chat").name == name


def test_a_persons_question_about_tools_is_no_agent():
    assert detect({}, dialogue("openai_chat", "how does tool use work, in xml-style?"), "openai_chat") is UNKNOWN


def test_an_agent_by_its_tool():
    assert detect({}, chat("Be good.", "attempt_completion"), "openai_chat").name == "cline"


RECORDED = [
    ("claude-code/04", "anthropic", "claude_code"),
    ("codex/01", "openai_responses", "codex"),
    ("gemini-cli/03", "gemini", "gemini_cli"),
    ("cline-openai/01", "openai_chat", "cline"),
    ("cline-openai-native/01", "openai_responses", "cline"),
    ("aider-openai/01", "openai_chat", "aider"),
    ("aider-anthropic/01", "anthropic", "aider"),
    ("aider-gemini/01", "gemini", "aider"),
    *((f"opencode-{kind}/02", protocol, "opencode") for kind, protocol in (
        ("chat", "openai_chat"), ("openai", "openai_responses"), ("anthropic", "anthropic"), ("google", "gemini"))),
    ("pi-openai-completions/01", "openai_chat", ""),
    ("llm-openai/01", "openai_chat", ""),
    ("copilot-completions/01", "openai_chat", ""),
    ("qwen-code/01", "openai_chat", ""),
]  # fmt: skip


@pytest.mark.parametrize(("recording", "protocol", "name"), RECORDED, ids=[row[0] for row in RECORDED])
@pytest.mark.parametrize("by_shape", [False, True])
def test_recorded_agents(recording, protocol, name, by_shape):
    path = ROOT / "client_requests" / f"{recording}.json"
    if not path.exists():
        pytest.skip("no recordings at hand")
    case = json.loads(path.read_text())
    if by_shape and name in ("claude_code", "gemini_cli"):
        pytest.skip("known by its user agent")
    pairs = case["headers"].items() if isinstance(case["headers"], dict) else case["headers"]
    headers = {} if by_shape else {key.lower(): value for key, value in pairs}
    assert detect(headers, case["json"], protocol).name == name


@pytest.mark.parametrize("name", ["cline", "roo_code", "kilo_code"])
def test_completion_as_a_tool_call_where_it_is_declared(name):
    (call,) = shape_reply(
        named(name), chat("You are it", "read_file", "attempt_completion"), "openai_chat", "two\nlines"
    )
    assert isinstance(call, ToolCall)
    assert call.name == "attempt_completion"
    assert json.loads(call.arguments) == {"result": "two\nlines"}


def test_completion_in_any_protocols_tools():
    for tools in (
        [{"name": "attempt_completion", "input_schema": {}}],
        [{"type": "function", "name": "attempt_completion"}],
        [{"functionDeclarations": [{"name": "attempt_completion"}]}],
    ):
        assert isinstance(shape_reply(named("cline"), {"tools": tools}, "gemini", "x")[0], ToolCall)


def test_completion_in_xml_where_the_prompt_teaches_it():
    prompt = "You are Cline.\n<attempt_completion>\n<result>\nYour result\n</result>\n</attempt_completion>"
    expected = "<attempt_completion>\n<result>\nhi\n</result>\n</attempt_completion>"
    assert shape_reply(named("cline"), chat(prompt), "openai_chat", "hi") == [Text(expected)]


def test_plain_text_for_a_cline_that_knows_neither():
    assert shape_reply(named("cline"), chat("You are Cline, an AI coding agent."), "openai_chat", "hi") == [Text("hi")]


def test_aider_gets_a_patch_but_not_in_ask_mode():
    editing = chat("Act as an expert software developer.")
    patch = "*** Begin Patch\n*** Add File: PROXY_OUTPUT.txt\n+a\n+b\n*** End Patch"
    assert shape_reply(named("aider"), editing, "openai_chat", "a\nb") == [Text(patch)]
    asking = chat("Act as an expert code analyst. Answer questions.")
    assert shape_reply(named("aider"), asking, "openai_chat", "a") == [Text("a")]


@pytest.mark.parametrize("agent", [agent for agent in AGENTS if agent.reply == "plain"], ids=lambda agent: agent.name)
def test_plain_elsewhere(agent):
    assert shape_reply(agent, chat("x", "bash"), "openai_chat", "hi") == [Text("hi")]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("parts", [[Text("done")], [ToolCall("call_1", "attempt_completion", '{"result":"done"}')]])
def test_own_replies_can_be_written_in_every_protocol(protocol, parts):
    view = View("demo:echo", ChatRequest(protocol, "demo:echo", []), created=1)
    written = json.dumps(CODECS[protocol].write_reply(own_reply(parts, "demo:echo", protocol, {}), view))
    assert "done" in written
    assert REPLY_ID in written
    read = CODECS[protocol].read_reply(json.loads(written))
    assert read.choices[0].finish == ("stop" if isinstance(parts[0], Text) else "tool_calls")
    assert read.usage is None or read.usage.prompt == 0
