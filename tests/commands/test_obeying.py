"""When there is a banner, when confirmations, and when an answer."""

import pytest

from proxy_core.agents.rows import UNKNOWN
from proxy_core.commands.marks import without_own
from proxy_core.commands.obeying import obey
from tests.commands.material import PROTOCOLS, FakeControls, body, dialogue, message, obeyed


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("as_string", [True, False])
def test_a_message_of_nothing_but_commands_is_answered(protocol, as_string):
    for text in (
        "!/set(model=a:b)",
        "\n !/set(model=a:b)\n",
        '"!/set(model=a:b)"',
        "<task>\n!/set(model=a:b)\n</task>",
    ):
        result = obeyed(dialogue(protocol, text, as_string=as_string), protocol)
        assert result.nothing_left
        assert not result.is_error
        assert (result.answer or "").startswith("model set to a:b\n[parley ")
        assert without_own(result.answer or "") == ""


def test_mixed_messages_confirm_only_in_interactive_mode():
    quiet = obeyed(dialogue("openai_chat", "!/set(model=a:b) go"))
    assert quiet.changed
    assert quiet.answer is None
    assert quiet.confirmations is None
    loud = obeyed(dialogue("openai_chat", "!/set(model=a:b) go"), controls=FakeControls(interactive=True))
    assert loud.answer is None
    assert "model set to a:b" in (loud.confirmations or "")
    assert (loud.confirmations or "").endswith("]\n\n")


def test_what_was_asked_for_is_shown_in_any_mode():
    assert "available commands" in (obeyed(dialogue("openai_chat", "!/help and go")).confirmations or "")


def test_the_banner_comes_once_on_the_first_reply_of_an_interactive_session():
    controls = FakeControls(interactive=True)
    assert "Hello, this is Parley" in (obeyed(dialogue("openai_chat", "hi"), controls=controls).confirmations or "")
    assert obeyed(dialogue("openai_chat", "hi", "x", "y"), controls=controls).confirmations is None
    obeyed(dialogue("openai_chat", "!/set(interactive=on)"), controls=controls)
    assert controls.session.greeted


def test_switching_interactive_on_brings_the_banner():
    controls = FakeControls()
    assert "Hello, this is Parley" in (
        obeyed(dialogue("openai_chat", "!/set(interactive=on)"), controls=controls).answer or ""
    )


def test_no_banner_by_itself_where_none_is_wanted():
    controls = FakeControls(interactive=True)
    result = obey(dialogue("openai_chat", "hi"), "openai_chat", "!/", UNKNOWN, controls, greet=False)
    assert result.confirmations is None
    assert not controls.session.greeted


@pytest.mark.parametrize(
    ("protocol", "fields"),
    [
        ("openai_chat", {"response_format": {"type": "json_object"}}),
        ("openai_responses", {"text": {"format": {"type": "json_schema"}}}),
        ("anthropic", {"output_config": {"format": {"type": "json_schema"}}}),
        ("gemini", {"generationConfig": {"responseMimeType": "application/json"}}),
    ],
)
def test_nothing_stands_in_front_of_json(protocol, fields):
    for text in ("hi", "!/set(project=p) hi"):
        request = body(protocol, message(protocol, "user", text), **fields)
        assert obeyed(request, protocol, FakeControls(interactive=True)).confirmations is None


def test_another_prefix():
    controls = FakeControls()
    assert obeyed(dialogue("openai_chat", "~!set(project=p)"), controls=controls, prefix="~!").nothing_left
    assert controls.session.settings.project == "p"
    assert obeyed(dialogue("openai_chat", "hi !/set(project=q)"), controls=controls, prefix="~!").answer is None
    assert controls.session.settings.project == "p"
