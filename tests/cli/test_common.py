"""Where commands print and write to: any encoding, and only where it can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pixelart.cli.common import check_out_file, check_out_folder
from pixelart.cli.main import main
from pixelart.engine import Engine
from pixelart.errors import RequestRejected
from pixelart.images.io import encode_png, read_facts
from tests.corpus import make
from tests.training.files import folder_of, noise


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_names_outside_the_encoding_are_printed_as_marks(tmp_path: Path, encoding: str) -> None:
    files = {f"勇者 Zoë/{i}.png": encode_png(noise(i)) for i in range(8)}
    folder_of(tmp_path / "set", files)
    words = [sys.executable, "-m", "pixelart", "check", "--data", str(tmp_path / "set")]
    told = subprocess.run(words, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}, check=False)
    assert told.returncode == 0 and told.stderr == b""
    assert told.stdout.decode(encoding).startswith("class ?? Zo" + ("?" if encoding == "ascii" else "ë") + "  8 good")


def test_out_is_looked_at_and_not_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    check_out_folder(tmp_path / "new" / "deep")
    check_out_file(tmp_path / "new" / "a.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "gone"]
    with pytest.raises(RequestRejected, match=r"^out .*file: is a file, not a folder$"):
        check_out_folder(tmp_path / "file")
    with pytest.raises(RequestRejected, match=r"^out .*deep: .*file is a file, not a folder$"):
        check_out_folder(tmp_path / "file" / "deep")
    with pytest.raises(RequestRejected, match=r"^out .*gone is a broken link$"):
        check_out_folder(tmp_path / "gone")
    with pytest.raises(RequestRejected, match=r"^sheet .*: is a folder; name a file$"):
        check_out_file(tmp_path, option="sheet")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder that nobody can write to is needed")
def test_a_folder_that_cannot_be_written_to_is_told() -> None:
    with pytest.raises(RequestRejected, match=r"^out /proc/made/here: /proc cannot be written to \(.+\)$"):
        check_out_folder(Path("/proc/made/here"))


def test_an_out_that_cannot_be_written_is_refused_before_anything_is_read_or_drawn(
    tiny_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was read or drawn")

    for name in ("generate", "complete", "enlarge", "inspect", "snap"):
        monkeypatch.setattr(Engine, name, never)
    for place in ("pixelart.cli.check.survey", "pixelart.cli.train.start_run"):
        monkeypatch.setattr(place, never)
    out, checkpoint = str(tmp_path / "file" / "out"), ["--checkpoint", "tiny", "--checkpoints", str(tiny_checkpoints)]
    image = str(tmp_path / "in.png")
    for words in (
        ["generate", *checkpoint],
        ["complete", *checkpoint, "--image", image, "--mask", image],
        ["enlarge", *checkpoint, "--image", image],
        ["inspect", *checkpoint, "--image", image],
        ["check", "--data", str(tmp_path)],
        ["train", "--data", str(tmp_path), "--steps", "1"],
        ["space", "--dry-run", "--folder", str(tiny_checkpoints)],
    ):
        assert main([*words, "--out", out]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"pixelart {words[0]}: out {out}: ") and told.endswith("file is a file, not a folder\n")


def test_complete_keeps_palette_and_profile(tiny_checkpoints: Path, tmp_path: Path) -> None:
    picture = make.FOLDER / "pictures" / "palette-and-profile.png"
    mask = np.zeros((8, 8, 4), np.uint8)
    mask[..., 3], mask[2:4] = 255, 255
    (tmp_path / "mask.png").write_bytes(encode_png(mask))
    words = ["complete", "--checkpoint", "tiny", "--checkpoints", str(tiny_checkpoints), "--scale", "2"]
    words += ["--image", str(picture), "--mask", str(tmp_path / "mask.png"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    kept, given = (read_facts(path.read_bytes(), name="a") for path in (tmp_path / "out" / "0.png", picture))
    assert kept.profile == given.profile == make.PROFILE
    assert kept.palette is not None and given.palette is not None
    assert kept.palette[: len(given.palette)].tolist() == given.palette.tolist()
