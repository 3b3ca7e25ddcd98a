"""What an owner can do with jobs, and how they end; the child is a stub that trains nothing."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.errors import RequestRejected
from pixelart.jobs import ENDED, Job, Jobs, read_jobs, runner
from pixelart.jobs import process as child
from pixelart.jobs.outcome import OUT_OF_MEMORY
from pixelart.jobs.process import COMMAND, LOWEST
from pixelart.settings import SETTINGS
from pixelart.system.cpus import usable_cores
from tests.jobs import stub
from tests.jobs.bystanders import LONG
from tests.jobs.running import running, steps_of
from tests.jobs.waiting import ended, until

Open = Callable[..., Jobs]


# --- the plain course ---------------------------------------------------------------------------------------------


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


# --- T25: all at once ---------------------------------------------------------------------------------------------


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


# --- how many one owner has ---------------------------------------------------------------------------------------


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


def test_all_trainings_together_take_up_so_much_of_the_disk(open_jobs: Open, data: Path, tmp_path: Path) -> None:
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


# --- T23: stopped -------------------------------------------------------------------------------------------------


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


# --- whose it is --------------------------------------------------------------------------------------------------


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


# --- T27: how it ends ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        (stub.BAD_INPUT, "failed", "run: nothing to train on"),
        (stub.FULL_DISK, "failed", "run: No space left on device"),
        (stub.KILLED, "failed", OUT_OF_MEMORY),
        (stub.MEMORY, "failed", OUT_OF_MEMORY),
        (stub.ALLOCATION, "failed", OUT_OF_MEMORY),
        (stub.CRASH, "failed", "ended with code 1: ZeroDivisionError: division by zero"),
        (stub.TOLD_BY_ANOTHER, "interrupted", "the process was stopped from outside; Resume continues"),
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
    assert end.state == "interrupted" and end.reason == "the limit of 0.0133333 minutes is reached; Resume continues"
    assert end.started and end.ended and end.ended - end.started > 0.8
    jobs.resume("ann", job.id)
    assert ended(jobs, job).state == "interrupted"


def test_a_program_that_cannot_be_started_is_told(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    jobs = open_jobs(program=(str(tmp_path / "gone"),))
    end = ended(jobs, jobs.submit("ann", "mine", LONG, data))
    assert (end.state, end.reason) == ("failed", "could not be started: No such file or directory")
    assert end.ended
    jobs.wait_until_idle()


# --- giving way ---------------------------------------------------------------------------------------------------


def test_it_gives_way_while_someone_draws(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    job = running(jobs, data)

    def stands() -> bool:
        before = steps_of(jobs, job)
        time.sleep(0.3)
        return steps_of(jobs, job) == before

    jobs.pause_for_drawing(True)
    until(stands)
    before = steps_of(jobs, job)
    jobs.pause_for_drawing(False)
    until(lambda: steps_of(jobs, job) > before + 3)
    jobs.pause_for_drawing(True)
    jobs.stop("ann", job.id)  # which a child that waits hears at once
    assert ended(jobs, job).state == "cancelled"


@pytest.mark.slow
def test_giving_way_is_not_of_the_minutes_of_a_job(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs(max_process_minutes=1 / 60)
    jobs.pause_for_drawing(True)
    job = jobs.submit("ann", "mine", LONG, data)  # started while someone draws
    time.sleep(1.5)
    assert jobs.get("ann", job.id).state == "running" and steps_of(jobs, job) < 20
    jobs.pause_for_drawing(False)
    assert "limit" in ended(jobs, job).reason


def test_a_child_has_the_lowest_priority_a_session_of_its_own_and_no_secrets(
    open_jobs: Open, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "LOWEST", 3)  # at the real one it would wait for all other tests
    for name in (
        *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OAUTH_CLIENT_SECRET", "MY_PASSWORD", "HF_TOKEN_PATH"),
        *("NVIDIA_API_KEY", "PYTHON_TOKEN", "CUDA_SECRET"),
    ):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    jobs = open_jobs()
    job = running(jobs, data)
    seen = json.loads((jobs.folder("ann", job.id).run / "seen.json").read_text())
    assert LOWEST == 19 and seen["nice"] == 3 and seen["session"] is True
    assert "canary" not in seen["environment"].values() and seen["environment"]["PATH"] == os.environ["PATH"]
    assert seen["environment"]["CUDA_VISIBLE_DEVICES"] == "0"
    assert int(seen["environment"]["OMP_NUM_THREADS"]) <= usable_cores()
    assert seen["environment"]["OMP_WAIT_POLICY"] == "PASSIVE" and seen["environment"]["ONEDNN_MAX_CPU_ISA"] == "AVX2"
