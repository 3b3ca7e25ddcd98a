"""`python -m pixelart jobs`: list background trainings, and resume one while the app is not running."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pixelart.cli.arguments import add_command, checkpoints_option
from pixelart.cli.common import Json, say
from pixelart.cli.words import CLI_HINTS
from pixelart.errors import RequestRejected, untag_hint
from pixelart.jobs import ENDED, Job, JobFolder, Jobs, read_jobs
from pixelart.settings import SETTINGS

SHOWN = ("id", "name", "place", "state", "reason", "exported", "pid", "created", "started", "ended")


def jobs(options: argparse.Namespace) -> Json:
    """List the jobs of a folder. With --resume, run the queue first."""
    if options.resume:
        _resume(options, options.resume)
    listed = [_facts(job, options.folder) for job in read_jobs(options.folder)]
    say(options, *(_lines(listed) if listed else ["no jobs"]))
    return {"jobs": listed}


def _resume(options: argparse.Namespace, job_id: str) -> None:
    """Resume a job as its owner, because whoever can read the folder owns its jobs. Ctrl+C saves and interrupts."""
    found = [job for job in read_jobs(options.folder) if job.id == job_id]
    if not found:
        raise RequestRejected(f"job {job_id!r:.40}: not found in {options.folder}")
    owner = found[0].owner
    with Jobs(options.folder, checkpoints=options.checkpoints, settings=SETTINGS.for_one_user()) as queue:
        if queue.get(owner, job_id).state in ENDED:  # a queued job starts by itself
            queue.resume(owner, job_id)
        queue.wait_until_idle()


def _facts(job: Job, folder: Path) -> Json:
    progress = JobFolder(folder / job.id).progress()
    return {
        **{name: getattr(job, name) for name in SHOWN},
        "reason": untag_hint(job.reason, CLI_HINTS),
        "options": dict(job.options),
        "step": progress.step if progress else 0,
        "progress": progress.progress if progress else 0.0,
        "seconds_left": progress.seconds_left if progress else None,
        "execution": progress.execution if progress else "",
    }


def _lines(listed: Sequence[Json]) -> Iterator[str]:
    for job in listed:
        reason = f": {job['reason']}" if job["reason"] else ""
        how = f", {job['execution']}" if job["execution"] else ""
        how += f", on {job['place']}" if job["place"] else ""
        yield f"{job['id']}  {job['name']}  step {job['step']}, {job['progress']:.0%}{how}  {job['state']}{reason}"


def add_commands(add: Any) -> None:
    """Add jobs."""
    command = add_command(add, "jobs", jobs, "--json")
    command.add_argument("--folder", type=Path, default=Path("jobs"), help="folder of the jobs")
    help_text = "if the app is not running: continue this job and run the queue; Ctrl+C saves"
    command.add_argument("--resume", metavar="ID", help=help_text)
    checkpoints_option(command)
