"""What is counted of a stream whose client does not ask for its usage."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.live.program import CLIENT_KEY, Program

KEY = {"authorization": f"Bearer {CLIENT_KEY}"}
ASKED = {"model": "demo:echo", "stream": True, "messages": [{"role": "user", "content": "Count these words."}]}


@pytest.mark.parametrize(("setting", "source"), [("true", "provider"), ("false", "estimated")])
def test_tokens_are_the_provider_s_where_that_is_wished(
    tmp_path: Path, http: httpx.Client, setting: str, source: str
) -> None:
    program = Program(tmp_path, f"settings: {{exact_usage: {setting}}}\n").wait()
    try:
        answer = http.post(f"{program.base}/v1/chat/completions", json=ASKED, headers=KEY)
        assert answer.text.endswith("data: [DONE]\n\n")
        assert '"usage":{' not in answer.text, "the client has not asked for it"
        assert '"choices":[]' not in answer.text
        (row,) = http.get(f"{program.base}/usage/recent", headers=KEY).json()["data"]
        assert row["tokens_by"] == source
    finally:
        program.stop()
