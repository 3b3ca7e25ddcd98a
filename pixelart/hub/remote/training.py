"""A training on a rented machine, seen from here: upload, start, and delete what was uploaded.

The run folder here gets the same files as that of a training on this machine, so everything that reads runs works. The
token is an argument and a secret of the job; it is stored nowhere.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pixelart.errors import Hint, HubFailure, RequestRejected
from pixelart.hub.client import sign_in
from pixelart.hub.remote.following import USUAL_PACE, Follower, RemotePace, wait
from pixelart.hub.remote.hardware import Flavor
from pixelart.hub.remote.jobs_api import MOUNT, UNKNOWN_STAGE, Look, find_job, look_at, start_job
from pixelart.hub.remote.record import RemoteRecord, new_record, pictures_repository, read_record
from pixelart.hub.remote.run_repo import pull_run, push_run
from pixelart.hub.remote.upload import BASE_FOLDER, PICTURES_FILE, delete_set, upload_set
from pixelart.training.failures import Ending

MAY_HAVE_STARTED = "the machine may have started, and is then paid for"
NOT_RENTED = "stopped before a machine was rented"
MAY_BE_AT_WORK = "Its machine may be at work, and is then paid for: see https://huggingface.co/settings/jobs"
_PIP = "pip install --quiet --disable-pip-version-check --root-user-action=ignore"
_Say = Callable[[str], None]
_Told = Callable[[], bool]


@dataclass(frozen=True)
class RemoteTraining:
    """Trains on a machine of Hugging Face Jobs, paid by the owner of `token`.

    `minutes`: the time limit of each job.
    """

    token: str = field(repr=False)
    flavor: Flavor
    minutes: float
    pace: RemotePace = USUAL_PACE

    @property
    def place(self) -> str:
        """The machine, for the record of a job."""
        return self.flavor.name

    def train(
        self,
        run: Path,
        name: str,
        pictures: Path,
        options: Sequence[str],
        base: Path | None,
        *,
        say: _Say,
        stop: _Told,
        leave: _Told,
    ) -> Ending:
        """Train until the end, and keep the folder `run` up to date meanwhile.

        It continues what `run` or the repository of its saves has, and follows a job that is still at work instead of
        starting a second one.

        Args:
            name: of the model.
            pictures: a .zip.
            options: of `train`, without its data, run folder and base.
            base: the folder of the checkpoint to fine-tune.
            say: gets the lines of the log.
            stop: whether the owner wants it to end.
            leave: whether this program ends; the job then goes on.

        Raises:
            RequestRejected: the training belongs to another account, or a repository is public.
            HubFailure: nothing is at work there; the uploaded files and all saves stay.
            OSError: the disk is full or cannot be written to.
        """
        account = sign_in(self.token)
        record = read_record(run) or new_record(account, name)
        _check_account(record, account)
        if not record.is_followed:
            record = self._find(run, record, say, lambda: stop() or leave())
        if record.is_under_way and not record.is_followed and (stop() or leave()):
            return Ending("interrupted", MAY_BE_AT_WORK)
        if not record.is_followed:
            record = self._upload(run, record, pictures, base, say)
            if stop() or leave():
                return Ending("cancelled" if stop() else "interrupted", NOT_RENTED)
            record = self._start(run, record, self._command(record, options, base), say)
        return Follower(run, record, self.token, self.pace, self.minutes, say, stop, leave).follow()

    def _find(self, run: Path, record: RemoteRecord, say: _Say, until: _Told) -> RemoteRecord:
        """Look for a job that is at work, or whose start was not confirmed, so that no second one is paid for."""
        if not record.attempt:
            return record
        found = find_job(record.account, record.key, attempt=record.attempt, token=self.token)
        if found is None and unsettled(record, self.pace):
            say("the last start was not confirmed; looking for its machine")
        while found is None and (rest := unsettled(record, self.pace)) and not until():
            wait(min(self.pace.look, rest), until)
            found = find_job(record.account, record.key, attempt=record.attempt, token=self.token)
        if found is None or (found.has_ended and not record.is_under_way):
            return record
        lines = record.lines if found.id == record.job else 0
        record = replace(record, attempt=found.attempt, ended=found.attempt - 1, job=found.id, lines=lines)
        record.write(run)
        say(f"job {found.id} was started before, so nothing is rented")
        return record

    def _upload(self, run: Path, record: RemoteRecord, pictures: Path, base: Path | None, say: _Say) -> RemoteRecord:
        """Upload the set, and let the folder and the repository of saves hold the newest of both."""
        record = replace(
            record, pictures=pictures_repository(record), flavor=self.flavor.name, minutes=self.minutes,
            hourly=self.flavor.hourly,
        )  # fmt: skip
        record.write(run)  # first, so that it can be deleted whatever happens
        say(f"uploading the pictures to {record.pictures_url} (private)")
        upload_set(pictures, base, record.pictures, token=self.token)
        pull_run(run, record.run, token=self.token, with_save=True)
        push_run(run, record.run, token=self.token, with_save=True)
        say(f"saves go to {record.run_url} (private)")
        return record

    def _start(self, run: Path, record: RemoteRecord, command: Sequence[str], say: _Say) -> RemoteRecord:
        record = replace(record, attempt=record.attempt + 1, job="", asked=time.time(), lines=0)
        record.write(run)  # first: if the answer is lost, the job is found by its labels
        try:
            job = start_job(
                record.account, command, flavor=self.flavor.name, minutes=self.minutes, mounted=record.pictures,
                key=record.key, attempt=record.attempt, token=self.token,
            )  # fmt: skip
        except HubFailure as failure:
            if not failure.refused:
                text = f"{failure}; {MAY_HAVE_STARTED}"
                raise HubFailure(text, status=failure.status, hint=Hint.FOLLOW) from None
            replace(record, ended=record.attempt).write(run)
            raise
        record = replace(record, job=job)
        record.write(run)
        say(f"job {job} on {self.flavor.name}, at most {self.minutes:g} minutes")
        return record

    def _command(self, record: RemoteRecord, options: Sequence[str], base: Path | None) -> list[str]:
        """The command of the next job: install the uploaded program, then train. The time limit includes both."""
        words = ["python", "-m", "pixelart", "remote-train", f"--repository={record.run}"]
        words += [f"--attempt={record.attempt + 1}", f"--data={MOUNT}/{PICTURES_FILE}", f"--limit={self.minutes:g}"]
        words += [f"--push-every={self.pace.push:g}", f"--save-push-every={self.pace.push_save:g}"]
        words += ["--gpu"] * self.flavor.has_gpu
        of_base = [f"--base={base.name}", f"--checkpoints={MOUNT}/{BASE_FOLDER}"] if base else []
        install = f"{_PIP} {MOUNT}/*.whl"
        train = f'exec {shlex.join(words)} --began="$began" -- {shlex.join([*options, *of_base])}'
        return ["bash", "-c", f"began=$(date +%s); {install} && {train}"]


def unsettled(record: RemoteRecord, pace: RemotePace = USUAL_PACE) -> float:
    """For how many more seconds a job whose start was not confirmed may be missing in the Hub's list."""
    passed = time.time() - record.asked
    return pace.settle - passed if record.is_under_way and not record.job and 0 <= passed < pace.settle else 0.0


