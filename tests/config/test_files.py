"""addons.yaml and config.json: comments, unknown keys, places of problems, transparent backends."""

from __future__ import annotations

import json

import pytest

from proxy_core.config.load import ROOT
from proxy_core.config.schema import ConfigFile
from proxy_core.config.values import READERS
from tests.config.loading import Folder


def test_comments_do_no_harm_in_yaml_and_in_json(folder: Folder) -> None:
    folder.write("addons.yaml", "# first\nsettings: # of the proxy\n  port: 8001 # why\n  # last\n")
    assert folder.load().port == 8001
    folder.write("c.json", '{\n\t"port": 8002, # why\n\t"command_prefix": "#!"\n}')
    settings = folder.load(config="c.json")
    assert (settings.port, settings.command_prefix) == (8002, "#!")


def test_the_addons_yaml_that_comes_with_parley_is_valid_and_changes_nothing() -> None:
    text = (ROOT / "addons.yaml").read_text(encoding="utf-8")
    assert len(text) > 1000
    from proxy_core.config.files import parse_tree, plain

    assert ConfigFile.model_validate(plain(parse_tree(text))) == ConfigFile()


def test_every_commented_example_is_valid(folder: Folder) -> None:
    """Uncommented, the examples of each section together are a valid file."""
    lines = (ROOT / "addons.yaml").read_text(encoding="utf-8").splitlines()
    text = "\n".join(
        line.replace("  # ", "  ", 1) if line.startswith("  # ") else line.replace(": {}", ":").replace(": []", ":")
        for line in lines
        if not line.startswith("#")
    )
    folder.write("addons.yaml", text.replace("log: parley.log", "log: null"))
    environ = {"OPENROUTER_API_KEY": "r", "GROQ_API_KEY": "q"}
    settings = folder.load(environ)
    assert settings.backends["groq"].keys == ("q",)
    assert settings.backends["mine"].credentials == "client"
    assert settings.routes["strong"].policy == "m"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("settings:\n  prot: 8001\n", ["addons.yaml:2: settings.prot: is not a known key. Did you mean port?"]),
        ("backend:\n  x: {}\n", ["addons.yaml:1: backend: is not a known key. Did you mean backends?"]),
        (
            "backends:\n  x:\n    base_url: http://x\n    protocoll: gemini\n",
            ["addons.yaml:4: backends.x.protocoll: is not a known key. Did you mean protocol?"],
        ),
        ("backends:\n  x:\n    api_key: k\n", ["addons.yaml:2: backends.x.base_url: is missing."]),
    ],
)
def test_problems_say_where_and_what_was_meant(folder: Folder, text: str, expected: list[str]) -> None:
    folder.write("addons.yaml", text)
    problems = folder.problems()
    assert [problem[: len(want)] for problem, want in zip(problems, expected, strict=True)] == expected


def test_a_file_that_is_no_yaml_is_named_with_its_line(folder: Folder) -> None:
    folder.write("addons.yaml", "settings:\n  port: 'x\n")
    (problem,) = folder.problems()
    assert problem.startswith("addons.yaml:")


def test_all_problems_come_at_once(folder: Folder) -> None:
    folder.write("addons.yaml", "settings:\n  timeout: -1\n")
    environ = {"PROXY_PORT": "x", "COMMAND_PREFIX": "!!", "LOG_LEVEL": "LOUD", "LLM_BACKEND": "nowhere"}
    text = "\n".join(folder.problems(environ))
    assert all(name in text for name in ("PROXY_PORT", "COMMAND_PREFIX", "LOG_LEVEL", "default backend", "timeout"))


@pytest.mark.parametrize("prefix", ["!", "!!", "a b", "elevenchars", "\x01\x02"])
def test_command_prefixes_that_are_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="must"):
        READERS["prefix"](prefix)


@pytest.mark.parametrize("prefix", ["!/", "!!!", "$$$/", "tencharsok"])
def test_command_prefixes_that_are_taken(prefix: str) -> None:
    assert READERS["prefix"](prefix) == prefix


def test_config_json_of_a_transparent_proxy(folder: Folder) -> None:
    backends = [
        {"name": "First One", "url": "http://127.0.0.1:9001/v1", "model": "forced"},
        {"name": "second", "url": "", "model": ""},
    ]
    folder.write("config.json", json.dumps({"primary_backends": backends, "settings": {"timeout": 7}}))
    settings = folder.load()
    first, second = settings.backends["first-one"], settings.backends["second"]
    assert (first.credentials, first.base_url, first.model) == ("client", "http://127.0.0.1:9001/v1", "forced")
    assert (second.credentials, second.base_url, second.model) == ("client", "https://api.openai.com/v1", None)
    assert settings.timeout == 7.0
    assert settings.default_backend == "first-one"


def test_a_config_json_of_another_program_is_left_alone(folder: Folder) -> None:
    folder.write("config.json", '{"presets": ["x"]}')
    assert folder.load().default_backend == "demo"


@pytest.mark.parametrize(
    ("options", "named"), [({"host": "0.0.0.0"}, "0.0.0.0"), ({"http_proxy_host": "10.0.0.1"}, "10.0.0.1")]
)
def test_auth_can_be_disabled_only_on_loopback(folder: Folder, options: dict[str, str], named: str) -> None:
    assert folder.load(disable_auth=True).auth_disabled
    assert folder.load(disable_auth=True, host="::1").auth_disabled
    (problem,) = folder.problems({"DISABLE_AUTH": "true"}, **options)
    assert named in problem
    assert "--disable-auth" in problem


def test_aliases_that_go_in_a_circle_are_an_error(folder: Folder) -> None:
    folder.write("addons.yaml", "aliases: {a: b, b: c, c: a, d: a}\n")
    problems = folder.problems()
    assert "a -> b -> c -> a" in problems[0]


def test_a_built_in_backend_can_be_changed_and_switched_off(folder: Folder) -> None:
    folder.write("addons.yaml", "backends:\n  openai: {timeout: 600}\n  gemini: {enabled: false}\n")
    settings = folder.load({"OPENAI_API_KEY": "k"})
    assert settings.backends["openai"].timeout == 600
    assert settings.keys_of("openai") == ("k",)
    assert "gemini" not in settings.backends


def test_hosts_to_intercept(folder: Folder) -> None:
    folder.write("addons.yaml", "intercept: [chatgpt.com, 'x.example:8443']\nbackends: {y: {base_url: 'http://y:9'}}\n")
    hosts = folder.load().intercept_hosts
    assert {"api.anthropic.com:*", "chatgpt.com:*", "x.example:8443", "y:9"} <= set(hosts)


def test_the_model_list_is_a_backend_with_its_token(folder: Folder) -> None:
    environ = {"MODEL_LIST_URL": "https://list.example/api/models?all=1", "MODEL_LIST_AUTH_TOKEN": "tok"}
    backend = folder.load(environ).backends["aggregator"]
    assert (backend.base_url, backend.headers) == ("https://list.example", {"Authorization": "OAuth tok"})
    assert folder.load(environ).default_backend == "aggregator"
    del environ["MODEL_LIST_AUTH_TOKEN"]
    assert folder.load(environ).backends["aggregator"].headers == {}
