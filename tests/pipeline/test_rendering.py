from __future__ import annotations

from proxy_core.pipeline.rendering import fitted_name, render
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import ToolCall
from proxy_core.turn.events import BlockStarted

LONG = "mcp__" + "x" * 70


def test_long_names_with_a_common_beginning_stay_apart() -> None:
    assert fitted_name(LONG + "a", 64) != fitted_name(LONG + "b", 64)
    assert len(fitted_name(LONG, 64)) == 64


def test_names_that_fit_stay_as_they_are() -> None:
    assert fitted_name("read_file-2", 64) == "read_file-2"


def test_a_name_with_a_dot_is_renamed_on_the_way_up_and_named_back_on_the_way_down() -> None:
    body = {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "tools": [{"functionDeclarations": [{"name": "files.read", "description": "d"}]}],
    }
    request = CODECS["gemini"].read_request(body, Call("gemini", "chat", model="m"))
    backend = Backend("a", "anthropic", "http://a.invalid/v1", ("k",), "anthropic")
    rendered = render(request, Upstream(backend, "claude-sonnet-4-5", "k"), CODECS["anthropic"])
    name = rendered.call.body["tools"][0]["name"]
    assert name == fitted_name("files.read", 128)
    (event,) = rendered.stages[0].feed(BlockStarted(0, ToolCall("id", name, "")))
    assert isinstance(event, BlockStarted)
    assert isinstance(event.part, ToolCall)
    assert event.part.name == "files.read"