def is_at_work(record: RemoteRecord, *, token: str) -> bool:
    """Whether a job of this training is at work, or may be, because its start was asked for just now. Raises HubFailure
    if nobody can tell."""
    look = look_at(record.account, record.job, token=token) if record.job else Look(UNKNOWN_STAGE)
    if look.stage != UNKNOWN_STAGE:
        return not look.has_ended
    found = find_job(record.account, record.key, attempt=record.attempt, token=token)
    return unsettled(record) > 0 if found is None else not found.has_ended


def delete_pictures(run: Path, *, token: str, say: _Say) -> str:
    """Delete the uploaded set of a run; returns the name of the repository that is gone, or "" if there was none.

    The saves stay. A later resume uploads the pictures again. `say`: gets a warning if nobody can tell whether a job
    was started.

    Raises:
        RequestRejected: a job is using the set, or the training belongs to another account.
        HubFailure: it could not be deleted.
    """
    record = read_record(run)
    if record is None or not record.pictures:
        return ""
    _check_account(record, sign_in(token))  # to another account a private repository seems to be gone
    if record.is_under_way:
        try:
            if is_at_work(record, token=token):
                raise RequestRejected(f"{record.pictures}: a job is using it; stop the training first")
        except HubFailure as failure:
            if record.job:
                raise
            say(f"{failure}. {MAY_BE_AT_WORK}")
    delete_set(record.pictures, token=token)
    replace(record, pictures="").write(run)
    return record.pictures


def _check_account(record: RemoteRecord, account: str) -> None:
    if record.account != account:
        raise RequestRejected(f"this training belongs to {record.account} on the Hub; you are {account}")
