"""The benchmark of giving way, with a training that trains nothing."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.give_way import measure
from pixelart.engine import Engine
from pixelart.jobs import Jobs
from tests.jobs import stub


@pytest.mark.long  # it compares times, which a busy machine makes meaningless
def test_a_training_hardly_moves_while_somebody_draws_all_the_time(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    data = Path(shutil.make_archive(str(tmp_path / "pictures"), "zip", tiny_data))
    options = argparse.Namespace(checkpoint="tiny", completions=6, pause=0.0, seconds=0.8, warm_steps=2, data=data)
    with Jobs(tmp_path / "jobs", checkpoints=tiny_checkpoints, program=(sys.executable, stub.__file__)) as jobs:
        engine = Engine(tiny_checkpoints, device=torch.device("cpu"), on_drawing=jobs.pause_for_drawing)
        found = measure(jobs, engine, options)
    speeds = found["steps_per_second"]
    assert speeds["nobody draws"] > 0 and speeds["one after another"] < speeds["nobody draws"] / 2
    assert found["alone_p95"] > 0 and set(found["beside_p95"]) == {"one after another", "0 s between"}
