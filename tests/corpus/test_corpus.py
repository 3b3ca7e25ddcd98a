"""The files of the corpus are what its script writes."""

from __future__ import annotations

from tests.corpus import make


def test_the_script_writes_these_files_and_no_others() -> None:
    there = {
        path.relative_to(make.FOLDER).as_posix(): path.read_bytes()
        for path in make.FOLDER.glob("*/*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert there == make.files()


def test_the_files_are_small() -> None:
    assert sum(map(len, make.files().values())) < 200_000
