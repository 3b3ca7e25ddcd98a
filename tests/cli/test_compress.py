"""`python -m pixelart compress` and `decompress`: a folder goes into one file and comes back as it was."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixelart.compression.archive import read_header
from pixelart.images.codec import Picture
from pixelart.images.io import read_picture
from tests.cli.conftest import Run
from tests.compression.test_archive import with_program
from tests.corpus.encoders import png

__all__ = ["with_program"]  # a fixture


@pytest.fixture
def folder(tiny_data: Path, tmp_path: Path) -> Path:
    """Three pictures in folders of classes, and one beside them."""
    place = tmp_path / "set"
    for name in ("cross/00.png", "cross/03.png", "stripe/01.png"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_data / name, place / name)
    shutil.copy(tiny_data / "cross/05.png", place / "alone.png")
    (place / "notes.txt").write_text("no picture")
    return place


def test_a_folder_comes_back_with_its_folders(run: Run, tiny_checkpoints: Path, folder: Path, tmp_path: Path) -> None:
    told = run("compress", folder, "--checkpoint tiny --json --checkpoints", tiny_checkpoints, "--out", tmp_path / "to")
    file = tmp_path / "to" / "set.pxc"
    assert told.json == {"file": str(file), "bytes": file.stat().st_size, "images": 4}
    assert read_header(file.read_bytes())[0].listing.classes == (-1, 0, 0, 1)
    for path in (file, file.parent):
        back = tmp_path / "back" / path.name
        told = run("decompress", path, "--json --checkpoints", tiny_checkpoints, "--out", back).json
        assert sorted(told["images"]) == sorted(str(one) for one in back.rglob("*.png")) and len(told["images"]) == 4
        for one in back.rglob("*.png"):
            assert np.array_equal(read_picture(one), read_picture(folder / one.relative_to(back)))


def test_files_of_a_folder_do_not_replace_each_other(
    run: Run, tiny_checkpoints: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "set.v1").mkdir()
    shutil.copy(folder / "cross/00.png", tmp_path / "set.v1" / "alone.png")  # another picture of this name
    where = ("--checkpoints", tiny_checkpoints, "--out")
    for path in (folder, tmp_path / "set.v1"):
        assert run("compress", path, "--checkpoint tiny", *where, tmp_path / "to").code == 0
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == ["set.pxc", "set.v1.pxc"]
    told = run("decompress", tmp_path / "to", *where, tmp_path / "back")
    assert told.code == 2 and "set.v1.pxc: alone.png comes from another file, too" in told.err
    assert np.array_equal(read_picture(tmp_path / "back/alone.png"), read_picture(folder / "alone.png"))


def test_what_could_not_come_back_is_not_compressed(
    run: Run, tiny_checkpoints: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--checkpoint tiny --checkpoints", tiny_checkpoints, "--out", tmp_path / "to")
    (folder / "cross.png").mkdir()
    shutil.copy(folder / "alone.png", folder / "cross.png/1.png")
    Image.fromarray(read_picture(folder / "alone.png")).convert("RGB").save(folder / "cross.bmp")
    told = run("compress", folder, *where)
    assert told.code == 2 and "cross.png would be a picture and a folder" in told.err
    (folder / "cross.bmp").unlink()
    scan = os.scandir

    def refusing(path: str) -> Any:
        if Path(path).name == "stripe":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    told = run("compress", folder, *where)
    assert told.code == 2 and told.err.endswith(f"{folder / 'stripe'}: Permission denied\n")
    assert not (tmp_path / "to").exists()


def test_a_picture_comes_back_under_its_name(run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path) -> None:
    image = sprite / "in.png"
    run("compress", image, "--checkpoint", tiny_checkpoints / "tiny", "--class cross --out", tmp_path)
    told = run("decompress", tmp_path / "in.pxc", "--checkpoint", tiny_checkpoints / "tiny", "--out", tmp_path)
    assert told.code == 0 and told.out.splitlines() == [f"{tmp_path}: 1 pictures"]
    assert np.array_equal(read_picture(tmp_path / "in.png"), read_picture(image))


def test_bad_input_is_refused_in_one_line(
    run: Run, tiny_checkpoints: Path, sprite: Path, tmp_path: Path, tiny_pictures: dict[str, Picture]
) -> None:
    where, empty = ("--checkpoints", tiny_checkpoints, "--out", tmp_path / "to"), tmp_path / "empty"
    empty.mkdir()
    frames = [Image.fromarray(picture) for picture in tiny_pictures["cross"][:2]]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "broken.pxc").write_bytes(b"PXC\x01\x04tiny")
    Image.new("RGBA", (9, 9)).save(tmp_path / "large.png")
    for kind, channels in ((0, ()), (2, (3,)), (4, (2,)), (6, (4,))):  # grey, RGB, and both with alpha
        (tmp_path / f"deep{kind}.png").write_bytes(png(np.full((8, 8, *channels), 0x1234), kind=kind, depth=16))
        told = run("compress", tmp_path / f"deep{kind}.png", "--checkpoint tiny", *where)
        assert told.code == 2 and told.err.endswith(f"deep{kind}.png: has 16 bits per channel; save it with 8\n")
    for words, error in (
        (("compress", empty, "--checkpoint tiny"), "empty: holds no picture"),
        (("compress", tmp_path / "two.gif", "--checkpoint tiny"), "two.gif: is an animation"),
        (("compress", tmp_path / "large.png", "--checkpoint tiny"), "large.png is 9 x 9; tiny draws 8 x 8"),
        (("compress", sprite / "in.png", "--checkpoint tiny --class wizard"), "class 'wizard' is not one of"),
        (("compress", sprite / "in.png", "--checkpoint none"), "checkpoint 'none' not found"),
        (("decompress", empty), "empty: holds no .pxc file"),
        (("decompress", sprite / "in.png"), "in.png: not a file of compressed pictures"),
        (("decompress", tmp_path / "broken.pxc"), "broken.pxc: the file is damaged or cut off"),
        (("decompress", tmp_path / "none.pxc"), "No such file"),
    ):
        told = run(*words, *where)
        assert told.code == 2 and error in told.err and len(told.err.splitlines()) == 1, told.err
    assert not (tmp_path / "to").exists()
