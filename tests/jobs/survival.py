"""Jobs that are cut short over and over: what is looked at, however often. The children really train."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pixelart.errors import RequestRejected
from pixelart.jobs import Job, Jobs
from pixelart.jobs.folder import JobFolder
from pixelart.jobs.store import DATABASE, JobStore
from pixelart.settings import SETTINGS
from pixelart.storage import exclusive
from pixelart.training.snapshots import last_checkpoint, list_checkpoints
from tests.jobs import warm
from tests.jobs.waiting import ended, until
from tests.training.runs import digests_of

OPTIONS = {"preset": "debug", "colours": 8, "steps": 60, "save_every": 10, "batch_size": 2, "seed": 1}
ONE_THREAD = replace(SETTINGS.for_one_user(), max_job_threads=1)


@dataclass
class Cutter:
    """Cuts jobs short in folders below `place`. `program`: of the children; `whole`: the digests of the run that was
    never stopped; `survived`: how many were cut and ended with the same bits."""

    place: Path
    data: Path
    program: tuple[str, ...]
    whole: dict[str, str]
    survived: int = 0
    finished: int = 0

    def servers(self, count: int, number: signal.Signals) -> list[float]:
        """`count` servers get the signal `number` while a job runs. The seconds until the child was gone, each."""
        return [self._cut_server(i, moment, number) for i, moment in enumerate(_moments(22, count))]

    def stops(self, count: int) -> list[float]:
        """`count` jobs are stopped. The seconds until each had ended."""
        with self._open("stops") as jobs:
            return [self._stop(jobs, moment) for moment in _moments(23, count)]

    def _cut_server(self, index: int, moment: float, number: signal.Signals) -> float:
        folder = self.place / f"server-{index}"
        job = self._queue(folder)
        command = [*self.program, warm.SERVER, str(folder), str(self.place), *self.program]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        server_pid, run = int(server.stdout.readline()), JobFolder(folder / job.id).run
        until(lambda: any(run.glob("step-????????")))
        time.sleep(moment)
        told = time.monotonic()
        os.kill(server_pid, number)
        until(lambda: _is_free(run))
        seconds = time.monotonic() - told
        assert server.wait() == (0 if number == signal.SIGTERM else -number)
        server.stdout.close()
        if number == signal.SIGTERM:
            seconds = time.monotonic() - told
        assert last_checkpoint(run), "nothing is saved"
        with self._open(folder.name) as jobs:
            self._resumed(jobs, job, "interrupted")
            pid = jobs.get(job.owner, job.id).pid
        assert pid and not _lives(pid), "an orphan"
        shutil.rmtree(folder)
        return seconds

    def _stop(self, jobs: Jobs, moment: float) -> float:
        job = jobs.submit("ann", "mine", OPTIONS, self.data)
        run = jobs.folder("ann", job.id).run
        until(lambda: any(run.glob("step-????????")))
        time.sleep(moment)
        told = time.monotonic()
        jobs.stop("ann", job.id)
        end = ended(jobs, job)
        seconds = time.monotonic() - told
        assert end.pid and not _lives(end.pid), "a zombie"
        assert last_checkpoint(run) and len(list_checkpoints(run)) == len(list(run.glob("step-*")))
        self._resumed(jobs, job, "cancelled")
        jobs.delete("ann", job.id)
        return seconds

    def _resumed(self, jobs: Jobs, job: Job, state: str) -> None:
        """The job, which was cut short or had just ended, ends with the bits of the run that was never stopped."""
        found = jobs.get(job.owner, job.id)
        assert found.state in (state, "done"), found
        if found.state == "done":
            self.finished += 1
        else:
            jobs.resume(job.owner, job.id)
            assert ended(jobs, job).state == "done", jobs.get(job.owner, job.id).reason
            self.survived += 1
        assert digests_of(jobs.folder(job.owner, job.id).run) == self.whole

    def _open(self, name: str) -> Jobs:
        return Jobs(self.place / name, checkpoints=self.place, program=self.program, settings=ONE_THREAD)

    def _queue(self, folder: Path) -> Job:
        """A record that a server finds in its queue."""
        job = Job("a" * 16, "ann", "mine", OPTIONS, time.time())
        (folder / job.id).mkdir(parents=True)
        shutil.copy(self.data, folder / job.id / "data.zip")
        store = JobStore(folder / DATABASE)
        store.add(job)
        store.close()
        return job


def uninterrupted(run: Path, data: Path, program: tuple[str, ...]) -> None:
    """The same training as a job's, in `run`, never stopped."""
    said = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
    words = ["train", f"--data={data}", f"--out={run}", "--threads=1", *said]
    subprocess.run([*program, *words], check=True, stdout=subprocess.DEVNULL)


def warm_program(socket: Path, checkpoints: Path) -> tuple[subprocess.Popen[str], tuple[str, ...]]:
    """The process that forks the others, and the program that has it do so."""
    command = [sys.executable, warm.__file__, "serve", str(socket), str(checkpoints)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process, (sys.executable, "-I", "-S", warm.__file__, str(socket))


def _moments(seed: int, count: int) -> Iterator[float]:
    """Seconds into a training, from a seeded list."""
    yield from np.random.default_rng(seed).uniform(0, 0.8, count).tolist()


def _is_free(run: Path) -> bool:
    try:
        with exclusive(run):
            return True
    except RequestRejected:
        return False


def _lives(pid: int) -> bool:
    """Whether there is such a process; one that nobody has waited for is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
