"""Bodies of all four protocols: nothing known leaves, nothing else is changed, and the client gets it all back."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from proxy_core.redaction import (
    ONE_WAY,
    OWN_KEY,
    Concealed,
    CustomRule,
    Finder,
    Mode,
    Vault,
    conceal,
    configured_finder,
    leaks,
    reveal_text,
)
from proxy_core.turn.content import ProtocolName
from tests.config.loading import Folder
from tests.redaction.samples import GITHUB, KEY_BLOCK, OWN, PASSWORD, STRIPE

FINDER = Finder(own=[OWN])
TEXT = f"deploy with {GITHUB} and {OWN}"
ARGUMENTS = {"command": f"export A='{GITHUB}'\necho \"{PASSWORD}\"", "n": 1.0}
ONE_WAY_TEXT = ONE_WAY.decode()

BODIES: dict[ProtocolName, dict[str, Any]] = {
    "openai_chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": TEXT},
            {"role": "user", "content": [{"type": "text", "text": TEXT}]},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": json.dumps(ARGUMENTS)}}
                ],
            },
            {"role": "tool", "tool_call_id": "1", "content": f"password: {json.dumps(PASSWORD)}"},
        ],
    },
    "openai_responses": {
        "model": "m",
        "instructions": TEXT,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": TEXT}]},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": json.dumps(ARGUMENTS)},
            {"type": "function_call_output", "call_id": "1", "output": TEXT},
            {"type": "custom_tool_call", "call_id": "2", "name": "g", "input": TEXT},
        ],
    },
    "anthropic": {
        "model": "m",
        "system": [{"type": "text", "text": TEXT}],
        "messages": [
            {"role": "user", "content": TEXT},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": ARGUMENTS}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": TEXT}]}],
            },
        ],
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": TEXT}]},
        "contents": [
            {"role": "user", "parts": [{"text": TEXT}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": ARGUMENTS}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": TEXT}}}]},
        ],
    },
}


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text, **more}]}


def hidden(
    text: str, vault: Vault | None = None, finder: Finder = FINDER, mode: Mode = "reversible"
) -> tuple[str, Concealed]:
    body = chat(text)
    concealed = conceal(body, "openai_chat", vault or Vault(), finder, mode)
    return body["messages"][0]["content"], concealed


@pytest.mark.parametrize("protocol", list(BODIES))
def test_no_secret_is_left_in_any_protocol(protocol: ProtocolName) -> None:
    body, vault = copy.deepcopy(BODIES[protocol]), Vault()
    vault.stand_in(PASSWORD.encode(), "credential")
    concealed = conceal(body, protocol, vault, FINDER)
    sent = json.dumps(body, ensure_ascii=False)
    assert GITHUB not in sent
    assert OWN not in sent
    assert json.dumps(PASSWORD, ensure_ascii=False)[1:-1] not in sent
    assert concealed.changed
    assert set(concealed.counts) == {"github-token", "credential", OWN_KEY}
    assert leaks(json.dumps(body).encode(), vault, FINDER) == []
    assert leaks(sent.encode(), vault, FINDER) == []
    assert leaks(json.dumps(BODIES[protocol]).encode(), vault, FINDER) == ["credential", "github-token", OWN_KEY]


@pytest.mark.parametrize("protocol", list(BODIES))
def test_the_same_history_becomes_the_same_bytes(protocol: ProtocolName) -> None:
    vault, first, second = Vault(), copy.deepcopy(BODIES[protocol]), copy.deepcopy(BODIES[protocol])
    conceal(first, protocol, vault, FINDER)
    conceal(second, protocol, vault, FINDER)
    assert json.dumps(first) == json.dumps(second)
    third = copy.deepcopy(first)
    assert not conceal(third, protocol, vault, FINDER).changed
    assert third == first


@pytest.mark.parametrize("protocol", list(BODIES))
def test_a_body_without_secrets_is_left_as_it_is(protocol: ProtocolName) -> None:
    body = json.loads(json.dumps(BODIES[protocol]).replace(GITHUB, "x").replace(OWN, "y"))
    before = copy.deepcopy(body)
    if protocol != "openai_chat":
        assert not conceal(body, protocol, Vault(), FINDER).changed
        assert body == before


def test_arguments_in_json_stay_json_with_the_rest_as_it_was() -> None:
    arguments = (
        '{ "a":1.0,"big":123456789012345678901234567890, "command":"curl -H \\"Authorization: Bearer '
        + GITHUB
        + '\\"\\n" }'
    )
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    body, vault = {"messages": [{"role": "assistant", "tool_calls": [call]}]}, Vault()
    conceal(body, "openai_chat", vault, FINDER)
    sent = call["function"]["arguments"]
    assert reveal_text(sent, vault, json_text=True) == arguments
    assert GITHUB not in sent


def test_a_key_block_with_escaped_lines_is_the_same_secret_as_one_without() -> None:
    vault, arguments = Vault(), json.dumps({"key": KEY_BLOCK + "\n"})
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    body = {"messages": [{"role": "user", "content": KEY_BLOCK}, {"role": "assistant", "tool_calls": [call]}]}
    conceal(body, "openai_chat", vault, FINDER)
    placeholder = body["messages"][0]["content"]
    assert json.loads(call["function"]["arguments"]) == {"key": placeholder + "\n"}
    assert reveal_text(call["function"]["arguments"], vault, json_text=True) == arguments


def test_arguments_that_break_off_are_searched_too() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": "x\\n' + GITHUB}}
    body = {"messages": [{"role": "assistant", "tool_calls": [call]}]}
    conceal(body, "openai_chat", Vault(), FINDER)
    assert GITHUB not in call["function"]["arguments"]


def test_a_password_told_by_its_fields_name() -> None:
    values = {"db": {"password": "kestrel-77", "host": "db.internal"}}
    body = {
        "messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": values}]}]
    }
    concealed = conceal(body, "anthropic", Vault(), FINDER)
    assert concealed.counts == {"credential": 1}
    assert values["db"]["host"] == "db.internal"
    assert values["db"]["password"].startswith("SECRET_CREDENTIAL_")


def test_what_one_text_gives_away_is_hidden_in_all() -> None:
    body = {
        "messages": [
            {"role": "user", "content": "try kestrel-77 again"},
            {"role": "user", "content": "password: kestrel-77"},
        ]
    }
    conceal(body, "openai_chat", Vault(), FINDER)
    assert "kestrel-77" not in json.dumps(body)


def test_own_keys_go_for_good_and_in_every_mode() -> None:
    for mode in ("reversible", "one_way", "off"):
        assert hidden(f"my {OWN} key", mode=mode)[0] == f"my {ONE_WAY_TEXT} key"
    text, concealed = hidden(GITHUB, mode="off")
    assert (text, concealed.changed) == (GITHUB, False)
    assert hidden(GITHUB, mode="one_way")[0] == ONE_WAY_TEXT


def test_own_keys_may_be_reversible() -> None:
    body, vault = chat(f"my {OWN} key"), Vault()
    conceal(body, "openai_chat", vault, FINDER, own_keys="reversible")
    assert reveal_text(body["messages"][0]["content"], vault) == f"my {OWN} key"


def test_text_documents_in_base64_are_opened() -> None:
    data = base64.b64encode(f"TOKEN={GITHUB}\n".encode()).decode()
    document = {"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": data}}
    body, vault = {"messages": [{"role": "user", "content": [document]}]}, Vault()
    conceal(body, "anthropic", vault, FINDER)
    inside = base64.b64decode(document["source"]["data"]).decode()
    assert GITHUB not in inside
    assert reveal_text(inside, vault) == f"TOKEN={GITHUB}\n"


@pytest.mark.parametrize("protocol", ["openai_chat", "openai_responses"])
def test_files_in_data_urls_are_opened(protocol: ProtocolName) -> None:
    url = "data:text/plain;base64," + base64.b64encode(GITHUB.encode()).decode()
    part = {"type": "input_file", "file_data": url, "file": {"file_data": url}}
    held = {"openai_chat": "messages", "openai_responses": "input"}[protocol]
    body = {held: [{"role": "user", "content": [part]}]}
    assert conceal(body, protocol, Vault(), FINDER).counts == {"github-token": 1}


def test_what_is_said_to_be_base64_and_is_not_is_searched_as_it_is() -> None:
    document = {"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": f"!{GITHUB}"}}
    body = {"messages": [{"role": "user", "content": [document]}]}
    assert conceal(body, "anthropic", Vault(), FINDER).changed


def test_signed_thinking_is_never_touched_and_does_not_stop_the_request() -> None:
    thought = {"type": "thinking", "thinking": f"the key is {GITHUB} or {OWN}", "signature": "c2ln"}
    body, vault = (
        {"messages": [{"role": "user", "content": GITHUB}, {"role": "assistant", "content": [thought]}]},
        Vault(),
    )
    concealed = conceal(body, "anthropic", vault, FINDER)
    assert thought["thinking"] == f"the key is {GITHUB} or {OWN}"
    sent = json.dumps(body).encode()
    assert leaks(sent, vault, FINDER) == ["github-token", OWN_KEY]
    assert leaks(sent, vault, FINDER, concealed.sealed) == []


def test_a_signed_call_goes_back_as_the_model_wrote_it() -> None:
    vault = Vault()
    placeholder = vault.stand_in(GITHUB.encode(), "github-token").decode()
    call = {"functionCall": {"name": "f", "args": {"c": f"use {GITHUB}", "d": STRIPE}}, "thoughtSignature": "c2ln"}
    body = {"contents": [{"role": "model", "parts": [call]}]}
    concealed = conceal(body, "gemini", vault, FINDER)
    assert call["functionCall"]["args"] == {"c": f"use {placeholder}", "d": STRIPE}
    assert concealed.sealed == frozenset()


def test_placeholders_in_the_history_stay() -> None:
    vault = Vault()
    placeholder = hidden(f'password = "{PASSWORD}"', vault)[0]
    for text in (
        placeholder,
        f"TOKEN={placeholder}",
        f"postgres://u:{vault.stand_in(b'xk29fk2l', 'credential').decode()}@h/d",
    ):
        assert hidden(text, vault)[0] == text
    assert hidden(f"password = {ONE_WAY_TEXT}")[0] == f"password = {ONE_WAY_TEXT}"


def test_short_secrets_are_hidden_where_they_are_told_only() -> None:
    text, concealed = hidden("redis://:k9x2@cache:6379 and k9x2")
    assert text.startswith("redis://:SECRET_CONNECTION_STRING_")
    assert text.endswith("@cache:6379 and k9x2")
    assert concealed.counts == {"connection-string": 1}


def test_custom_rules_count_under_their_id() -> None:
    finder = Finder(custom=[CustomRule("acme-id", "acme_[0-9]{6}")])
    text, concealed = hidden("acme_123456", finder=finder)
    assert text.startswith("SECRET_ACME_ID_")
    assert concealed.counts == {"acme-id": 1}


def test_lone_surrogates_survive() -> None:
    assert hidden(f"\ud83d {GITHUB}")[0].startswith("\ud83d SECRET_GITHUB_TOKEN_")


def test_urls_and_headers_can_be_checked_too() -> None:
    vault = Vault()
    vault.stand_in(b"p/ss w\xc3\xb6rd 1234567", "credential")
    assert leaks(b"GET /v1?key=p%2Fss%20w%C3%B6rd%201234567", vault, FINDER) == ["credential"]
    assert leaks(b"x-debug: " + base64.b64encode(b"id:" + OWN.encode()), Vault(), FINDER) == [OWN_KEY]
    assert leaks(b"nothing here", vault, FINDER) == []


def test_the_configuration_makes_the_finder(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(
        "addons.yaml",
        "redaction:\n  mode: one_way\n  allow: ['acme_0+']\n"
        "  rules: [{id: acme, regex: 'acme_[0-9]{6}', keywords: [acme_]}]\n",
    )
    settings = folder.load({"OPENAI_API_KEY": OWN})
    finder = configured_finder(settings)
    assert (settings.redaction.mode, settings.redaction.own_keys) == ("one_way", "one_way")
    rules = [finding.rule for finding in finder.find(f"acme_000000 acme_123456 {OWN}".encode())]
    assert rules == ["acme", OWN_KEY]


def test_a_rule_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("addons.yaml", "redaction:\n  rules: [{id: acme, regex: '('}]\n")
    (problem,) = folder.problems()
    assert "redaction.rules.0.regex: is no regular expression of RE2: missing )" in problem
