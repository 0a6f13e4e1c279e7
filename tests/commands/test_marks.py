import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_core.agents.replies import as_patch
from proxy_core.commands.marks import preface, sealed, without_own

OWN = "model set to a:b\ntemperature set to: 0.7"


@pytest.mark.parametrize(
    "mangle",
    [
        lambda text: text,
        str.strip,
        lambda text: f"\n\n{text}  \n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n".join(f"  {line}" for line in text.split("\n")),
        as_patch,
        lambda text: f"<attempt_completion>\n<result>\n{text}\n</result>\n</attempt_completion>",
    ],
)
def test_an_own_text_is_known_again_after_what_clients_do(mangle):
    assert without_own(mangle(sealed(OWN))) == ""


def test_a_preface_goes_and_the_reply_stays_byte_for_byte():
    reply = "\n  Sure:\n```\nx\n```\n"
    assert without_own(preface(OWN) + reply) == reply
    assert without_own((preface(OWN) + reply).strip()) == reply.rstrip()


def test_thoughts_before_and_several_prefaces():
    assert without_own("Hm.\n" + preface(OWN) + "A" + "\n" + preface("x set") + "B") == "Hm.\nA\nB"


@pytest.mark.parametrize("text", ["[parley 00000000]", "model set to a:b\n[parley 12345678]\nhi", "[parley xyz]"])
def test_a_mark_that_fits_nothing_is_text(text):
    assert without_own(text) == text


@given(st.text())
def test_texts_without_a_mark_never_change(text):
    assert without_own(text) == text


@given(st.text(), st.text())
def test_every_own_text_is_known_again_in_front_of_any_reply(text, reply):
    own = f"set {text}"
    if len(own.split("\n")) < 200 and "[parley" not in reply:
        assert without_own(preface(own) + reply).strip() == reply.strip()
