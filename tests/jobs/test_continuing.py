"""A finished training is continued: with its own pictures, or with the same ones given again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pixelart.errors import Hint, RequestRejected
from pixelart.jobs import Job, Jobs
from pixelart.training.data.report import prepare
from pixelart.training.data.survey import survey
from tests.jobs.saved import give_run
from tests.jobs.waiting import ended, until

Open = Callable[..., Jobs]
STEPS = {"steps": 3}


def finished(jobs: Jobs, data: Path, tiny_run: Path) -> Job:
    """A done job of a server with several owners, whose pictures are gone; its run is `tiny_run`, of 60 steps."""
    job = jobs.submit("ann", "mine", STEPS, data)
    assert ended(jobs, job).state == "done"
    until(lambda: not jobs.folder("ann", job.id).data.exists())
    give_run(jobs, job, tiny_run)
    return job


def test_pictures_that_were_deleted_are_asked_for_and_only_the_same_ones_are_taken(
    open_jobs: Open, data: Path, tiny_data: Path, tiny_run: Path, tmp_path: Path
) -> None:
    jobs = open_jobs(by_owner=True)
    job = finished(jobs, data, tiny_run)
    with pytest.raises(RequestRejected, match="its pictures were deleted when it was done") as refused:
        jobs.resume("ann", job.id)
    assert refused.value.hint == Hint.SAME_PICTURES
    fewer = shutil.copytree(tiny_data, tmp_path / "fewer")
    (fewer / "cross" / "00.png").unlink()
    (tmp_path / "none.zip").write_bytes(b"x")
    for other in (prepare(survey(fewer), tmp_path / "other.zip"), tmp_path / "none.zip"):
        with pytest.raises(RequestRejected, match="not the pictures that this training was started with"):
            jobs.resume("ann", job.id, data=other)
    assert jobs.get("ann", job.id).state == "done" and not jobs.folder("ann", job.id).data.exists()
    same = prepare(survey(tiny_data), tmp_path / "same.zip")
    jobs.resume("ann", job.id, data=same)
    end = ended(jobs, job)
    assert (end.state, end.options) == ("done", {"steps": 6})
    until(lambda: not jobs.folder("ann", job.id).data.exists())


def test_others_start_trainings_while_the_pictures_are_compared(
    open_jobs: Open, data: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = open_jobs(by_owner=True)
    job, started = finished(jobs, data, tiny_run), list[Job]()

    def compare(run: Path, given: Path) -> None:
        started.append(jobs.submit("ben", "theirs", STEPS, data))

    monkeypatch.setattr("pixelart.jobs.continuing.check_same_pictures", compare)
    jobs.resume("ann", job.id, data=data)
    assert len(started) == 1 and jobs.get("ann", job.id).state != "done"


def test_one_user_keeps_the_pictures_over_a_restart_and_continues_without_them_at_hand(
    open_jobs: Open, data: Path
) -> None:
    jobs = open_jobs()
    job = jobs.submit("ann", "mine", STEPS, data)
    assert ended(jobs, job).state == "done"
    jobs.close()
    jobs = open_jobs()
    assert jobs.folder("ann", job.id).data.exists()
    for steps in (6, 12):
        jobs.resume("ann", job.id)
        end = ended(jobs, job)
        assert (end.state, end.options) == ("done", {"steps": steps})
