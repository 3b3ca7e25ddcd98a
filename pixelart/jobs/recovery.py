"""Clean up the folder of jobs when a server starts after another one ended or was killed."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from pixelart.jobs.folder import PRIVATE_MODE, JobFolder
from pixelart.jobs.job import AT_WORK, Job
from pixelart.jobs.outcome import REMOTE_LEFT, SERVER_GONE
from pixelart.jobs.store import JobStore

ID = re.compile("[0-9a-f]{16}")
_HALF_MADE = re.compile(rf"\.{ID.pattern}\.([0-9a-f]{{8}}\.tmp|deleted)")


def make_private(folder: Path) -> None:
    """Create the folder if needed, accessible to its owner only, whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_MODE)
    folder.chmod(PRIVATE_MODE)


def recover(store: JobStore, folder: Path, incoming: Path, *, keeps_data: bool) -> tuple[Job, ...]:
    """Interrupt the jobs that a dead server left running, and complete or undo its unfinished work; returns those jobs.

    No process is signalled: a child of a dead server ends by itself, and PIDs get reused.
    """
    orphans = store.in_state(*AT_WORK)
    for job in orphans:
        store.change(
            job.id,
            was=AT_WORK,
            state="interrupted",
            reason=REMOTE_LEFT if job.place else SERVER_GONE,
            ended=time.time(),
        )
    shutil.rmtree(incoming, ignore_errors=True)
    for job in () if keeps_data else store.in_state("done"):
        JobFolder(folder / job.id).drop_data()  # the server was killed before it did
    for path in folder.iterdir():
        if path.suffix == ".deleted" and _HALF_MADE.fullmatch(path.name):
            store.delete(path.stem[1:])
        lost = ID.fullmatch(path.name) and not store.get(path.name) and not JobFolder(path).run.exists()
        if lost or _HALF_MADE.fullmatch(path.name):  # an interrupted submission or deletion
            shutil.rmtree(path, ignore_errors=True)
    return orphans
