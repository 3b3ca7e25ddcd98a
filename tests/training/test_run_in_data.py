"""A run whose folder lies among its own pictures: it trains, and is found the same when it goes on."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from pixelart.errors import RequestRejected
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import read_pictures
from pixelart.training.data.survey import survey
from pixelart.training.export import export_run
from pixelart.training.runs import start_run
from tests.training.runs import resumed


@pytest.fixture
def pictures(tiny_data: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_data, tmp_path / "data")


def train(run: Path, data: Path) -> None:
    schedule = Schedule(steps=2, batch_size=2, save_every=1, threads=1)
    with start_run(run, data, preset="debug", colours=8, schedule=schedule) as trainer:
        trainer.train()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["run", "cross/run", "a/b/run"])
def test_it_is_no_part_of_the_pictures(pictures: Path, place: str) -> None:
    before = read_pictures(pictures).fingerprint()
    train(pictures / place, pictures)
    assert list((pictures / place / "samples").glob("*.png")), "there is something that could be taken for a picture"
    export_run(pictures / place, pictures / "checkpoints" / "mine")
    Image.new("RGBA", (8, 8), "red").save(pictures / "checkpoints" / "mine" / "samples.png")
    assert read_pictures(pictures).fingerprint() == before
    again = resumed(pictures / place, pictures, steps=4)
    again.train()
    assert again.step == 4 and again.config.classes == ("cross", "stripe")


@pytest.mark.slow
def test_it_is_told_once_by_a_survey_and_left_out_of_archives(pictures: Path, tmp_path: Path) -> None:
    train(pictures / "run", pictures)
    told = [str(problem) for problem in survey(pictures).problems]
    assert told == ["skipped, the folder of a run or checkpoint: run"]
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", pictures))
    assert any("samples" in name for name in zipfile.ZipFile(archive).namelist())
    assert read_pictures(archive).fingerprint() == read_pictures(pictures).fingerprint()


def test_a_file_run_json_alone_marks_nothing(pictures: Path) -> None:
    before = len(read_pictures(pictures))
    (pictures / "cross" / "run.json").write_text('{"frames": {}}')
    assert len(read_pictures(pictures)) == before


def test_the_folder_of_the_pictures_itself_is_refused(pictures: Path) -> None:
    files = sorted(pictures.rglob("*"))
    with pytest.raises(RequestRejected, match="data: is the folder of the pictures; choose another"):
        train(pictures, pictures)
    assert sorted(pictures.rglob("*")) == files
