"""T22 to T24 and T27: servers that are killed or told to end, jobs that are stopped, data that cannot be used. The
children really train; each starts by a fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pixelart.images.io import encode_png
from pixelart.jobs import Jobs, read_jobs
from pixelart.training.improvement import read_improvements
from pixelart.training.near_copies import read_counted
from pixelart.training.nearest import read_nearest
from tests.jobs.survival import OPTIONS, Cutter
from tests.jobs.waiting import ended, until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
AT_PLAIN_PRIORITY = """
import sys
from pixelart.cli.main import main
from pixelart.jobs import process as child
child.LOWEST = 0
sys.exit(main(sys.argv[1:]))
"""
SERVER_SECONDS, TERM_SECONDS, STOP_SECONDS = 5, 10, 2


def test_a_killed_server_leaves_no_child_and_no_job_loses_a_bit(cutter: Cutter) -> None:
    seconds = cutter.servers(5, signal.SIGKILL)
    assert max(seconds) <= SERVER_SECONDS and cutter.survived + cutter.finished == 5 and cutter.survived > 0


@pytest.mark.long
def test_a_server_told_to_end_saves_first(cutter: Cutter) -> None:
    seconds = cutter.servers(5, signal.SIGTERM)
    assert max(seconds) <= TERM_SECONDS and cutter.survived + cutter.finished == 5 and cutter.survived > 0


@pytest.mark.long
def test_a_stopped_job_ends_soon_and_loses_no_bit(cutter: Cutter) -> None:
    seconds = cutter.stops(20)
    assert np.percentile(seconds, 95) <= STOP_SECONDS and cutter.survived + cutter.finished == 20


@pytest.mark.parametrize(
    ("colour", "count", "state", "reason"),
    [
        (None, 0, "failed", "data.zip: holds no picture (.png"),
        ((0, 0, 0, 0), 9, "failed", "every picture is wholly transparent"),
        ((9, 9, 9, 255), 9, "done", ""),  # all alike, and of one colour
    ],
    ids=["nothing", "transparent", "one colour, all alike"],
)
def test_odd_pictures_train_or_are_told(
    cutter: Cutter,
    open_jobs: Callable[..., Jobs],
    tmp_path: Path,
    colour: tuple[int, ...] | None,
    count: int,
    state: str,
    reason: str,
) -> None:
    archive = tmp_path / "odd.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "hello")
        for number in range(count):
            file.writestr(f"a/{number}.png", encode_png(np.full((8, 8, 4), colour, np.uint8)))
    jobs = open_jobs(cutter.program)
    options = {**OPTIONS, "steps": 4, "batch_size": 16, "validation_share": 0.0}
    end = ended(jobs, jobs.submit("ann", "mine", options, archive))
    assert end.state == state and end.reason.startswith(reason)


def test_a_job_from_a_base_is_exported_under_its_name(
    cutter: Cutter, open_jobs: Callable[..., Jobs], own_checkpoints: Path
) -> None:
    jobs = open_jobs(cutter.program, own_checkpoints)
    job = jobs.submit("ann", "mine", {"base": "tiny", "steps": 4, "batch_size": 16}, cutter.data)
    assert ended(jobs, job).state == "done", jobs.get("ann", job.id).reason
    assert jobs.folder("ann", job.id).data.exists(), "of one user: it can be continued"
    assert jobs.export("ann", job.id) == "mine" == jobs.export("ann", job.id)
    assert (own_checkpoints / "mine" / "model.safetensors").is_file()
    folder = jobs.folder("ann", job.id)
    assert [row["step"] for row in folder.measures()] == [4] and len(folder.samples()) == 2
    assert (counted := read_counted(folder.run)) and counted.step == 4 and counted.samples == 16
    assert len(read_nearest(folder.run)) == 8
    (compared,) = read_improvements(folder.run)
    assert compared.step == 4 == folder.kept_step and compared.pictures > 0
    assert (progress := folder.progress()) and progress.phase == "finished"


def test_the_real_program_is_killed_and_taken_up_from_the_terminal(
    cutter: Cutter, open_jobs: Callable[..., Jobs], tmp_path: Path
) -> None:
    jobs = open_jobs(cutter.program)
    job = jobs.submit("ann", "mine", {**OPTIONS, "steps": 400}, cutter.data)
    run = jobs.folder("ann", job.id).run
    until((run / "progress.json").exists)
    jobs.close()
    assert read_jobs(tmp_path / "jobs")[0].state == "interrupted"
    words = ["jobs", "--folder", str(tmp_path / "jobs"), "--resume", job.id]
    command = [sys.executable, "-c", AT_PLAIN_PRIORITY, *words]
    before = (run / "progress.json").stat().st_mtime_ns
    server = subprocess.Popen(command, cwd=ROOT)
    try:
        until(lambda: (run / "progress.json").stat().st_mtime_ns != before, patience=200)
    finally:
        server.kill()
        server.wait()
    again = open_jobs(cutter.program)  # waits for the child of the killed one
    again.resume("ann", job.id)
    assert ended(again, job).state == "done"
    assert os.path.exists(run / "step-00000400")
