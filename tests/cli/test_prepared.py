"""A run that a rented machine has trained is continued here with the same options."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixelart.cli.main import parse
from pixelart.cli.prepared import PREPARED_FILE, prepare_pictures
from pixelart.cli.train import open_run
from pixelart.errors import RequestRejected
from pixelart.images.io import encode_png
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import read_pictures
from pixelart.training.data.survey import Options
from pixelart.training.runs import start_run
from tests.training.files import folder_of, noise

MORE = "--steps=5 --threads=1 --precision=fp32 --memory-format=channels_last"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pictures in two splits, whose classes are sorted in another way than their files, and one of another size."""
    files = {f"{split}/{name}/{i}.png": noise(10 * i + j) for i in range(3) for j, (split, name) in enumerate(PLACES)}
    found = folder_of(tmp_path / "data", {name: encode_png(picture) for name, picture in files.items()})
    (found / "train" / "cross" / "large.png").write_bytes(encode_png(noise(99), scale=2))
    return found


PLACES = [("train", "cross"), ("train", "stripe"), ("test", "cross"), ("test", "stripe")]


def words(data: Path, run: Path, more: str = MORE) -> list[str]:
    return ["train", f"--data={data}", f"--out={run}", "--fit=nearest", "--frames=all", *more.split()]


@pytest.mark.slow
def test_a_rented_run_goes_on_here_with_the_same_options(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    prepared = prepare_pictures(parse(words(data, run)))
    assert prepared == run / PREPARED_FILE and len(read_pictures(prepared)) == 13
    schedule = Schedule(steps=4, threads=1, precision="fp32", memory_format="channels_last")
    with start_run(run, prepared, preset="debug", colours=8, schedule=schedule):
        before = prepared.read_bytes()
    with open_run(parse([*words(data, run), "--resume"])) as trainer:
        assert trainer.config.schedule.steps == 5 and len(trainer.sets[0]) == 13
    with open_run(parse([*words(prepared, run), "--resume"])):
        pass
    (data / "train" / "cross" / "0.png").unlink()
    with pytest.raises(RequestRejected, match="not the pictures that this training was started with"):
        open_run(parse([*words(data, run), "--resume"]))
    assert prepared.read_bytes() == before and not list(run.glob(".pictures*"))


def test_a_checked_set_has_one_size() -> None:
    with pytest.raises(RequestRejected, match="fit keep: a checked set has one size"):
        Options(fit="keep").check()
