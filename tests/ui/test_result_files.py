"""The files of results: kept for their pages, within a limit."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from pixelart.engine import Drawing
from pixelart.errors import RequestRejected
from pixelart.storage import Files
from pixelart.ui.results import BLOCK, ResultFiles
from tests.modes import readable_by_others


def drawing(seed: int) -> Drawing:
    picture = np.full((4, 4, 4), 255, np.uint8)
    picture[0, 0, :3] = seed % 256, seed // 256, 0
    return Drawing(picture, seed, -1.0, {})


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.png")}


def test_the_oldest_go_first_and_gradio_forgets_them(tmp_path: Path) -> None:
    book: set[str] = set()
    results = ResultFiles(tmp_path, [book], most=4 * 2 * BLOCK)
    paths = [results.save(drawing(seed)) for seed in range(4)]
    book.update(paths)
    results.save(drawing(0))  # asked for again, so no longer the oldest
    results.save(drawing(4))
    assert files_in(tmp_path) == {f"any_{seed}_4x4.png" for seed in (0, 2, 3, 4)}
    assert paths[1] not in book and paths[0] in book and len(list(tmp_path.iterdir())) == 4


def test_no_number_of_results_fills_the_disk(tmp_path: Path) -> None:
    results = ResultFiles(tmp_path, most=20 * 2 * BLOCK)
    for seed in range(60):
        results.save(drawing(seed))
        assert len(files_in(tmp_path)) <= 20
    assert "any_59_4x4.png" in files_in(tmp_path)


def test_what_is_old_goes(tmp_path: Path) -> None:
    results = ResultFiles(tmp_path, seconds=-1.0)
    results.save(drawing(1))
    assert files_in(tmp_path) == set()


class SmallDisk:
    """A disk that has room for `files` PNG files."""

    def __init__(self, folder: Path, files: int) -> None:
        self.folder, self.files, self.write = folder, files, Files.write

    def __call__(self, files: Files, path: Path, data: bytes) -> None:
        if len(files_in(self.folder)) >= self.files:
            path.touch()  # as much of it as there is room for
            raise OSError(errno.ENOSPC, "No space left on device")
        self.write(files, path, data)


def test_on_a_full_disk_the_oldest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book: set[str] = set()
    results, disk = ResultFiles(tmp_path, [book]), SmallDisk(tmp_path, 2)
    monkeypatch.setattr(Files, "write", lambda *given: disk(*given))
    for seed in range(4):
        path = Path(results.save(drawing(seed)))
        assert path.read_bytes() == drawing(seed).png()
    assert files_in(tmp_path) == {"any_2_4x4.png", "any_3_4x4.png"} and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_without_any_room_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(files: Files, path: Path, data: bytes) -> None:
        path.touch()
        raise OSError(number, "No room" if number == errno.ENOSPC else "Read-only file system")

    results = ResultFiles(tmp_path)
    monkeypatch.setattr(Files, "write", full)
    with pytest.raises(RequestRejected, match=r"^The result could not be saved to the disk: (No room|Read-only.*)\.$"):
        results.save(drawing(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.usefixtures("no_umask")
def test_no_other_user_of_the_machine_may_read_results(tmp_path: Path) -> None:
    path = ResultFiles(tmp_path / "gradio").save(drawing(1))
    assert Path(path).is_file() and readable_by_others(tmp_path / "gradio") == {}


def test_a_desktop_keeps_every_picture_in_the_folder_of_its_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    results = ResultFiles(tmp_path / "cache", outputs=tmp_path / "outputs")
    other = Drawing(np.zeros((4, 4, 4), np.uint8), 1, -1.0, {"seed": 1})
    for drawings in ([drawing(1), drawing(2)], [drawing(1)], [other], [other]):
        results.archive(drawings)
    (folder,) = (tmp_path / "outputs").iterdir()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "any_1_4x4.png": drawing(1).png(),
        "any_2_4x4.png": drawing(2).png(),
        "any_1_4x4-2.png": other.png(),
    }, "equal files once, others beside them"
    ResultFiles(tmp_path / "cache").archive([drawing(3)])
    assert files_in(tmp_path) == {path.name for path in folder.iterdir()}, "a server keeps none"

    def full(files: Files, path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No room")

    monkeypatch.setattr(Files, "write", full)
    results.archive([drawing(4)])
    assert "No room" in caplog.text
