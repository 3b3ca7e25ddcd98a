"""The folder of a job: its pictures, its run, and the progress files that the child writes.

A server creates the folder and then only reads it.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.storage import new_folder
from pixelart.training.progress_file import CURVE_FILE, PROGRESS_FILE, read_curve
from pixelart.training.run_config import read_run
from pixelart.training.state import best_row

TAIL_BYTES = 8192
PRIVATE_MODE = 0o700


@dataclass(frozen=True)
class JobProgress:
    """How far a run is. None = not known yet, or not written by an older version.

    Attributes:
        phase: starting, reading, preparing, training, measuring, finished or stopped.
        steps: steps of the whole schedule; 0 if the schedule is in minutes.
        progress: completed share of the schedule, 0..1.
        seconds: training time so far.
        seconds_left: estimated time left.
        bits: mean bits per hidden sub-pixel of the latest steps.
        execution: how this machine computes, chosen by timing ("bf16, channels_last, 2 threads").
        passes: epochs so far.
        done: pictures read so far, of `total`.
        step_seconds: recent time per step.
        since: time since the last step.
        waits: whether it is paused.
        cpu: how many cores it uses.
        written: when this was written, in seconds since 1970.
    """

    phase: str
    step: int
    steps: int
    progress: float
    seconds: float
    seconds_left: float | None
    bits: float | None
    execution: str = ""
    passes: float | None = None
    done: int = 0
    total: int = 0
    step_seconds: float | None = None
    since: float = 0.0
    waits: bool = False
    cpu: float | None = None
    written: float = 0.0


@dataclass(frozen=True)
class JobFolder:
    """The folder `path` with data.zip, job.log and run/. It can be read at any moment."""

    path: Path

    @property
    def data(self) -> Path:
        """The training pictures. Read at each start. On a server with several owners they are deleted
        when the job is done."""
        return self.path / "data.zip"

    @property
    def run(self) -> Path:
        """The run folder: checkpoints, log.csv, samples."""
        return self.path / "run"

    @property
    def log(self) -> Path:
        """The output of all processes of this job."""
        return self.path / "job.log"

    def create(self, data: Path) -> None:
        """Create the folder with a copy of the .zip `data`, accessible to its owner only. All or nothing."""
        with new_folder(self.path) as partial:
            partial.chmod(PRIVATE_MODE)
            _copy_private(data, partial / self.data.name)

    def copy_data(self, data: Path) -> None:
        """Give a job whose pictures were deleted a copy of the .zip `data`. All or nothing. Raises OSError."""
        partial = self.data.with_suffix(".tmp")
        try:
            _copy_private(data, partial)
            partial.replace(self.data)
        finally:
            partial.unlink(missing_ok=True)

    def drop_data(self) -> None:
        """Delete the pictures of a done job: a server should not keep visitors' pictures, and exporting does not need
        them."""
        with suppress(OSError):  # the next server start tries again
            self.data.unlink(missing_ok=True)

    def progress(self) -> JobProgress | None:
        """How far the run is; None before the first report."""
        try:
            with (self.run / PROGRESS_FILE).open("rb") as file:
                return JobProgress(**json.loads(file.read()), written=os.fstat(file.fileno()).st_mtime)
        except (OSError, ValueError, TypeError):
            return None

    def curve(self) -> list[tuple[int, float]]:
        """(step, training bits per hidden sub-pixel), about two per second."""
        return read_curve(self.run / CURVE_FILE)

    def measures(self) -> list[dict[str, float]]:
        """The rows of log.csv, one per save: step, validation_bits, ... as far as they were measured."""
        try:
            with (self.run / "log.csv").open(encoding="ascii", newline="") as file:
                return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
        except (OSError, ValueError, TypeError):
            return []

    @property
    def has_saved(self) -> bool:
        """Whether there is a save to resume from or to export."""
        return self.saved_step is not None

    @property
    def saved_step(self) -> int | None:
        """The step of the newest save; None without one."""
        found = [path.name for path in self.run.glob("step-????????")]
        return int(max(found).removeprefix("step-")) if found else None

    @property
    def kept_step(self) -> int | None:
        """The step of the save that an export takes: the best one, if the run keeps it; None without one."""
        try:
            keeps_best = read_run(self.run).schedule.keep == "best"
        except RequestRejected:
            return None
        best = best_row(self.measures()) if keeps_best else {}
        return int(best["step"]) if best else self.saved_step

    @contextmanager
    def saved(self, checkpoints: Path) -> Iterator[Path]:
        """The run, if it has a save. Errors raised inside lose the paths of this folder and of `checkpoints`.

        Raises:
            RequestRejected: nothing is saved yet.
        """
        if not self.has_saved:
            raise RequestRejected(f"job {self.path.name}: nothing is saved yet")
        try:
            yield self.run
        except RequestRejected as error:
            message = self.without_path(str(error)).replace(f"{checkpoints}{os.sep}", "")
            raise RequestRejected(message, hint=error.hint) from error

    def samples(self) -> list[Path]:
        """The sample sheets, one per save, drawn from the same seeds; in order of step."""
        return sorted((self.run / "samples").glob("step-*.png"))

    def log_tail(self, *, lines: int = 20) -> list[str]:
        """The last lines of the log, without the path of this folder."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return []
        return self.without_path(text).splitlines()[-lines:]

    def without_path(self, text: str) -> str:
        """Remove the path of this folder from a text, for readers who must not see it."""
        return text.replace(f"{self.path}{os.sep}", "")


def open_private(path: str, flags: int) -> int:
    """An `opener` of `open`: only their owner can read the new files."""
    return os.open(path, flags, 0o600)


def _copy_private(source: Path, copy: Path) -> None:
    """Copy a file so that only its owner can read it, and fsync it."""
    copy.touch(0o600)
    shutil.copyfile(source, copy)
    with copy.open("rb+") as file:
        os.fsync(file.fileno())


def folder_bytes(folder: Path) -> int:
    """Total bytes of all files in a folder; a file that vanishes meanwhile counts 0."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.stat(os.path.join(place, name), follow_symlinks=False).st_size
    return size
