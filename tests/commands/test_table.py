import pytest

from proxy_core.commands.settings import SETTINGS
from proxy_core.commands.table import COMMANDS, markdown, overview
from proxy_core.config.settings import SavedRoute
from proxy_core.errors import invalid
from tests.commands.material import FakeControls, dialogue, obeyed


def answer(text: str, controls: FakeControls | None = None) -> str:
    """What a message of nothing but commands is answered, without the mark."""
    result = obeyed(dialogue("openai_chat", text), controls=controls)
    assert result.answer is not None
    said, _, mark = result.answer.rpartition("\n")
    assert mark.startswith("[parley ")
    return said


@pytest.mark.parametrize(
    ("text", "said", "setting"),
    [
        ("!/set(model=openai:gpt-5)", "model set to openai:gpt-5", {"model": "openai:gpt-5"}),
        ("!/set(model=openrouter/x/y:free)", "model set to openrouter/x/y:free", {"model": "openrouter/x/y:free"}),
        ("!/set(backend=Gemini)", "backend set to gemini", {"backend": "gemini"}),
        ("!/set(project=web)", "project set to web", {"project": "web"}),
        ("!/set(project-name='a, b')", "project-name set to a, b", {"project": "a, b"}),
        ("!/set(interactive=off)", "interactive mode set to False", {"interactive": False}),
        ("!/set(temperature=0.7)", "temperature set to: 0.7", {"temperature": 0.7}),
        ("!/set(temperature=2)", "temperature set to: 2.0", {"temperature": 2.0}),
        ("!/set(reasoning-effort=high)", "reasoning-effort set to high", {"reasoning_effort": "high"}),
        ("!/set(thinking-budget=8192)", "thinking-budget set to 8192", {"thinking_budget": 8192}),
        ("!/set(openai_url=https://x.y/v1)", "OpenAI URL set to: https://x.y/v1", {"openai_url": "https://x.y/v1"}),
        ("!/set(loop-detection=on)", "loop-detection set to True", {"loop_detection": True}),
        ("!/temperature(0.5)", "temperature set to: 0.5", {"temperature": 0.5}),
        (
            "!/set(model=a:b, backend=gemini)",
            "backend set to gemini; model set to a:b",
            {"model": "a:b", "backend": "gemini"},
        ),
        ("!/set(model=a:b)\n!/unset(model)\n!/set(model=c:d)", None, {"model": "c:d"}),
    ],
)
def test_set(text, said, setting):
    controls = FakeControls()
    result = answer(text, controls)
    assert said is None or result == said
    assert controls.session.settings.as_dict() == setting


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("!/sett(model=x)", "unknown command 'sett' - did you mean 'set'?"),
        ("!/set(modl=x:y)", "unknown setting 'modl' - did you mean 'model'?"),
        ("!/set(temperature=3)", "Temperature must be between 0.0 and 2.0"),
        ("!/set(temperature=-0.5)", "Temperature must be between 0.0 and 2.0"),
        ("!/set(temperature=nan)", "Temperature must be between 0.0 and 2.0"),
        ("!/set(temperature=abc)", "Invalid temperature value: abc"),
        ("!/set(interactive=maybe)", "Invalid boolean value for interactive: maybe"),
        ("!/set(reasoning-effort=hihg)", "did you mean 'high'?"),
        ("!/set(thinking-budget=many)", "thinking-budget must be a valid integer"),
        ("!/set(backend=gemni)", "backend gemni not supported - did you mean 'gemini'?"),
        ("!/set(backend=anthropic)", "backend anthropic not functional"),
        ("!/set(model=nowhere:x)", "There is no backend 'nowhere'"),
        ("!/set(model=:x)", "model must be specified as <backend>:<model>"),
        ("!/set(openai_url=ftp://x)", "OpenAI URL must start with http:// or https://"),
        ("!/set(command-prefix=##)", "two characters must differ"),
        ("!/set()", "set: no valid parameters"),
        ("!/set(model)", "'model' has no value"),
        ("!/set model=a:b", "must stand in parentheses"),
        ("!/unset()", "unset: nothing to do"),
        ("!/oneoff()", "oneoff command requires a backend/model argument."),
        ("!/help(sett)", "unknown command 'sett' - did you mean 'set'?"),
        ("!/delete-failover-route(name=x)", "route x not found"),
        ("!/create-failover-route(name=x,policy=z)", "create-failover-route requires name and valid policy"),
        ("!/create-failover-route(nme=x,policy=k)", "unknown argument 'nme' - did you mean 'name'?"),
    ],
)
def test_errors_say_what_was_typed_and_what_is_right(text, wrong):
    controls = FakeControls()
    result = obeyed(dialogue("openai_chat", f"Write a poem. {text}"), controls=controls)
    assert result.is_error
    assert result.answer is not None
    assert wrong in result.answer
    assert f"You typed: {text}" in result.answer
    assert "Right form: !/" in result.answer
    assert controls.session.settings.as_dict() == {}


