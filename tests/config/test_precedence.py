"""Flag, environment, .env, addons.yaml, default; the stronger wins, and `sources` says which it was."""

from __future__ import annotations

import pytest

from proxy_core.config.options import OPTIONS
from tests.config.loading import Folder

_LAYERS = ["default", "addons.yaml", ".env", "environment", "command line"]


@pytest.mark.parametrize("strongest", range(len(_LAYERS)))
def test_the_stronger_source_wins(folder: Folder, strongest: int) -> None:
    environ, options = {}, {}
    if strongest >= 1:
        folder.write("addons.yaml", "settings:\n  port: 8001\n")
    if strongest >= 2:
        folder.write(".env", "# a comment\nPROXY_PORT=8002\n")
    if strongest >= 3:
        environ["PROXY_PORT"] = "8003"
    if strongest >= 4:
        options["port"] = "8004"
    settings = folder.load(environ, **options)
    assert settings.port == 8000 + strongest
    assert settings.sources["port"].startswith(_LAYERS[strongest])


def test_a_named_config_file_is_stronger_than_addons_yaml(folder: Folder) -> None:
    folder.write("addons.yaml", "settings:\n  port: 8001\n  timeout: 10\n")
    folder.write("mine.json", '{"port": 8005, "failover_routes": {"r": {"policy": "m", "elements": ["a:b"]}}}')
    settings = folder.load({"PARLEY_CONFIG": "mine.json"})
    assert (settings.port, settings.timeout) == (8005, 10.0)
    assert settings.routes["r"].elements == ("a:b",)
    assert settings.config_file == folder.path / "mine.json"


def test_a_named_config_file_need_not_exist_yet(folder: Folder) -> None:
    assert folder.load(config="later.yaml").config_file == folder.path / "later.yaml"


def test_an_empty_variable_counts_as_not_set_and_hides_the_one_in_dotenv(folder: Folder) -> None:
    folder.write(".env", "LLM_BACKEND=gemini\nGEMINI_API_KEY=g\nOPENAI_API_KEY=o\n")
    assert folder.load().default_backend == "gemini"
    assert folder.load({"LLM_BACKEND": ""}).default_backend == "openai"


def test_a_dollar_in_dotenv_stays_as_it_is(folder: Folder) -> None:
    folder.write(".env", "OPENAI_API_KEY=sk-$HOME-x\n")
    assert folder.load().keys_of("openai") == ("sk-$HOME-x",)


def test_negated_switches(folder: Folder) -> None:
    assert folder.load().redact is True
    assert folder.load({"REDACT_API_KEYS_IN_PROMPTS": "false"}).redact is False
    assert folder.load({"REDACT_API_KEYS_IN_PROMPTS": "true"}, disable_redact_api_keys_in_prompts=True).redact is False
    folder.write("addons.yaml", "settings:\n  redact_api_keys_in_prompts: false\n  interactive_mode: false\n")
    assert (folder.load().redact, folder.load().interactive) == (False, False)


def test_the_default_backend_is_the_first_that_has_a_key_and_else_demo(folder: Folder) -> None:
    assert folder.load().default_backend == "demo"
    assert folder.load({"GEMINI_API_KEY": "g", "ANTHROPIC_API_KEY": "a"}).default_backend == "gemini"
    folder.write("addons.yaml", "backends:\n  ollama: {base_url: 'http://127.0.0.1:11434'}\n")
    assert folder.load().default_backend == "ollama"


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.default is not None], ids=lambda o: o.name)
def test_every_option_can_be_given_by_name_and_by_variable(folder: Folder, option) -> None:
    said = "true" if option.kind == "switch" else str(option.default)
    assert folder.load({}, **{option.name: said}).sources[option.name] == "command line"
    assert folder.load({option.env: said}).sources[option.name] == "environment"


def test_limits_are_32_mib_of_body_unless_said_otherwise(folder: Folder) -> None:
    assert folder.load().limits.body == 32 * 1024 * 1024
    folder.write("addons.yaml", "limits: {body_mib: 1}\n")
    assert folder.load().limits.body == 1024 * 1024


def test_the_client_key_is_made_unless_set(folder: Folder) -> None:
    made, other = folder.load(), folder.load()
    assert made.client_key_generated
    assert made.client_key != other.client_key
    given = folder.load({"LLM_INTERACTIVE_PROXY_API_KEY": "mine"})
    assert (given.client_key, given.client_key_generated) == ("mine", False)
