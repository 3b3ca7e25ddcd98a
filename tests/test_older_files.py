"""Files of the version before modules moved are read as before: checkpoints, runs, jobs, and the settings in pictures.

tests/compat/version-0.1.zip holds a checkpoint, a run that was stopped at step 2 of 4, a folder of jobs, the pictures
they learned from, and a picture drawn by the checkpoint.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelart.engine import Engine, Request
from pixelart.images.io import read_picture
from pixelart.jobs import Jobs, read_jobs
from pixelart.settings import SETTINGS
from tests.training.runs import resumed

FILES = Path(__file__).parent / "compat" / "version-0.1.zip"
pytestmark = pytest.mark.trains


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The files, unpacked."""
    with zipfile.ZipFile(io.BytesIO(FILES.read_bytes())) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "run" / "lock").touch()
    return tmp_path


def test_a_picture_tells_how_to_draw_it_again_bit_for_bit(older: Path) -> None:
    with Image.open(older / "drawn.png") as file:
        told = json.loads(file.info["pixelart"])
    request = Request("old", class_weights=told["class_weights"], seed=told["seed"], temperature=told["temperature"])
    drawn = Engine(older / "checkpoints").generate(request)[0].picture
    assert np.array_equal(drawn, read_picture(older / "drawn.png"))


def test_a_run_goes_on(older: Path) -> None:
    trainer = resumed(older / "run", older / "data")
    assert trainer.step == 2
    trainer.train()
    assert trainer.step == 4 and trainer.config.schedule.learning_rate > 0


def test_jobs_are_listed_and_can_be_exported(older: Path) -> None:
    (job,) = read_jobs(older / "jobs")
    assert (job.owner, job.name, job.options["base"]) == ("ann", "mine", "old")
    with Jobs(older / "jobs", checkpoints=older / "checkpoints", settings=SETTINGS.for_one_user()) as jobs:
        assert jobs.export("ann", job.id) == "mine"
    assert Engine(older / "checkpoints").info("mine").classes[:2] == ("cross", "stripe")