def test_nothing_is_half_done():
    controls = FakeControls()
    result = obeyed(
        dialogue("openai_chat", "!/set(model=a:b) !/set(default-backend=gemini) !/set(temperature=9)"),
        controls=controls,
    )
    assert result.is_error
    assert controls.session.settings.as_dict() == {}
    assert controls.saved == {}


def test_a_flood_of_commands_is_refused():
    result = obeyed(dialogue("openai_chat", "!/help " * 51))
    assert result.is_error
    assert "51 commands in one message" in (result.answer or "")


def test_what_cannot_be_saved_changes_nothing():
    controls = FakeControls()
    controls.failure = invalid("addons.yaml cannot be written.")
    result = obeyed(dialogue("openai_chat", "!/set(model=a:b,default-backend=gemini)"), controls=controls)
    assert result.is_error
    assert "addons.yaml cannot be written." in (result.answer or "")
    assert controls.session.settings.as_dict() == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!/unset(model)", "model unset"),
        ("!/unset(backend)", "backend unset"),
        ("!/unset(default-backend)", "default-backend unset"),
        ("!/unset(project-name)", "project unset"),
        ("!/unset(interactive)", "interactive mode unset"),
        ("!/unset(temperature, reasoning-effort)", "temperature unset; reasoning effort unset"),
        ("!/unset(thinking-budget)", "thinking budget unset"),
        ("!/unset(openai_url)", "openai_url unset"),
        ("!/unset(redact-api-keys-in-prompts)", "redact-api-keys-in-prompts unset"),
        ("!/unset(command-prefix)", "command prefix unset"),
    ],
)
def test_unset(text, said):
    controls = FakeControls()
    controls.session.settings.model = "a:b"
    controls.session.settings.temperature = 1.0
    assert answer(text, controls) == said


@pytest.mark.parametrize(
    ("text", "saved"),
    [
        ("!/set(default-backend=gemini)", {"default_backend": "gemini"}),
        ("!/unset(default-backend)", {"default_backend": None}),
        ("!/set(redact-api-keys-in-prompts=false)", {"redact_api_keys_in_prompts": False}),
        ("!/set(command-prefix=$/)", {"command_prefix": "$/"}),
        ("!/set(model=a:b)", {}),
    ],
)
def test_what_lasts(text, saved):
    controls = FakeControls()
    answer(text, controls)
    assert controls.saved == saved


def test_notes_of_what_keeps_settings_are_told():
    controls = FakeControls()
    controls.notes = ["saved in addons.yaml, but LLM_BACKEND wins over it"]
    assert answer("!/set(default-backend=gemini)", controls).endswith("LLM_BACKEND wins over it")


def test_one_off():
    controls = FakeControls()
    assert answer("!/oneoff(openai/gpt-5)", controls) == "One-off route set to openai/gpt-5."
    assert controls.session.one_off == "openai/gpt-5"
    assert answer("!/one-off(openai:gpt-4)", controls) == "One-off route set to openai:gpt-4."


