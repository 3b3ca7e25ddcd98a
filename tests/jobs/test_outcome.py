"""T27: how jobs end that fail or reach a limit of memory or minutes, and the reason that is told."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from pixelart.jobs import ENDED
from pixelart.jobs import process as child
from pixelart.jobs.process import COMMAND
from pixelart.training.failures import OUT_OF_MEMORY
from tests.jobs import stub
from tests.jobs.bystanders import LONG
from tests.jobs.conftest import Open
from tests.jobs.waiting import ended, until


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        (stub.BAD_INPUT, "failed", "run: nothing to train on"),
        (stub.FULL_DISK, "failed", "run: No space left on device"),
        (stub.KILLED, "failed", OUT_OF_MEMORY),
        (stub.MEMORY, "failed", OUT_OF_MEMORY),
        (stub.ALLOCATION, "failed", OUT_OF_MEMORY),
        (stub.CRASH, "failed", "ended with code 1: ZeroDivisionError: division by zero"),
        (stub.TOLD_BY_ANOTHER, "interrupted", "the process was stopped from outside [RESUME]"),
    ],
)
def test_each_end_has_its_reason(open_jobs: Open, data: Path, fault: int, state: str, reason: str) -> None:
    jobs = open_jobs()
    end = ended(jobs, jobs.submit("ann", "mine", {"steps": 5, "seed": fault}, data))
    told = end.reason.replace("run/", "run")
    assert end.state == state and (told.startswith(reason) if reason == OUT_OF_MEMORY else told == reason)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited on Linux alone")
def test_a_job_has_a_limit_of_memory(open_jobs: Open, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "pick_device", lambda: torch.device("cpu"))
    jobs = open_jobs(max_job_bytes=512 << 20)
    end = ended(jobs, jobs.submit("ann", "mine", {"steps": 5, "seed": stub.GREEDY}, data))
    assert end.state == "failed" and end.pid
    assert end.reason == "out of memory: a training may use 512 MiB here; try a smaller batch size or smaller pictures"
    other = ended(jobs, jobs.submit("ann", "mine-2", {"steps": 5}, data))
    assert (other.state, other.reason) == ("done", "")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited on Linux alone")
def test_a_training_that_wants_more_memory_than_a_job_may_take_says_so(
    open_jobs: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "pick_device", lambda: torch.device("cpu"))
    (tmp_path / "large" / "flat").mkdir(parents=True)
    for number in range(10):
        Image.new("RGBA", (1024, 1024), (number, 0, 0, 255)).save(tmp_path / "large" / "flat" / f"{number}.png")
    large = Path(shutil.make_archive(str(tmp_path / "large"), "zip", tmp_path / "large"))
    jobs = open_jobs(program=COMMAND, max_job_bytes=1024 << 20)
    job = jobs.submit("ann", "mine", {"steps": 5, "preset": "debug", "precision": "fp32"}, large)
    until(lambda: jobs.get("ann", job.id).state in ENDED, patience=600)
    end = jobs.get("ann", job.id)
    assert end.state == "failed" and end.reason.startswith("out of memory: a training may use 1,024 MiB here;")


@pytest.mark.slow
def test_a_job_has_a_limit_of_minutes_and_goes_on_when_resumed(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs(max_process_minutes=0.8 / 60)
    job = jobs.submit("ann", "mine", LONG, data)
    end = ended(jobs, job)
    assert end.state == "interrupted" and end.reason == "the limit of 0.0133333 minutes is reached [RESUME]"
    assert end.started and end.ended and end.ended - end.started > 0.8
    jobs.resume("ann", job.id)
    assert ended(jobs, job).state == "interrupted"


def test_a_program_that_cannot_be_started_is_told(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    jobs = open_jobs(program=(str(tmp_path / "gone"),))
    end = ended(jobs, jobs.submit("ann", "mine", LONG, data))
    assert (end.state, end.reason) == ("failed", "could not be started: No such file or directory")
    assert end.ended
    jobs.wait_until_idle()
