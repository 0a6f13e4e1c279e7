"""History, recording and replaying, from files, environment and options."""

from __future__ import annotations

from pathlib import Path

from tests.config.loading import Folder


def test_off_unless_switched_on(folder: Folder) -> None:
    settings = folder.load()
    assert not settings.history.enabled
    assert settings.record is None
    assert settings.replay is None


def test_history_of_the_file(folder: Folder) -> None:
    folder.write("addons.yaml", "history: {enabled: true, directory: /logs, max_mib: 0.5, keep: 0}\n")
    history = folder.load().history
    assert (history.enabled, history.directory, history.max_bytes, history.keep) == (True, Path("/logs"), 512 * 1024, 0)


def test_the_environment_wins(folder: Folder) -> None:
    folder.write("addons.yaml", "history: {enabled: true}\n")
    assert not folder.load({"PARLEY_HISTORY": "false"}).history.enabled
    folder.write("addons.yaml", "")
    assert folder.load({"PARLEY_HISTORY": "true"}).history.enabled


def test_wrong_values_are_named(folder: Folder) -> None:
    folder.write("addons.yaml", "history:\n  max_mib: 0\n")
    (problem,) = folder.problems()
    assert "history.max_mib" in problem


def test_record_and_replay(folder: Folder) -> None:
    folder.write("a.flow", "")
    settings = folder.load(record="b.har", record_session="s", replay=str(folder.path / "a.flow"), replay_fast=True)
    assert settings.record
    assert (settings.record.file, settings.record.session) == (Path("b.har"), "s")
    assert settings.replay
    assert settings.replay.fast


def test_a_recording_that_is_not_there(folder: Folder) -> None:
    (problem,) = folder.problems({"PARLEY_REPLAY": "/no/such.flow"})
    assert "'/no/such.flow' is no file" in problem
