from __future__ import annotations

import pytest

from proxy_core.wire.template import TextTemplate

FRAME = 'data: {"role":"assistant","delta":{"content":"%s"},"index":0}\n\n'
PADDED = 'data: {"delta":{"content":"%s"},"index":0,"obfuscation":"%s"}\n\n'


def _learned(frame: str, text: str) -> TextTemplate:
    template = TextTemplate()
    template.learn(frame.encode(), text)
    return template


@pytest.mark.parametrize("text", [" a", "Ünïcode 漢字 🙂", "{}", "x" * 5000, ", ", "\u2026"])
def test_a_frame_that_differs_in_its_text_only_is_read(text: str) -> None:
    template = _learned(FRAME % "Hello", "Hello")
    assert [template.text_of((FRAME % text).encode()) for _ in range(2)] == [text, text]


def test_padding_of_any_length_says_nothing() -> None:
    template = _learned(PADDED % ("Hello", "aB3"), "Hello")
    assert template.text_of((PADDED % ("you", "")).encode()) == "you"
    assert template.text_of((PADDED % ("there", "0123456789")).encode()) == "there"
    assert template.text_of((PADDED % ("x", 'a","usage":"b')).encode()) is None


@pytest.mark.parametrize(
    "other",
    [
        (FRAME % "").encode(),
        (FRAME % r"a\n").encode(),
        (FRAME % "a\tb").encode(),
        (FRAME % "\u00a0").encode(),
        (FRAME % '"').encode(),
        (FRAME % 'a","more":"b').encode(),
        FRAME.encode().replace(b"%s", b"\xff"),
        (FRAME % "a").encode().replace(b"}\n", b',"usage":{}}\n'),
        (FRAME % "a").encode().replace(b"index", b"Index"),
        (FRAME % "a").encode()[:-1],
        b"data: [DONE]\n\n",
        b"",
    ],
)
def test_any_other_frame_is_left_to_the_parser_and_ends_what_was_learned(other: bytes) -> None:
    template = _learned(FRAME % "Hello", "Hello")
    assert template.text_of(other) is None
    assert template.text_of((FRAME % "Hello").encode()) is None


@pytest.mark.parametrize(("raw", "text"), [("assistant", "assistant"), ("index", "index"), (r"\u0061", "a")])
def test_a_text_whose_place_is_not_certain_teaches_nothing(raw: str, text: str) -> None:
    assert _learned(FRAME % raw, text).text_of((FRAME % "Hello").encode()) is None


def test_nothing_learned_recognises_nothing() -> None:
    assert TextTemplate().text_of((FRAME % "Hello").encode()) is None
