from __future__ import annotations

import json

import pytest

from proxy_core.redaction import Vault
from proxy_core.redaction.completions import CompletionsReveal
from tests.redaction.samples import GITHUB

VAULT = Vault("s")
PLACEHOLDER = VAULT.stand_in(GITHUB.encode(), "github-token").decode()
TEXT = f"export A={PLACEHOLDER}; SECRET"
DONE = b"data: [DONE]\n\n"


def _reveal() -> CompletionsReveal:
    return CompletionsReveal(VAULT, lambda data: data)


def _body(text: str, finish: str | None = None, index: int = 0) -> dict[str, object]:
    return {"id": "c", "choices": [{"index": index, "text": text, "finish_reason": finish}]}


def _frame(text: str, finish: str | None = None, index: int = 0) -> bytes:
    return b"data: " + json.dumps(_body(text, finish, index)).encode() + b"\n\n"


def _heard(stream: bytes, index: int = 0) -> str:
    frames = [json.loads(line[6:]) for line in stream.decode().splitlines() if line.startswith("data: {")]
    choices = [choice for frame in frames for choice in frame["choices"] if choice["index"] == index]
    return "".join(choice["text"] for choice in choices)


@pytest.mark.parametrize("finish", ["stop", None])
def test_a_whole_answer(finish: str | None) -> None:
    body = json.loads(_reveal().apply(json.dumps(_body(TEXT, finish)).encode()))
    assert body == _body(f"export A={GITHUB}; SECRET", finish)


@pytest.mark.parametrize("size", range(1, len(TEXT) + 1))
@pytest.mark.parametrize("finish", [True, False])
def test_a_stream_in_pieces_of_any_size(size: int, finish: bool) -> None:
    reveal = _reveal()
    frames = [_frame(TEXT[at : at + size]) for at in range(0, len(TEXT), size)]
    heard = b"".join(reveal.apply(frame) for frame in [*frames, *[_frame("", "stop")] * finish, DONE])
    assert _heard(heard) == f"export A={GITHUB}; SECRET"
    assert heard.endswith(DONE)


def test_choices_do_not_mix() -> None:
    reveal, half = _reveal(), len(PLACEHOLDER) // 2
    parts = [(PLACEHOLDER[:half], None, 0), ("one ", None, 1), (PLACEHOLDER[half:], "stop", 0), ("two", "stop", 1)]
    heard = b"".join(reveal.apply(_frame(*part)) for part in parts)
    assert (_heard(heard), _heard(heard, 1)) == (GITHUB, "one two")


@pytest.mark.parametrize("data", [DONE, b": ping\n\n", b'data: {"error": {"message": "x"}}\n\n', b"data: {broken}\n\n"])
def test_what_has_no_text_stays(data: bytes) -> None:
    assert _reveal().apply(data) == data
