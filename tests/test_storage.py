"""Files are replaced at once, also by several writers and after killed ones."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pixelart.storage import Files, new_file, write_file


def test_a_second_writer_changes_nothing_of_what_the_first_has_written(tmp_path: Path) -> None:
    """Two processes make the same shard, for example because the file system has lost a lock."""
    path = tmp_path / "shard.zip"
    with new_file(path) as first:
        first.write(b"begin, ")
        first.flush()
        with new_file(path) as second:
            second.write(b"all of the second")
            second.flush()
            first.write(b"end")
        assert path.read_bytes() == b"all of the second"
    assert path.read_bytes() == b"begin, end"
    assert [one.name for one in tmp_path.iterdir()] == ["shard.zip"]


def test_a_writer_that_fails_leaves_the_file_of_another(tmp_path: Path) -> None:
    path = tmp_path / "shard.zip"
    with pytest.raises(KeyboardInterrupt), new_file(path) as first:
        with new_file(path) as second:
            second.write(b"whole")
        first.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"whole" and len([*tmp_path.iterdir()]) == 1


def test_files_that_killed_processes_left_are_deleted_an_hour_later(tmp_path: Path) -> None:
    names = ("old.json", ".old.json.0123abcd.tmp", ".new.json.0123abcd.tmp", ".mine.tmp", ".folder.0123abcd.tmp")
    old, left, fresh, other, folder = (tmp_path / name for name in names)
    folder.mkdir()
    for file in (old, left, fresh, other):
        file.write_bytes(b"half")
    long_ago = time.time() - 7200
    for path in (old, left, other, folder):
        os.utime(path, (long_ago, long_ago))
    write_file(tmp_path / "a.json", b"{}")
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", old.name, fresh.name, other.name, folder.name}


def test_a_write_lists_a_folder_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else thousands of pictures in a folder would cost a listing each."""
    listed, plain = list[Path](), Path.glob
    monkeypatch.setattr(Path, "glob", lambda path, pattern: [listed.append(path), *plain(path, pattern)][1:])
    for number in range(3):
        write_file(tmp_path / f"{number}.png", b"")
    assert listed == [tmp_path]


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    for name in ("x" * 255, "\U0001f984" * 63):
        write_file(tmp_path / name, b"data", files=Files(private=True))
        assert (tmp_path / name).read_bytes() == b"data"
