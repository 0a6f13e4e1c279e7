"""Names, modes and rotation of a session's file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from proxy_core.history.files import HistoryFiles, default_directory, name_of

HOSTILE = ["../../etc/passwd", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "a\x00b", "-rf", "CON", "con", "A", "a.1"]


def files(folder: Path, max_bytes: int = 1000, keep: int = 2) -> HistoryFiles:
    return HistoryFiles(folder / "history", max_bytes, keep)


@pytest.mark.parametrize("session", [*HOSTILE, "é" * 300, "x" * 300])
def test_a_name_stays_in_its_folder(tmp_path: Path, session: str) -> None:
    log = files(tmp_path)
    log.append(session, b"{}\n")
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert file == log.path(session)
    assert file.parent == tmp_path / "history"
    assert len(file.name) < 120
    assert not file.name.startswith((".", "-"))


def test_different_sessions_have_different_files() -> None:
    sessions = [*HOSTILE, "a_b", "a", "x" * 80, "x" * 81, "x" * 82]
    assert len({name_of(session).lower() for session in sessions}) == len(sessions)


def test_a_plain_id_is_its_own_name() -> None:
    assert name_of("c-0a1b2c3d") == "c-0a1b2c3d"
    assert name_of("0f8fad5b-d9cb-469f-a165-70867728950e") == "0f8fad5b-d9cb-469f-a165-70867728950e"


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    log = files(tmp_path, max_bytes=3)
    for _ in range(3):
        log.append("s", b"{}\n")
    kept = list((tmp_path / "history").iterdir())
    assert len(kept) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert stat.S_IMODE((tmp_path / "history").stat().st_mode) == 0o700


def test_a_file_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    log = files(tmp_path)
    log.append("s", b"1\n")
    log.path("s").chmod(0o644)
    log.append("s", b"2\n")
    assert stat.S_IMODE(log.path("s").stat().st_mode) == 0o600


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    log = files(tmp_path)
    log.directory.mkdir()
    (tmp_path / "elsewhere").write_bytes(b"")
    log.path("s").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"s\.jsonl"):
        log.append("s", b"{}\n")
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_full_files_are_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    log = files(tmp_path, max_bytes=8, keep=2)
    for number in range(8):
        log.append("s", b'{"%d"}\n' % number)
    assert sorted(path.name for path in log.directory.iterdir()) == ["s.jsonl", "s.jsonl.1", "s.jsonl.2"]
    assert list(log.lines("s")) == [b'{"5"}\n', b'{"6"}\n', b'{"7"}\n']


def test_a_line_is_never_split_even_when_it_is_larger_than_a_file(tmp_path: Path) -> None:
    log = files(tmp_path, max_bytes=8, keep=5)
    log.append("s", b"x" * 50 + b"\n")
    log.append("s", b"y\n")
    assert list(log.lines("s")) == [b"x" * 50 + b"\n", b"y\n"]


def test_none_kept(tmp_path: Path) -> None:
    log = files(tmp_path, max_bytes=4, keep=0)
    for number in range(3):
        log.append("s", b"%d\n\n\n" % number)
    assert next(iter(log.lines("s"))) == b"2\n"
    assert [path.name for path in log.directory.iterdir()] == ["s.jsonl"]


def test_rotated_files_are_no_sessions(tmp_path: Path) -> None:
    log = files(tmp_path, max_bytes=4)
    for session in ("one", "one", "two"):
        log.append(session, b"{}\n\n")
    assert sorted(log.names()) == ["one", "two"]


def test_the_default_folder(tmp_path: Path) -> None:
    assert default_directory({"XDG_STATE_HOME": "/s"}) == Path("/s/parley/history")
    assert default_directory({"HOME": "/h"}) == Path("/h/.local/state/parley/history")
