"""Secrets in places of a request where hardly anyone would write one: names of fields, titles, addresses, metadata."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.protocols.slots import other_slots
from proxy_core.redaction import ONE_WAY, OWN_KEY, Finder, Vault, conceal, leaks
from proxy_core.turn.content import ProtocolName
from proxy_core.wire.json import dumps
from tests.redaction.samples import GITHUB, OWN

FINDER = Finder(own=[OWN])
SIGNED = "https://files.acme.dev/a.png?X-Amz-Signature=" + "3f9a0b7c" * 8


def _said(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def _page(kind: str, secret: str) -> dict[str, Any]:
    found = {"type": kind, "url": f"https://a/{secret}", "title": secret}
    return {"type": "web_search_tool_result", "tool_use_id": "1", "content": [found]}


def _parts(*parts: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def places(secret: str) -> list[tuple[ProtocolName, str, dict[str, Any]]]:
    image = {"type": "image_url", "image_url": {"url": f"https://a/b.png?token={secret}"}}
    return [
        ("openai_chat", "address of an image", _said(image)),
        ("openai_chat", "file name", _said({"type": "file", "file": {"filename": f"{secret}.txt", "file_id": "1"}})),
        ("openai_chat", "metadata", {"messages": [], "metadata": {"deep": {"list": [secret]}}}),
        ("openai_chat", "name of a field", {"messages": [], "metadata": {"a": 1, secret: "v", "b": 2}}),
        ("openai_chat", "user", {"messages": [], "user": secret}),
        ("openai_chat", "stop", {"messages": [], "stop": ["a", secret]}),
        ("openai_chat", "field of tomorrow", {"messages": [], "tomorrow": [{"x": secret}]}),
        ("openai_chat", "input of embeddings", {"input": ["one", f"two {secret}"]}),
        ("openai_chat", "prompt of a picture", {"prompt": f"a cat with {secret}"}),
        ("anthropic", "title", _said({"type": "document", "title": secret, "context": secret})),
        ("anthropic", "address of a document", _said({"type": "document", "source": {"url": f"https://a/{secret}"}})),
        ("anthropic", "found page", _said(_page("web_search_result", secret))),
        ("anthropic", "citation", _said({"type": "text", "text": "x", "citations": [{"cited_text": secret}]})),
        ("anthropic", "block of tomorrow", _said({"type": "novel", "stuff": {"x": [secret]}})),
        ("anthropic", "name of an argument", _said({"type": "tool_use", "id": "1", "name": "f", "input": {secret: 1}})),
        ("anthropic", "user id", {"messages": [], "metadata": {"user_id": secret}}),
        ("gemini", "label", {"contents": [], "labels": {"a": secret}}),
        ("gemini", "address of a file", _parts({"fileData": {"fileUri": f"https://a/{secret}"}})),
        ("gemini", "name in a result", _parts({"functionResponse": {"name": "f", "response": {secret: [secret]}}})),
        ("openai_responses", "variable", {"input": "a", "prompt": {"id": "p", "variables": {"v": secret}}}),
        ("openai_responses", "file name", {"input": [{"content": [{"type": "input_file", "filename": secret}]}]}),
        ("openai_responses", "working directory", {"input": [{"type": "shell_call", "working_directory": secret}]}),
    ]


@pytest.mark.parametrize("index", range(len(places(""))), ids=[f"{p}-{name}" for p, name, _ in places("")])
@pytest.mark.parametrize("secret", [GITHUB, OWN], ids=["rule", "own"])
def test_it_is_hidden_and_the_rest_stays(index: int, secret: str) -> None:
    protocol, _, body = places(secret)[index]
    vault = Vault()
    concealed = conceal(body, protocol, vault, FINDER)
    assert leaks(dumps(body), vault, FINDER) == []
    rule = OWN_KEY if secret == OWN else "github-token"
    assert concealed.counts.keys() == {rule}
    placeholder = ONE_WAY if secret == OWN else vault.stand_in(secret.encode(), rule)
    assert dumps(body) == dumps(places(placeholder.decode())[index][2])


def test_the_signature_of_an_address_stays_for_whom_it_is_made() -> None:
    body = _said({"type": "image_url", "image_url": {"url": SIGNED}})
    assert not conceal(body, "openai_chat", Vault(), FINDER).changed


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [], "mcp_servers": [{"authorization_token": GITHUB}]},
        {"messages": [{"role": "tool", "tool_call_id": GITHUB}]},
        {"contents": [{"parts": [{"functionCall": {"args": {GITHUB: 1}}, "thoughtSignature": "s"}]}]},
        {"messages": [{"content": [{"type": "redacted_thinking", "data": GITHUB}]}]},
    ],
)
def test_what_must_not_be_changed_is_no_slot(body: dict[str, Any]) -> None:
    assert [slot.text for slot in other_slots(body, ()) if GITHUB in slot.text] == []
