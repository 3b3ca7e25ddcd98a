"""Jobs run one after another to their end, or several at once, and belong to who submitted them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import read_jobs
from tests.jobs.bystanders import LONG
from tests.jobs.conftest import Open
from tests.jobs.running import running
from tests.jobs.waiting import ended, until


def test_a_job_trains_to_its_end_and_tells_how_far_it_is(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs(by_owner=True)
    job = jobs.submit("ann", "mine", {"steps": 30, "batch_size": 4, "model": "pixelcnn"}, data)
    assert job.state == "queued" and jobs.folder("ann", job.id).data.read_bytes() == data.read_bytes()
    end = ended(jobs, job)
    assert (end.state, end.reason) == ("done", "") and end.started and end.ended and end.started < end.ended
    folder = jobs.folder("ann", job.id)
    until(lambda: not folder.data.exists())  # no one reads them any more
    progress = folder.progress()
    assert progress is not None and (progress.phase, progress.step, progress.progress) == ("finished", 30, 1.0)
    assert folder.curve()[-1][0] == 30
    words = json.loads((folder.run / "seen.json").read_text())["words"]
    assert {"--steps=30", "--batch-size=4", "--model=pixelcnn", "--attended", "--resume"} <= set(words)
    assert [j.id for j in jobs.list("ann")] == [job.id] == [j.id for j in read_jobs(folder.path.parent)]


def test_jobs_run_one_after_another_in_the_order_they_came(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    some = [jobs.submit("ann", f"mine-{n}", {"steps": 20}, data) for n in range(3)]
    assert jobs.ahead("ann", some[2].id) == 2
    jobs.wait_until_idle()
    ends = [jobs.get("ann", job.id) for job in some]
    assert [job.state for job in ends] == ["done"] * 3 and jobs.ahead("ann", some[2].id) == 0
    for first, second in itertools.pairwise(ends):
        assert first.ended and second.started and first.ended <= second.started


def test_two_run_at_once_where_that_is_allowed(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs(max_running_jobs=2)
    some = [jobs.submit("ann", f"mine-{n}", LONG, data) for n in range(3)]
    until(lambda: [jobs.get("ann", job.id).state for job in some] == ["running", "running", "queued"])


def test_a_job_of_another_is_not_found_like_one_that_does_not_exist(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    job = running(jobs, data)
    for name in ("get", "folder", "ahead", "stop", "resume", "export", "delete"):
        said = set()
        for owner, job_id in [("bob", job.id), ("bob", "0" * 16), ("ann", "0" * 16), ("ann", "\ud800"), ("", job.id)]:
            with pytest.raises(RequestRejected) as refused:
                getattr(jobs, name)(owner, job_id)
            said.add(str(refused.value).replace(repr(job_id), "ID"))
        assert said == {"job ID: not found"}
    assert jobs.list("bob") == [] and jobs.get("ann", job.id).state == "running"
