from __future__ import annotations

from proxy_core.exchange.inbound import Admitted, HeaderMap, Inbound
from proxy_core.protocols.contract import Call
from proxy_core.viewing.contexts import Contexts
from proxy_core.wire.json import dumps

TOOLS = [
    {"name": "mcp__git__log", "description": "Shows commits", "input_schema": {"type": "object"}},
    {"name": "mcp__git__diff", "description": "Shows changes", "input_schema": {"type": "object"}},
    {"name": "Read", "description": "Reads a file", "input_schema": {"type": "object"}},
]


def admitted(*texts: str, body: bytes | None = None) -> Admitted:
    json = {
        "model": "m",
        "max_tokens": 9,
        "tools": TOOLS,
        "messages": [{"role": "user", "content": text} for text in texts],
    }
    inbound = Inbound("base_url", "POST", "/v1/messages", HeaderMap([]), b"")
    return Admitted(inbound, Call("anthropic", "chat"), dumps(json) if body is None else body, json, "m", False)


def test_the_last_request_is_told_by_part_without_its_words() -> None:
    contexts = Contexts()
    contexts.keep("s", admitted("first"))
    contexts.keep("s", admitted("secret words " * 50))
    context = contexts.of("s")
    assert context is not None
    named = {(part["kind"], part["name"]) for part in context["parts"]}
    assert named == {("user", ""), ("mcp server", "git"), ("tool", "Read")}
    assert context["parts"][0]["kind"] == "user"
    assert context["tokens"] == sum(part["tokens"] for part in context["parts"]) > 100
    assert b"secret" not in dumps(context)
    assert contexts.of("s") == context


def test_what_is_not_known_or_cannot_be_read_is_none() -> None:
    contexts = Contexts()
    contexts.keep("odd", admitted(body=b'{"messages": 3}'))
    assert contexts.of("odd") is None
    assert contexts.of("other") is None


def test_only_the_sessions_used_last_are_kept() -> None:
    contexts = Contexts(max_sessions=2)
    for scope in ("a", "b", "a", "c"):
        contexts.keep(scope, admitted("hello"))
    assert [scope for scope in "abc" if contexts.of(scope)] == ["a", "c"]
    contexts.forget("a")
    assert contexts.of("a") is None


def test_bytes_are_bounded() -> None:
    size = len(admitted("x" * 1000).body)
    contexts = Contexts(max_bytes=2 * size)
    for scope in "abc":
        contexts.keep(scope, admitted("x" * 1000))
    assert [scope for scope in "abc" if contexts.of(scope)] == ["b", "c"]
    contexts.keep("b", admitted("x" * 5000))
    assert contexts.of("b") is None
    assert contexts.of("c") is not None
