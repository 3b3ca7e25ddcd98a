"""Unique names for the checkpoints of jobs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.jobs.job import Job
from pixelart.training.runs import MAX_NAME


def free_name(wanted: str, others: Iterable[Job], *, checkpoints: Path) -> str:
    """`wanted`, or the first of wanted-2, wanted-3, ... that no checkpoint has and no job of `others` reserves."""
    claimed = {_ignoring_case(job.claims) for job in others}
    endings = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    names = (wanted[: MAX_NAME - len(ending)] + ending for ending in endings)
    return next(name for name in names if _ignoring_case(name) not in claimed and not (checkpoints / name).exists())


def rivals(job: Job, everyone: Iterable[Job]) -> list[Job]:
    """The jobs whose names the export of `job` must avoid.

    Jobs of the same name that are not exported yet do not count: the first export gets the name.
    """
    name = _ignoring_case(job.name)
    return [each for each in everyone if each.id != job.id and (each.exported or _ignoring_case(each.name) != name)]


def _ignoring_case(name: str) -> str:
    """Some file systems ignore case."""
    return name.lower()


def check_free(name: str, jobs: Iterable[Job], *, checkpoints: Path) -> None:
    """Raises RequestRejected, with a free variation, if a checkpoint or one of the `jobs` has the name."""
    free = free_name(name, jobs, checkpoints=checkpoints)
    if free != name:
        raise RequestRejected(f"name {name}: another model or training has it; {free} is free")