def test_routes_from_making_to_deleting():
    controls = FakeControls()
    assert answer("!/list-failover-routes", controls) == "no failover routes defined"
    steps = [
        ("!/create-failover-route(name=r,policy=KM)", "failover route r created with policy km"),
        ("!/route-list(name=r)", "<empty>"),
        ("!/route-append(name=r, a:b , c/d)", "elements appended to r"),
        ("!/route-prepend(name=r,e:f)", "elements prepended to r"),
        ("!/route-list(name=r)", "e:f, a:b, c/d"),
        ("!/route-append(name=r,a:b)", "elements appended to r"),
        ("!/route-list(name=r)", "e:f, c/d, a:b"),
        ("!/list-failover-routes", "r:km"),
        ("!/route-clear(name=r)", "route r cleared"),
        ("!/route-list(name=r)", "<empty>"),
        ("!/delete-failover-route(name=r)", "failover route r deleted"),
    ]
    for text, said in steps:
        assert answer(text, controls) == said
    assert controls.saved_routes == {}


def test_a_route_in_one_message():
    controls = FakeControls()
    answer("!/create-failover-route(name=r,policy=m) !/route-append(name=r,a:b,c:d)", controls)
    assert controls.saved_routes == {"r": SavedRoute("m", ("a:b", "c:d"))}


def test_route_elements_must_lead_somewhere():
    controls = FakeControls()
    answer("!/create-failover-route(name=r,policy=m)", controls)
    for element, wrong in (("nowhere:x", "no backend"), ("bare", "backend:model"), ("", "no route elements")):
        result = obeyed(dialogue("openai_chat", f"!/route-append(name=r,{element})"), controls=controls)
        assert result.is_error
        assert wrong in (result.answer or "")


def test_help_lists_every_command_and_tells_about_each():
    text = answer("!/help")
    assert text.startswith("available commands: create-failover-route, delete-failover-route, hello, help,")
    for row in COMMANDS:
        assert answer(f"!/help({row.name})").startswith(f"{row.name} - {row.summary}; format: !/")
    for setting in SETTINGS:
        assert f"!/set({setting.name}=" in answer(f"!/help({setting.name})")
    assert "examples: " in answer("!/help(set)")


def test_help_shows_the_prefix_in_force():
    assert "$/set(" in overview("$/")


def test_every_example_can_be_typed():
    for row in COMMANDS:
        for example in row.examples:
            controls = FakeControls()
            controls.saved_routes["fast"] = SavedRoute("m")
            assert not obeyed(dialogue("openai_chat", f"!/{example}"), controls=controls).is_error
    for setting in SETTINGS:
        controls = FakeControls()
        example = setting.example if setting.example != "anthropic" else "gemini"
        assert not obeyed(dialogue("openai_chat", f"!/set({setting.name}={example})"), controls=controls).is_error


def test_readme_section_names_everything():
    section = markdown()
    for name in [row.name for row in COMMANDS] + [setting.name for setting in SETTINGS]:
        assert name in section
    assert all(line.startswith("|") for line in section.splitlines() if line)


def test_hello_shows_the_banner():
    controls = FakeControls()
    controls.session.settings.temperature = 0.7
    lines = answer("!/hello", controls).split("\n")
    assert lines[0].startswith("Hello, this is Parley ")
    assert lines[1:3] == [
        "Session id: s1",
        "Functional backends: gemini (K:2, M:2), openai (K:1, M:0), openrouter (K:2, M:3)",
    ]
    assert "temperature=0.7" in lines[3]
    assert lines[4:] == ["Type !/help for list of available commands", "hello acknowledged"]


def test_an_unlisted_model_is_refused_in_interactive_mode_only():
    assert "may be invalid" in answer("!/set(model=gemini:x-typo)")
    result = obeyed(dialogue("openai_chat", "!/set(model=gemini:x-typo)"), controls=FakeControls(interactive=True))
    assert result.is_error
    assert "model gemini:x-typo not available - did you mean 'gemini:gemini-2.5-pro'?" in (result.answer or "")
