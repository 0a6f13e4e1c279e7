"""Settings and routes that outlast the program."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy_core.config import saved as module
from proxy_core.config.files import read_document
from proxy_core.config.saved import SavedSettings
from proxy_core.config.settings import SavedRoute, Settings
from proxy_core.errors import ParleyError
from tests.config.loading import Folder

ENVIRON = {"OPENAI_API_KEY": "sk-1", "GEMINI_API_KEY": "g-1"}


class Running:
    """A program over a folder: what is in force is what was loaded last."""

    def __init__(self, folder: Folder, environ: dict[str, str] | None = None, **options: Any) -> None:
        self.folder = folder
        self.environ = ENVIRON | (environ or {})
        self.options = options
        self.reload()
        self.saved = SavedSettings(lambda: self.settings, self.reload)

    def reload(self) -> None:
        self.settings: Settings = self.folder.load(self.environ, **self.options)

    def refused(self, act: Callable[[], object]) -> str:
        """Why; what is on the disk and in force has not changed."""
        before, path = self.settings, self.settings.config_file
        assert path
        text = path.read_text() if path.exists() else None
        with pytest.raises(ParleyError) as caught:
            act()
        assert self.settings is before
        assert (path.read_text() if path.exists() else None) == text
        return caught.value.fault.message


@pytest.fixture
def running(folder: Folder) -> Running:
    return Running(folder)


@pytest.mark.parametrize(
    ("name", "value", "field", "in_force"),
    [
        ("default-backend", "Gemini", "default_backend", "gemini"),
        ("interactive_mode", "off", "interactive", False),
        ("redact-api-keys-in-prompts", False, "redact", False),
        ("command-prefix", "$/", "command_prefix", "$/"),
    ],
)
def test_a_setting_lasts_and_goes_again(running: Running, name: str, value: Any, field: str, in_force: Any) -> None:
    default = getattr(running.settings, field)
    assert running.saved.set(name, value).note == "saved in addons.yaml"
    assert getattr(running.settings, field) == in_force
    assert getattr(Running(running.folder).settings, field) == in_force
    assert not running.saved.unset(name).shadowed
    assert getattr(running.settings, field) == default


def test_loop_detection(running: Running) -> None:
    running.saved.set("loop-detection", "false")
    assert not running.settings.loops.enabled


def test_routes_last(running: Running) -> None:
    saved = running.saved
    saved.create_route("strong", "m")
    saved.append("strong", ["openai:gpt-5", "Gemini/gemini-2.5-pro"])
    saved.prepend("strong", ["demo:echo"])
    assert Running(running.folder).saved.routes() == {
        "strong": SavedRoute("m", ("demo:echo", "openai:gpt-5", "Gemini/gemini-2.5-pro"))
    }
    saved.clear("strong")
    assert saved.route("strong") == SavedRoute("m", ())
    saved.delete_route("strong")
    assert Running(running.folder).saved.routes() == {}


def test_creating_a_route_again_changes_its_policy_alone(running: Running) -> None:
    running.saved.create_route("r", "k")
    running.saved.append("r", ["openai:a", "openai:b"])
    running.saved.create_route("r", "mk")
    running.saved.append("r", ["openai:a"])
    assert running.saved.routes() == {"r": SavedRoute("mk", ("openai:b", "openai:a"))}


def test_all_or_nothing(running: Running) -> None:
    """As a message with several commands saves them."""
    route = SavedRoute("m", ("openai:a",))
    message = running.refused(lambda: running.saved.save({"interactive": False, "redact": "?"}, {"r": route}))
    assert "'redact-api-keys-in-prompts' must be true or false" in message
    running.saved.save({"interactive": False, "redact": False, "command_prefix": None}, {"r": route})
    assert (running.settings.interactive, running.settings.redact, running.settings.routes) == (
        False,
        False,
        {"r": route},
    )
    running.saved.save({"interactive": None}, {"r": None})
    assert (running.settings.interactive, running.settings.redact, running.settings.routes) == (True, False, {})


def test_turns_by_weight(running: Running) -> None:
    running.saved.create_route("turns", "rr")
    running.saved.append("turns", ["openai:a*3", "demo:echo"])
    assert running.settings.routes["turns"] == SavedRoute("rr", ("openai:a*3", "demo:echo"))


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda saved: saved.set("default-backend", "opnai"), ["no backend 'opnai'", "Did you mean 'openai'?"]),
        (lambda saved: saved.set("default-backend", "anthropic"), ["'anthropic' has no key", "ANTHROPIC_API_KEY"]),
        (lambda saved: saved.set("interactive-mode", "maybe"), ["'interactive-mode' must be true or false"]),
        (lambda saved: saved.set("command-prefix", "!!"), ["'command-prefix'", "must differ"]),
        (lambda saved: saved.set("comand-prefix", "!/"), ["Did you mean 'command-prefix'?"]),
        (lambda saved: saved.create_route("a b", "k"), ["'a b' cannot name a route"]),
        (lambda saved: saved.create_route("r", "x"), ["'x' is no policy", "k, m, km, mk, rr"]),
        (lambda saved: saved.append("ther", ["openai:a"]), ["no route 'ther'", "'there'"]),
        (lambda saved: saved.append("there", []), ["at least one model"]),
        (lambda saved: saved.append("there", ["gpt-5"]), ["'gpt-5' does not name a backend"]),
        (lambda saved: saved.append("there", ["there"]), ["is itself a route", "cannot be nested"]),
        (lambda saved: saved.append("there", ["opnai:a"]), ["no backend 'opnai'", "Did you mean openai:a?"]),
        (lambda saved: saved.append("there", ["openai:a*3"]), ["a weight", "policy 'rr'"]),
        (lambda saved: saved.delete_route("other"), ["no route 'other'", "'there'"]),
        (lambda saved: saved.clear("other"), ["no route 'other'"]),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(running: Running, act, said: list[str]) -> None:
    running.saved.create_route("there", "k")
    message = running.refused(lambda: act(running.saved))
    assert [text for text in said if text not in message] == []


def test_comments_and_order_stay(folder: Folder) -> None:
    text = "# mine\nsettings:\n  timeout: 5   # short\n  # prefix\n  command_prefix: '$/'\n\n# more\naliases: {}\n"
    folder.write("addons.yaml", text)
    running = Running(folder)
    running.saved.set("default-backend", "gemini")
    running.saved.create_route("r", "k")
    running.saved.set("command-prefix", "~!")
    running.saved.delete_route("r")
    running.saved.unset("default-backend")
    running.saved.set("command-prefix", "$/")
    left = (folder.path / "addons.yaml").read_text()
    assert left == text.replace("'$/'", '"$/"\n  failover_routes: {}')


def test_a_json_file_of_its_own(folder: Folder) -> None:
    """In the shape that the earlier systems wrote: everything at the top."""
    running = Running(folder, config="saved.json")
    assert running.saved.set("interactive-mode", "false").note == "saved in saved.json"
    running.saved.create_route("r", "k")
    running.saved.append("r", ["openai:a"])
    assert json.loads((folder.path / "saved.json").read_text()) == {
        "interactive_mode": False,
        "failover_routes": {"r": {"policy": "k", "elements": ["openai:a"]}},
    }
    assert not Running(folder, config="saved.json").settings.interactive


def test_a_route_of_a_weaker_file(folder: Folder) -> None:
    folder.write("addons.yaml", "settings: {failover_routes: {r: {policy: m, elements: [openai:a]}}}")
    running = Running(folder, config="saved.yaml")
    assert "in another file" in running.refused(lambda: running.saved.delete_route("r"))
    running.saved.append("r", ["gemini:b"])
    assert running.settings.routes["r"] == SavedRoute("m", ("openai:a", "gemini:b"))


@pytest.mark.parametrize(
    ("environ", "options", "said"),
    [
        ({"COMMAND_PREFIX": "~!"}, {}, "the variable COMMAND_PREFIX"),
        ({}, {"command_prefix": "~!"}, "the flag --command-prefix"),
    ],
)
def test_what_is_stronger_is_named(folder: Folder, environ: dict[str, str], options: dict[str, str], said: str) -> None:
    running = Running(folder, environ, **options)
    saved = running.saved.set("command-prefix", "$/")
    assert saved.note == f"command-prefix is saved in addons.yaml, but {said} wins over it until that is removed"
    assert saved.warnings == (saved.note,)
    assert running.settings.command_prefix == "~!"
    assert Running(folder).settings.command_prefix == "$/"


def test_what_was_edited_by_hand_since_is_kept(running: Running) -> None:
    running.folder.write("addons.yaml", "settings:\n  timeout: 7  # by hand\n")
    running.saved.set("command-prefix", "$/")
    assert running.settings.timeout == 7
    assert "# by hand" in (running.folder.path / "addons.yaml").read_text()


def test_an_edit_by_hand_during_the_write_is_kept(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    put, edits = module.put, iter(["settings:\n  timeout: 7\n"])

    def interrupted(*arguments: Any) -> str:
        if by_hand := next(edits, None):
            running.folder.write("addons.yaml", by_hand)
        return put(*arguments)

    monkeypatch.setattr(module, "put", interrupted)
    running.saved.set("command-prefix", "$/")
    assert (running.settings.timeout, running.settings.command_prefix) == (7, "$/")


def test_a_file_that_is_wrong_is_not_written_over(running: Running) -> None:
    running.folder.write("addons.yaml", "settings:\n  timeuot: 7\n")
    message = running.refused(lambda: running.saved.set("command-prefix", "$/"))
    assert "addons.yaml:2: settings.timeuot: is not a known key. Did you mean timeout?" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(running: Running) -> None:
    running.folder.path.chmod(0o500)
    try:
        assert "cannot be written" in running.refused(lambda: running.saved.set("command-prefix", "$/"))
    finally:
        running.folder.path.chmod(0o700)


def test_permissions_stay_and_a_new_file_is_private(folder: Folder) -> None:
    def mode(name: str) -> int:
        return stat.S_IMODE((folder.path / name).stat().st_mode)

    (folder.path / "addons.yaml").chmod(0o640)
    Running(folder).saved.set("command-prefix", "$/")
    Running(folder, config="new.yaml").saved.set("command-prefix", "$/")
    assert (mode("addons.yaml"), mode("new.yaml")) == (0o640, 0o600)


def test_a_link_stays_a_link(folder: Folder) -> None:
    folder.write("real.yaml", "# real\n")
    (folder.path / "link.yaml").symlink_to("real.yaml")
    Running(folder, config="link.yaml").saved.set("command-prefix", "$/")
    assert (folder.path / "link.yaml").is_symlink()
    assert (folder.path / "real.yaml").read_text() == '# real\ncommand_prefix: "$/"\n'


def _kill_at_line(number: int) -> None:
    """Ends this process the hard way when it reaches its n-th line of the code that writes."""
    left = number

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename.endswith(("config/atomic.py", "config/saved.py")):
            if event == "line":
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace
        return None

    sys.settrace(trace)


def _dies_at(number: int, act: Callable[[], object]) -> bool:
    child = os.fork()
    if child == 0:
        _kill_at_line(number)
        act()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_file(folder: Folder) -> None:
    filler = "".join(f"# comment {number}\n" for number in range(20))
    running = Running(folder)
    path = folder.path / "addons.yaml"
    old = filler + "settings:\n  command_prefix: '$/'\n"
    new = filler + 'settings:\n  command_prefix: "~!"\n'
    found: list[str] = []
    while True:
        folder.write("addons.yaml", old)
        died = _dies_at(len(found), lambda: running.saved.set("command-prefix", "~!"))
        found.append(path.read_text())
        if not died:
            break
    assert set(found) == {old, new}
    assert found == sorted(found, key=[old, new].index)
    assert found.index(new) > 30
    running.saved.set("command-prefix", "$/")
    assert [entry.name for entry in folder.path.iterdir()] == ["addons.yaml"]


def test_the_result_can_always_be_read(running: Running) -> None:
    for value in ("$/", "#:", "'\"", "{}", "- ", "&a", "*a", "~~~", "%%%", "!!x"):
        if value.strip() == value:
            running.saved.set("command-prefix", value)
            assert running.settings.command_prefix == value
            assert read_document(Path(running.folder.path / "addons.yaml"), "x", [])
