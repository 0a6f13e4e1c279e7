"""A reverse target that the user named: traffic goes there that no rule claims, without the key for this proxy."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from mitmproxy.net.free_port import get_free_port

from tests.live.conftest import config_for
from tests.live.program import CLIENT_KEY, Program
from tests.live.vendors.upstream import Received, Upstream

KEY = {"authorization": f"Bearer {CLIENT_KEY}"}


@pytest.fixture(scope="module")
def program(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    addresses = [f"127.0.0.1:{get_free_port()}" for _ in range(2)]
    modes = ["--mode", f"reverse:http://127.0.0.1:{vendors.port}@{addresses[0]}", "--mode", f"regular@{addresses[1]}"]
    started = Program(tmp_path_factory.mktemp("target"), config_for(vendors), arguments=modes).wait()
    yield started
    started.stop()


def let_through(vendors: Upstream) -> list[Received]:
    return [asked for asked in vendors.others if "/files" in asked.target]


def test_what_no_rule_claims_goes_to_the_target(program: Program, vendors: Upstream, http: httpx.Client) -> None:
    vendors.will_say()
    theirs = {"authorization": "Bearer sk-of-the-user-0123", "cookie": "a=b"}
    answer = http.put(f"{program.base}/openai_chat/v1/files?a=1", content=b"a file", headers=theirs)
    assert answer.status_code == 200
    (asked,) = let_through(vendors)
    assert (asked.method, asked.target, asked.body) == ("PUT", "/openai_chat/v1/files?a=1", b"a file")
    assert {name: asked.headers[name] for name in theirs} == theirs


def test_the_key_for_this_proxy_stays_here(program: Program, vendors: Upstream, http: httpx.Client) -> None:
    vendors.will_say()
    shown = {**KEY, "x-api-key": "sk-of-the-user-0123"}
    http.get(f"{program.base}/openai_chat/v1/files?key={CLIENT_KEY}&a=1", headers=shown)
    (asked,) = let_through(vendors)
    assert CLIENT_KEY not in f"{asked.headers} {asked.target}"
    assert (asked.headers["x-api-key"], asked.target) == ("sk-of-the-user-0123", "/openai_chat/v1/files?a=1")
    refused = http.put(f"{program.base}/openai_chat/v1/files", content=f"my key: {CLIENT_KEY}", headers=KEY)
    assert refused.status_code == 403
    assert len(let_through(vendors)) == 1


def test_what_is_ours_is_answered_here(program: Program, vendors: Upstream, http: httpx.Client) -> None:
    vendors.will_say()
    body = {"model": "anthropic:claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]}
    assert http.post(f"{program.base}/v1/chat/completions", json=body, headers=KEY).status_code == 200
    assert http.post(f"{program.base}/v1/chat/completions", json=body).status_code == 401
    assert http.get(f"{program.base}/health").status_code == 200
    assert [asked.vendor for asked in vendors.received] == ["anthropic"]
    assert let_through(vendors) == []
