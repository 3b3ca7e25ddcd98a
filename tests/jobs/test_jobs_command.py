"""`python -m pixelart jobs`."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pixelart.cli import jobs as jobs_command
from pixelart.cli.main import main
from pixelart.jobs import Job, Jobs
from pixelart.jobs.outcome import SERVER_GONE
from tests.jobs.conftest import STUB
from tests.jobs.running import running
from tests.jobs.waiting import ended, until


def test_it_lists_jobs_while_a_server_runs_them(
    open_jobs: Callable[..., Jobs], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["jobs", "--folder", str(tmp_path / "jobs")]
    assert main(words) == 0 and capsys.readouterr().out == "no jobs\n"
    assert not (tmp_path / "jobs").exists()
    jobs = open_jobs()
    done = jobs.submit("ann", "mine", {"steps": 4}, data)
    ended(jobs, done)
    waiting = jobs.submit("bob", "other", {"steps": 100_000}, data)
    until(jobs.folder("bob", waiting.id).progress)
    assert main(words) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{done.id}  mine  step 4, 100%, fp32, channels_last, 1 thread  done"
    assert second.startswith(f"{waiting.id}  other  step ")
    assert main([*words, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["jobs"]
    assert [(job["name"], job["state"], job["options"]) for job in listed] == [
        ("mine", "done", {"steps": 4}),
        ("other", "running", {"steps": 100_000}),
    ]
    assert "owner" not in listed[0] and listed[0]["execution"] == "fp32, channels_last, 1 thread"
    assert main([*words, "--resume", waiting.id]) == 2
    assert "another server runs the jobs of this folder" in capsys.readouterr().err
    assert main([*words, "--resume", "0" * 16]) == 2
    assert "not found in" in capsys.readouterr().err


def test_a_job_that_waits_in_the_queue_of_a_dead_server_comes_to_its_turn(
    open_jobs: Callable[..., Jobs], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = open_jobs()
    running(jobs, data)
    job = jobs.submit("ann", "other", {"steps": 3}, data)
    jobs.close()
    monkeypatch.setattr(jobs_command, "Jobs", functools.partial(Jobs, program=STUB))
    assert main(["jobs", "--folder", str(tmp_path / "jobs"), "--resume", job.id, "--json"]) == 0
    assert open_jobs().get("ann", job.id).state == "done"


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_reason_is_in_the_words_of_the_command_line(
    more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job("0" * 16, "ann", "mine", {"steps": 4}, 0.0, "interrupted", SERVER_GONE)
    monkeypatch.setattr(jobs_command, "read_jobs", lambda folder: [job])
    assert main(["jobs", "--folder", str(tmp_path), *more]) == 0
    assert "the server stopped during training (--resume continues it)" in capsys.readouterr().out


@pytest.mark.slow
def test_it_takes_up_a_job_where_no_server_runs(
    open_jobs: Callable[..., Jobs], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = open_jobs()
    job = jobs.submit("ann", "mine", {"steps": 600}, data)
    until(jobs.folder("ann", job.id).progress)
    jobs.close()
    monkeypatch.setattr(jobs_command, "Jobs", functools.partial(Jobs, program=STUB))
    assert main(["jobs", "--folder", str(tmp_path / "jobs"), "--resume", job.id, "--json"]) == 0
    assert open_jobs().get("ann", job.id).state == "done"
