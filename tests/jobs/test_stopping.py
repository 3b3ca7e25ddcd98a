"""T23: a job that is stopped ends soon with what it saved, and can go on; a queued one is taken out."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import Job, runner
from tests.jobs import stub
from tests.jobs.bystanders import LONG
from tests.jobs.conftest import Open
from tests.jobs.running import running, steps_of
from tests.jobs.waiting import ended, until


@pytest.mark.slow
def test_stopped_at_random_moments_it_ends_soon_with_what_it_saved(open_jobs: Open, data: Path) -> None:
    jobs, random, seconds = open_jobs(), np.random.default_rng(23), list[float]()
    for number in range(8):
        job = jobs.submit("ann", f"mine-{number}", LONG, data)
        time.sleep(float(random.uniform(0, 0.3)))
        asked = time.monotonic()
        jobs.stop("ann", job.id)
        end = ended(jobs, job)
        seconds.append(time.monotonic() - asked)
        reason = "stopped" if end.started else "removed from the queue"
        assert (end.state, end.reason) == ("cancelled", reason), number
        _is_gone(end)
    assert np.percentile(seconds, 95) < 2


def _is_gone(job: Job) -> None:
    """No process of ours has its number, dead or alive."""
    if job.pid:
        with pytest.raises(ChildProcessError):
            os.waitpid(job.pid, os.WNOHANG)


def test_a_queued_job_is_taken_out(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    running(jobs, data)
    second = jobs.submit("ann", "other", LONG, data)
    jobs.stop("ann", second.id)
    end = jobs.get("ann", second.id)
    assert (end.state, end.reason, end.started) == ("cancelled", "removed from the queue", None)
    jobs.stop("ann", second.id)
    assert jobs.get("ann", second.id) == end


def test_a_child_that_does_not_stop_is_ended(open_jobs: Open, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "STOP_PATIENCE", 0.2)
    jobs = open_jobs()
    job = running(jobs, data, seed=stub.DEAF)
    jobs.stop("ann", job.id)
    end = ended(jobs, job)
    assert end.state == "cancelled" and "did not save in time" in end.reason


@pytest.mark.slow
def test_a_stopped_job_goes_on_and_a_finished_one_for_as_long_again(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    job = jobs.submit("ann", "mine", {"steps": 400}, data)
    until(lambda: steps_of(jobs, job) > 3)
    with pytest.raises(RequestRejected, match="is running: there is nothing to resume"):
        jobs.resume("ann", job.id)
    jobs.stop("ann", job.id)
    assert ended(jobs, job).state == "cancelled"
    before = steps_of(jobs, job)
    assert 3 < before < 400 and jobs.folder("ann", job.id).data.exists()
    jobs.resume("ann", job.id)
    assert ended(jobs, job).state == "done" and steps_of(jobs, job) == 400
    curve = jobs.folder("ann", job.id).curve()
    assert [step for step, _ in curve] == sorted({step for step, _ in curve}) and curve[-1][0] == 400
    jobs.resume("ann", job.id)
    end = ended(jobs, job)
    assert (end.state, end.options) == ("done", {"steps": 800}) and steps_of(jobs, job) == 800
