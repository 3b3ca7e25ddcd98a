"""`python -m pixelart check`: what it prints, what it writes, and one plain line on bad input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelart.cli import check as check_command
from pixelart.cli.main import main
from pixelart.images.io import encode_png, read_picture
from pixelart.training.data.pictures import read_pictures
from tests.training.files import folder_of, noise, zip_of

Check = Callable[..., Any]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """check("--data", path, ...): the JSON that is printed, or, on bad input, the line that is."""

    def call(*words: object) -> Any:
        capsys.readouterr()
        code = main(["check", *map(str, words), "--json"])
        printed = capsys.readouterr()
        if code == 0:
            assert printed.err == "" and printed.out.count("\n") == 1
            return json.loads(printed.out)
        assert code == 2 and printed.out == "" and printed.err.count("\n") == 1
        return printed.err

    return call


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """An archive of a sheet of 3 x 4 tiles of 8 x 8, two pixels apart, one from the corner, enlarged twice."""
    sheet = np.zeros((1 + 3 * 10, 1 + 4 * 10, 4), np.uint8)
    for i in range(12):
        sheet[1 + i // 4 * 10 :, 1 + i % 4 * 10 :][:8, :8] = noise(i)
    files = {"rocks/sheet.png": encode_png(sheet, scale=2), "rocks/notes.txt": b"by me"}
    return zip_of(tmp_path / "sheets.zip", files)


def test_a_sheet_is_cut_and_prepared(check: Check, sheets: Path, tmp_path: Path) -> None:
    slicing = ("--true-grid", "--tile", 8, "--margin", 1, "--spacing", 2)
    out, sheet = tmp_path / "new" / "prepared.zip", tmp_path / "new" / "sheet.png"
    result = check("--data", sheets, *slicing, "--out", out, "--sheet", sheet)
    assert result["ready"] and result["images"] == 12 and result["size"] == [8, 8]
    assert result["classes"] == [
        {"name": "rocks", "images": 12, "colours": result["colours"], "sizes": [{"size": [8, 8], "images": 12}]}
    ]
    assert [problem["places"] for problem in result["problems"]] == [["rocks/notes.txt"], ["rocks/sheet.png"]]
    read = read_pictures(out)
    assert np.array_equal(read.pictures, np.stack([noise(i) for i in range(12)]))
    assert read.fingerprint() == result["fingerprint"]
    assert np.array_equal(read_picture(sheet)[:8, 9:17], noise(1))


def test_what_is_printed_names_classes_problems_and_the_state(
    sheets: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--data", str(sheets)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("class rocks  1 good  sizes: 82 x 62 (1)  ")
    assert told[1] == "needed: 1 picture; at least 8 are needed"
    assert "note: skipped, not a picture file: rocks/notes.txt" in told
    assert told[-1].endswith("not ready to train on")
    assert main(["check", "--data", str(tiny_data)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("; ready to train on")


def test_of_many_places_some_are_named(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_command, "MAX_PLACES", 2)
    source = folder_of(tmp_path / "set", {f"{i}.txt": b"" for i in range(5)})
    problem = check("--data", source)["problems"][1]
    assert problem["count"] == 5 and problem["places"] == ["0.txt", "1.txt"]


@pytest.mark.parametrize(("text", "size"), [("4", [4, 4]), ("4x8", [4, 8])])
def test_a_size_is_width_times_height(check: Check, tiny_data: Path, text: str, size: list[int]) -> None:
    assert check("--data", tiny_data, "--size", text, "--fit", "nearest")["size"] == size
    assert check("--data", tiny_data, "--tile", text)["size"] == size


def test_copies_may_be_kept(check: Check, tiny_data: Path, tmp_path: Path) -> None:
    source = shutil.copytree(tiny_data, tmp_path / "set")
    shutil.copytree(tiny_data / "cross", source / "more")
    assert check("--data", source)["images"] == 40
    assert check("--data", source, "--keep-copies")["images"] == 60


def test_a_dataset_of_the_hub_is_checked_and_prepared(
    check: Check, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(dataset_id: str, target: Path, *, token: str | None, on_progress: Callable[[int, int], None]) -> Path:
        asked.append((dataset_id, token, target))
        on_progress(1, 2)
        return shutil.copytree(tiny_data, target)

    monkeypatch.setattr(check_command, "local_token", lambda: "mine")
    monkeypatch.setattr(check_command, "fetch_dataset", fetch)
    assert check("--hub", "art/sprites", "--out", tmp_path / "out.zip")["images"] == 40
    ((dataset_id, token, target),) = asked
    assert (dataset_id, token, target.name) == ("art/sprites", "mine", "dataset") and not target.exists()
    assert read_pictures(tmp_path / "out.zip").fingerprint() == read_pictures(tiny_data).fingerprint()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--data {set}/gone", "neither a folder nor a .zip"),
        ("--data {set} --out {set}/out.zip", "set: 3 pictures; at least 8 are needed"),
        ("--data {set} --out {set}", "is a folder"),
        ("--data {zip} --out {zip}", "is the same file as --data"),
        ("--data {zip} --sheet {zip}", "is the same file as --data"),
        ("--data {set} --margin 1", "need --tile"),
        ("--data {set} --tile 8 --margin -1", "margin -1: must be from 0 to 1024"),
        ("--data {set} --tile 0", "tile height 0: must be from 1 to 1024"),
        ("--data {set} --size 2000", "size 2000: must be from 1 to 1024"),
    ],
)
def test_bad_input_is_told_in_one_line_and_changes_nothing(check: Check, tmp_path: Path, words: str, told: str) -> None:
    files = {f"{i}.png": encode_png(noise(i)) for i in range(3)}
    places = {"set": folder_of(tmp_path / "set", files), "zip": zip_of(tmp_path / "set.zip", files)}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    line = check(*(word.format(**places) for word in words.split()))
    assert line.startswith("pixelart check: ") and told in line
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "words", ["", "--data a --hub b/c", "--data a --tile x", "--data a --size 8x", "--data a --size 1x2x3"]
)
def test_words_that_are_not_understood_are_told(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["check", *words.split()])
    printed = capsys.readouterr()
    assert left.value.code == 2 and printed.err.count("\n") == 1 and printed.out == ""
