"""What a server finds in the folder of jobs when it begins: the rest of one that ended, however that happened."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from pixelart.jobs.folder import JobFolder
from pixelart.jobs.job import AT_WORK, Job
from pixelart.jobs.outcome import SERVER_GONE
from pixelart.jobs.store import JobStore

ID = re.compile("[0-9a-f]{16}")
PRIVATE = 0o700
_HALF_MADE = re.compile(rf"\.{ID.pattern}\.([0-9a-f]{{8}}\.tmp|deleted)")


def make_private(folder: Path) -> None:
    """Make the folder where it is not there. Nobody but its owner may look into it, whatever the umask: so nobody may
    into what lies there either."""
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    folder.chmod(PRIVATE)


def take_over(store: JobStore, folder: Path, incoming: Path) -> tuple[Job, ...]:
    """The jobs that a dead server left at work; what it left half done is ended. No process is signalled: a child of a
    dead server ends by itself, and its number may be another's by now."""
    orphans = store.in_state(*AT_WORK)
    for job in orphans:
        store.change(job.id, was=AT_WORK, state="interrupted", reason=SERVER_GONE, ended=time.time())
    shutil.rmtree(incoming, ignore_errors=True)
    for job in store.in_state("done"):
        JobFolder(folder / job.id).drop_data()  # of a server that was killed before it did so
    for path in folder.iterdir():
        if path.suffix == ".deleted" and _HALF_MADE.fullmatch(path.name):
            store.delete(path.stem[1:])
        lost = ID.fullmatch(path.name) and not store.get(path.name) and not JobFolder(path).run.exists()
        if lost or _HALF_MADE.fullmatch(path.name):  # a submission or a deletion that was cut short
            shutil.rmtree(path, ignore_errors=True)
    return orphans
