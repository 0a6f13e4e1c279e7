from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy_core.config.watch import FileWatch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "addons.yaml"
    path.write_text("a")
    return path


@pytest.fixture
def watch(file: Path) -> FileWatch:
    return FileWatch([file, file.with_name("other")])


def looks(watch: FileWatch, count: int) -> list[bool]:
    return [watch.changed() for _ in range(count)]


def test_an_edit_is_noticed_until_it_is_accepted(watch: FileWatch, file: Path) -> None:
    assert looks(watch, 2) == [False, False]
    file.write_text("b")
    assert looks(watch, 3) == [False, True, True]
    watch.accept()
    assert looks(watch, 2) == [False, False]


def test_the_same_size_at_the_same_time(watch: FileWatch, file: Path) -> None:
    before = file.stat()
    file.write_text("b")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert looks(watch, 2) == [False, True]


def test_written_in_two_steps(watch: FileWatch, file: Path) -> None:
    file.write_text("")
    assert not watch.changed()
    file.write_text("b")
    assert looks(watch, 2) == [False, True]


def test_a_date_alone_is_no_edit(watch: FileWatch, file: Path) -> None:
    os.utime(file, (0, 0))
    file.rename(file.with_name("x"))
    file.with_name("x").rename(file)
    assert looks(watch, 2) == [False, False]


def test_files_that_come_and_go(watch: FileWatch, file: Path) -> None:
    file.with_name("other").write_text("x")
    assert looks(watch, 2) == [False, True]
    watch.accept()
    file.unlink()
    assert looks(watch, 2) == [False, True]
