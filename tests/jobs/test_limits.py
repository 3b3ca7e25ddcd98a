"""How many jobs run, wait and are kept, for one owner and for all; T25: 50 starts at one instant."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pixelart.errors import RequestRejected
from pixelart.jobs import Job
from pixelart.settings import SETTINGS
from tests.jobs.bystanders import LONG
from tests.jobs.conftest import Open
from tests.jobs.waiting import until


def test_of_50_starts_at_one_instant_one_runs_and_three_queue(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    jobs, gate, answers = open_jobs(), threading.Barrier(50), list[object]()

    def start(number: int) -> None:
        gate.wait()
        try:
            answers.append(jobs.submit(f"owner-{number}", f"mine-{number}", LONG, data))
        except RequestRejected as error:
            answers.append(str(error))

    threads = [threading.Thread(target=start, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [answer for answer in answers if isinstance(answer, Job)]
    refused = [answer for answer in answers if isinstance(answer, str)]
    assert len(taken) == 4 and refused == ["1 running and 3 queued trainings are the limit; try again later"] * 46
    until(lambda: [jobs.get(job.owner, job.id).state for job in taken].count("running") == 1)
    assert [jobs.get(job.owner, job.id).state for job in taken].count("queued") == 3
    assert {p.name for p in (tmp_path / "jobs").iterdir() if p.is_dir()} == {job.id for job in taken}


# --- one owner ----------------------------------------------------------------------------------------------------


def test_one_visitor_does_not_take_all_places(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs(max_jobs_per_owner=2)
    first, second = (jobs.submit("ann", f"mine-{number}", LONG, data) for number in range(2))
    with pytest.raises(RequestRejected, match="you have 2 trainings running or queued, the limit is 2"):
        jobs.submit("ann", "mine", LONG, data)
    for number in range(2):
        jobs.submit("bob", f"his-{number}", LONG, data)
    with pytest.raises(RequestRejected, match="1 running and 3 queued trainings are the limit"):
        jobs.submit("eve", "hers", LONG, data)
    jobs.stop("ann", second.id)
    third = jobs.submit("ann", "mine", LONG, data)
    with pytest.raises(RequestRejected, match="1 running and 3 queued"):
        jobs.resume("ann", second.id)
    for owner, job in [("bob", each) for each in jobs.list("bob")]:
        jobs.stop(owner, job.id)
    with pytest.raises(RequestRejected, match="you have 2 trainings running or queued"):
        jobs.resume("ann", second.id)
    for job in (first, third):
        jobs.stop("ann", job.id)


def test_one_user_alone_has_all_places(open_jobs: Open, data: Path) -> None:
    assert SETTINGS.max_jobs_per_owner < SETTINGS.max_running_jobs + SETTINGS.max_queued_jobs
    jobs = open_jobs(max_jobs_per_owner=SETTINGS.for_one_user().max_jobs_per_owner)
    for number in range(4):
        jobs.submit("ann", f"mine-{number}", LONG, data)


def test_only_so_many_jobs_of_an_owner_are_kept(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    jobs = open_jobs(max_kept_jobs=2)
    some = [jobs.submit("ann", f"mine-{number}", {"steps": 2}, data) for number in range(2)]
    jobs.wait_until_idle()
    with pytest.raises(RequestRejected, match="you have 2 trainings, the limit is 2; delete one"):
        jobs.submit("ann", "mine", LONG, data)
    assert len([path for path in (tmp_path / "jobs").iterdir() if path.is_dir()]) == 2
    jobs.submit("bob", "his", {"steps": 2}, data)
    jobs.delete("ann", some[0].id)
    assert jobs.submit("ann", "mine", {"steps": 2}, data)


# --- all owners ---------------------------------------------------------------------------------------------------


def test_all_trainings_together_take_up_so_much_of_the_disk(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs(by_owner=True, max_kept_bytes=data.stat().st_size * 3 // 2 + 2**20)
    (jobs.incoming).mkdir(exist_ok=True)
    (jobs.incoming / "waits").write_bytes(bytes(2**21))  # which has a limit of its own
    first = jobs.submit("ann", "anns", {"steps": 2}, data)
    jobs.wait_until_idle()
    (jobs.folder("ann", first.id).path / "run" / "more").write_bytes(bytes(2**20))
    jobs.submit("bob", "bobs", LONG, data)
    with pytest.raises(RequestRejected, match=r"training storage is full \(1 MiB\); delete one of"):
        jobs.submit("cy", "cys", LONG, data)
    jobs.delete("ann", first.id)
    assert jobs.submit("cy", "cys", LONG, data)
