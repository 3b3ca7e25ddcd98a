"""A training that ends before it has seen all its pictures is not done: it can go on, for as long again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pixelart.jobs.options import longer
from pixelart.training.snapshots import last_checkpoint
from tests.jobs.stub import PICTURES
from tests.jobs.waiting import ended


@pytest.mark.parametrize(
    ("options", "after"),
    [
        ({"steps": 3}, {"steps": 6}),
        ({"minutes": 4.0, "seed": 1}, {"minutes": 8.0, "seed": 1}),
        ({"minutes": 40.0}, {"minutes": 70.0}),
    ],
)
def test_as_long_again_but_no_more_than_a_job_may_take(options: dict[str, Any], after: dict[str, Any]) -> None:
    assert longer(options, most=30) == after


def test_it_goes_on_until_it_is_done(open_jobs: Any, data: Path) -> None:
    jobs = open_jobs()
    job = jobs.submit("ann", "mine", {"steps": PICTURES - 1}, data)
    short = ended(jobs, job)
    assert (short.state, short.reason) == ("interrupted", "too short to have learned much: 1 step") and short.is_short
    assert jobs.folder("ann", job.id).data.exists(), "it has something to go on with"
    jobs.resume("ann", job.id)
    done = ended(jobs, job)
    assert (done.state, done.options, done.is_short) == ("done", {"steps": 2 * (PICTURES - 1)}, False)


@pytest.mark.slow
def test_one_that_really_trains_goes_on_from_where_it_was(
    open_jobs: Any, data: Path, warm_program: tuple[str, ...]
) -> None:
    jobs = open_jobs(warm_program)
    options = {"preset": "debug", "colours": 8, "batch_size": 8, "steps": 3, "validation_share": 0.0}
    job = jobs.submit("ann", "mine", options, data)
    assert ended(jobs, job).is_short
    jobs.resume("ann", job.id)
    assert ended(jobs, job).state == "done"
    found = last_checkpoint(jobs.folder("ann", job.id).run)
    assert found and found[0] == 6
