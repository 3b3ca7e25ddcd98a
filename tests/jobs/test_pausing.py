"""A job pauses while someone draws; its process has the lowest priority and no secrets."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from pixelart.jobs import process as child
from pixelart.jobs.process import LOWEST
from pixelart.system.cpus import usable_cores
from tests.jobs.bystanders import LONG
from tests.jobs.conftest import Open
from tests.jobs.running import running, steps_of
from tests.jobs.waiting import ended, until


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
