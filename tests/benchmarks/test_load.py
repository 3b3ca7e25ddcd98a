"""Visitors of a small app, and a training beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.load import app_process, burst, held, lines, visits
from benchmarks.page_client import Client, start_training
from tests.ui.serving import GRADIO_WARNINGS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(*GRADIO_WARNINGS)]


@pytest.mark.long
def test_visitors_draw_beside_a_training_that_really_runs(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "tiny"), "zip", tiny_data))
    checkpoints = shutil.copytree(tiny_checkpoints, tmp_path / "checkpoints")
    with app_process(checkpoints, tmp_path / "jobs") as (url, pid, temporary):
        end = start_training(url, "tiny", archive, minutes=1)
        tally = visits(url, "tiny", users=2, seconds=8, think=0.2, third=lambda: None)
        assert tally.errors == [] and tally.changed_pixels == 0 and len(tally.seconds) == 2
        assert any("| complete |" in line for line in lines("beside", tally, None, held(pid, temporary)))
        assert end().startswith("Training")
        met = burst(url, "tiny", size=3)
        assert (met.served, met.refused) == (3, 0) and Client(url).draw("page_generate", "tiny", None)
