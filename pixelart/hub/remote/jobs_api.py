"""The calls of the Jobs API: start a job, find it again, look at it, read its log, cancel it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from huggingface_hub import JobInfo, Volume

from pixelart.errors import HubFailure
from pixelart.hub.client import client, translate_errors
from pixelart.hub.guard import BareFailure

IMAGE = "python:3.12"
"""The container that jobs run in."""
MOUNT = "/pixelart-set"
"""Where the uploaded set is in the container, read-only."""
SECRET = "HF_TOKEN"
"""The job secret with the token; huggingface_hub reads it from the environment."""
LABEL, ATTEMPT_LABEL = "pixelart", "attempt"
UNKNOWN_STAGE = "UNKNOWN_STAGE"
"""Our stage of a job that the Hub does not know: it is gone, or has just started."""
ENDED_STAGES = ("COMPLETED", "CANCELED", "ERROR", "DELETED")
MEANINGS = {
    400: "the Hub refuses this machine or this time limit",
    402: "the account has no credit for Jobs; add some at https://huggingface.co/settings/billing",
    403: "the sign-in does not allow it; it needs the permission to run Jobs and to write repositories",
    404: "there is no such job, or this account may not use Jobs",
    422: "the Hub refuses this machine or this time limit",
}
"""HTTP status -> its meaning in answers of the Jobs API."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STAGE = re.compile(r"[A-Z_]{1,32}")
_ATTEMPT = re.compile("[1-9][0-9]{0,5}")


class Look(NamedTuple):
    """The stage of a job, and whether its time limit ended it."""

    stage: str
    is_late: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether it will not run any more."""
        return self.stage in ENDED_STAGES


class FoundJob(NamedTuple):
    """A job of a training: its id, the number of the attempt, and whether it has ended."""

    id: str
    attempt: int
    has_ended: bool


def start_job(
    account: str,
    command: Sequence[str],
    *,
    flavor: str,
    minutes: float,
    mounted: str,
    key: str,
    attempt: int,
    token: str,
) -> str:
    """Start a job in a container with the dataset repository `mounted` at MOUNT; returns its id.

    `minutes`: its time limit. `key`, `attempt`: of the training, to find it again (`find_job`). The token is a secret
    of the job.

    Raises:
        HubFailure: it was not started, or the answer was lost.
    """
    with translate_errors("start of the job", meanings=MEANINGS):
        made = client(token).run_job(
            image=IMAGE,
            command=list(command),
            secrets={SECRET: token},
            flavor=flavor,
            timeout=int(60 * minutes),
            name=f"{LABEL}-{key}-{attempt}",
            labels={LABEL: key, ATTEMPT_LABEL: str(attempt)},
            volumes=[Volume(type="dataset", source=mounted, mount_path=MOUNT)],
            namespace=account,
        )
        return _id_of(made)


def find_job(account: str, key: str, *, attempt: int, token: str) -> FoundJob | None:
    """A job of the training `key` that has not ended, or else that of this attempt; None without one.

    Raises:
        HubFailure: the jobs cannot be listed.
    """
    with translate_errors("list of jobs", meanings=MEANINGS):
        listed = client(token).list_jobs(labels={LABEL: key}, namespace=account, token=token)
        found = [FoundJob(_id_of(each), _attempt_of(each), each.status.stage in ENDED_STAGES) for each in listed]
    found = [each for each in found if not each.has_ended or each.attempt == attempt]
    return min(found, key=lambda each: each.has_ended, default=None)


def look_at(account: str, job: str, *, token: str) -> Look:
    """The stage of a job, or UNKNOWN_STAGE. Raises HubFailure."""
    try:
        with translate_errors(f"job {job}", meanings=MEANINGS):
            status = client(token).inspect_job(job_id=job, namespace=account).status
            stage = str(getattr(status.stage, "value", status.stage))
            if not _STAGE.fullmatch(stage):
                raise BareFailure("the Hub's answer is not understood")
            return Look(stage, bool(re.search(r"time[d ]?-?out|time limit", str(status.message or ""), re.IGNORECASE)))
    except HubFailure as failure:
        if failure.status != 404:
            raise
        return Look(UNKNOWN_STAGE)


def read_log(account: str, job: str, *, token: str) -> list[str]:
    """All lines of the log of a job so far; the token in them, which should not be there, is replaced.

    Raises:
        HubFailure: it cannot be read.
    """
    with translate_errors(f"log of job {job}", meanings=MEANINGS):
        lines = client(token).fetch_job_logs(job_id=job, namespace=account)
        return [str(line).rstrip("\r\n").replace(token, "***") for line in lines]


def cancel(account: str, job: str, *, token: str) -> None:
    """Cancel a job. Raises HubFailure."""
    with translate_errors(f"job {job}", meanings=MEANINGS):
        client(token).cancel_job(job_id=job, namespace=account)


def _id_of(job: JobInfo) -> str:
    if not (isinstance(job.id, str) and _ID.fullmatch(job.id)):
        raise BareFailure("the Hub's answer is not understood (it contains no job id)")
    return job.id


def _attempt_of(job: JobInfo) -> int:
    number = (job.labels or {}).get(ATTEMPT_LABEL)
    if not (isinstance(number, str) and _ATTEMPT.fullmatch(number)):
        raise BareFailure("the Hub's answer is not understood (it contains no number of the attempt)")
    return int(number)
