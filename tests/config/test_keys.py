from __future__ import annotations

from tests.config.loading import Folder


def test_numbered_keys_come_in_order_with_gaps_and_each_once(folder: Folder) -> None:
    environ = {"OPENAI_API_KEY_20": "t", "OPENAI_API_KEY_2": "b", "OPENAI_API_KEY_1": "a", "OPENAI_API_KEY_3": "a"}
    assert folder.load(environ).keys_of("openai") == ("a", "b", "t")


def test_both_forms_at_once_are_an_error_that_names_the_variables(folder: Folder) -> None:
    environ = {"GEMINI_API_KEY": "secret-1", "GEMINI_API_KEY_1": "secret-2", "GEMINI_API_KEY_4": "secret-3"}
    (problem,) = folder.problems(environ)
    assert all(name in problem for name in environ)
    assert "secret" not in problem


def test_both_forms_are_an_error_wherever_they_stand(folder: Folder) -> None:
    folder.write(".env", "OPENAI_API_KEY_1=a\n")
    (problem,) = folder.problems({}, openai_api_key="b")
    assert "OPENAI_API_KEY " in problem
    assert "OPENAI_API_KEY_1" in problem


def test_a_backend_of_ones_own_reads_its_own_variable(folder: Folder) -> None:
    folder.write("addons.yaml", "backends:\n  my-groq: {base_url: 'https://api.groq.com/openai/v1'}\n")
    assert folder.load({"MY_GROQ_API_KEY_2": "k"}).keys_of("my-groq") == ("k",)
    folder.write("addons.yaml", "backends:\n  x: {base_url: 'https://x.example', key_env: SOME_KEY}\n")
    assert folder.load({"SOME_KEY": "k"}).keys_of("x") == ("k",)


def test_a_key_with_something_pasted_around_it_is_an_error_without_the_key(folder: Folder) -> None:
    (problem,) = folder.problems({"OPENAI_API_KEY": "sk-abc def"})
    assert "OPENAI_API_KEY" in problem
    assert "sk-abc" not in problem


def test_no_secret_is_shown_when_settings_are_printed(folder: Folder) -> None:
    environ = {"OPENAI_API_KEY": "sk-1", "LLM_INTERACTIVE_PROXY_API_KEY": "ck-1", "PARLEY_DATABASE_URL": "sqlite:///pw"}
    settings = folder.load(environ)
    shown = repr(settings)
    assert not any(secret in shown for secret in environ.values())
    assert {"sk-1", "ck-1"} <= settings.secrets
