"""The job queue: all actions of an owner on background trainings."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from pixelart.checkpoint.library import Library
from pixelart.checkpoint.ownership import request_owner
from pixelart.errors import RequestRejected
from pixelart.jobs.continuing import check_data, restore_data, resumed_values
from pixelart.jobs.deletion import delete_job
from pixelart.jobs.exporting import export_job
from pixelart.jobs.folder import JobFolder
from pixelart.jobs.job import AT_WORK, CONTINUABLE, STATES, Job
from pixelart.jobs.limits import Limits
from pixelart.jobs.names import check_free
from pixelart.jobs.options import check_options, command_options
from pixelart.jobs.process import COMMAND, ChildLimits
from pixelart.jobs.recovery import ID
from pixelart.jobs.remote import RemoteRunner, RemoteTrainer
from pixelart.jobs.runner import Runner
from pixelart.jobs.server import JobServer
from pixelart.jobs.store import JobStore
from pixelart.jobs.timing import Timing
from pixelart.settings import SETTINGS, Settings
from pixelart.training.export import exported_archive
from pixelart.training.runs import check_name


class Jobs:
    """The trainings in one folder, which it locks. Thread-safe; close it with `close` or as a context.

    `incoming`: the folder for uploads before they are submitted; deleted at the start and the end of the server.

    Jobs of others are not found. A call raises OSError and changes nothing if the database cannot be read or written,
    and RequestRejected after `close`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        checkpoints: Path,
        by_owner: bool = False,
        settings: Settings = SETTINGS,
        program: Sequence[str] = COMMAND,
        patient: bool = False,
        refusal: str = "",
    ) -> None:
        """Open the folder: jobs that a dead server left running become interrupted, and its queue continues.

        With `by_owner`, only the owner of a job sees its checkpoint (`pixelart.checkpoint.ownership`) or uses it as a
        base, and the pictures of done jobs are deleted. With `patient`, opening is tried again every few seconds while
        another program holds the folder or the database, or while the disk is full; until then calls are refused.
        `refusal`: why this machine itself trains nothing; then only rented machines do.

        Raises:
            RequestRejected: the database cannot be read.
            Busy, OSError: without `patient`: the folder is locked, or the disk failed.
        """
        self._path, self._checkpoints, self._settings = folder.resolve(), checkpoints.resolve(), settings
        self.incoming = self._path / "incoming"
        self._library = Library(self._checkpoints, device=torch.device("cpu"), memory_bytes=0, by_owner=by_owner)
        self._program, self.refusal, self._by_owner = tuple(program), refusal, by_owner
        self._limits = Limits(settings, jobs=self._path, incoming=self.incoming, checkpoints=self._checkpoints)
        self._changing = threading.Lock()
        limits = ChildLimits.of(settings)
        self.timing = Timing(
            program, self._checkpoints, limits, lambda: bool(self._store.in_state(*AT_WORK, here=True))
        )
        options: Any = {"settings": settings, "patient": patient, "keeps_data": not by_owner}
        self._server = JobServer(self._path, self.incoming, self._new_runner, **options)
        self._remote = RemoteRunner(
            lambda: self._store, self._folder, self._library, self.export, lambda: self._runner.wake()
        )

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Interrupt running jobs, which save within a few seconds. Queued jobs stay in the queue; rented machines go
        on."""
        self.timing.close()
        self._remote.close()
        self._server.close()

    @property
    def is_open(self) -> bool:
        """Whether the folder is open; until then every call is refused."""
        return self._server.opened is not None

    def pause_for_drawing(self, drawing: bool) -> None:
        """Pause trainings while someone is `drawing`; a callback for `Engine(on_drawing=...)`."""
        if opened := self._server.opened:
            opened.runner.pause_for_drawing(drawing)

    def wait_until_idle(self) -> None:
        """Wait until no job is running or queued."""
        self._runner.wait_until_idle()

    def submit(
        self, owner: str, name: str, options: Mapping[str, Any], data: Path, *, remote: RemoteTrainer | None = None
    ) -> Job:
        """Queue a training on a copy of the .zip `data`. `name`: of the checkpoint to make; `options`: some of
        JOB_OPTIONS. With `remote`, it begins at once on a rented machine.

        Raises:
            RequestRejected: this machine does not train, a name or option that cannot be used, too large a file, a
                full queue, or too many jobs of this owner.
            WeightsRejected: a base that cannot be used.
            OSError: no such file, or the disk is full; nothing is left of the job.
        """
        if self.refusal and remote is None:
            raise RequestRejected(self.refusal)
        check_name(name)
        with request_owner(owner):
            check_options(options, library=self._library, settings=self._settings_of(remote))
        if data.stat().st_size > self._settings.max_archive_bytes:
            raise RequestRejected(f"{data.name}: larger than {self._settings.max_archive_bytes >> 20} MiB")
        job = Job(secrets.token_hex(8), owner, name, dict(options), time.time())
        job = replace(job, state="running", started=job.created, place=remote.place) if remote else job
        with self._reserved_place(job):
            self._limits.check_kept(self._store.list(owner))
            self._limits.check_disk(data.stat().st_size)
            check_free(name, self._store.in_state(*STATES), checkpoints=self._checkpoints)
            try:
                self._folder(job).create(data)
                self._store.add(job)
            except BaseException:  # do not leave the pictures on a full disk
                shutil.rmtree(self._folder(job).path, ignore_errors=True)
                raise
        if remote:
            self._remote.begin(job, remote)
        return job

    def list(self, owner: str) -> list[Job]:
        """The owner's jobs, newest first."""
        return self._store.list(owner)

    def get(self, owner: str, job_id: str) -> Job:
        """The current record of a job.

        Raises:
            RequestRejected: the owner has no such job.
        """
        job = self._store.get(job_id) if ID.fullmatch(job_id) else None
        if job is None or job.owner != owner:
            raise RequestRejected(f"job {job_id!r:.40}: not found")
        return job

    def folder(self, owner: str, job_id: str) -> JobFolder:
        """The folder of a job, to read its progress.

        Raises:
            RequestRejected: the owner has no such job.
        """
        return self._folder(self.get(owner, job_id))

    def ahead(self, owner: str, job_id: str) -> int:
        """How many jobs come before a queued job; 0 for any other job.

        Raises:
            RequestRejected: the owner has no such job.
        """
        job = self.get(owner, job_id)
        at_work, queue = (
            self._store.in_state(*AT_WORK, here=True),
            [other.id for other in self._store.in_state("queued")],
        )
        return len(at_work) + queue.index(job.id) if job.id in queue else 0

    def stop(self, owner: str, job_id: str) -> None:
        """Let a running job save and end, or remove it from the queue; an ended job stays as it is.

        Raises:
            RequestRejected: the owner has no such job.
        """
        job, now = self.get(owner, job_id), time.time()
        if self._store.change(job.id, was=["queued"], state="cancelled", reason="removed from the queue", ended=now):
            self._runner.wake()
        elif self._store.change(job.id, was=["running"], state="stopping"):
            (self._remote if job.place else self._runner).stop(job.id)

    def resume(self, owner: str, job_id: str, *, data: Path | None = None, remote: RemoteTrainer | None = None) -> None:
        """Queue an interrupted job again; it continues from its newest valid checkpoint, optimizer state included.

        A job that is done or was too short continues for as long again, with the schedule of its learning rate
        stretched. `data`: a .zip of its pictures, used if the job's copy was deleted. `remote`: for a job of a rented
        machine.

        Raises:
            RequestRejected: no such job, it cannot be resumed, it needs a rented machine, its pictures are missing, or
                there is no place.
            OSError: the disk is full; the job is unchanged.
        """
        job = self.get(owner, job_id)
        if bool(job.place) != bool(remote):
            where = "on a rented machine: resume it in the app" if job.place else "on this machine"
            raise RequestRejected(f"job {job.id} trains {where}")
        if job.state == "done":
            check_data(self._folder(job), data)  # while other visitors' jobs may still be queued
        with self._reserved_place(job):
            place, most = remote.place if remote else "", self._settings_of(remote).max_job_minutes
            restored = job.state == "done" and restore_data(self._folder(job), data, self._limits)
            was = CONTINUABLE if job.state != "damaged" else ()  # what is stored of a damaged job is not believed
            if self._store.change(job.id, was=was, **resumed_values(job, place, most=most)):
                return self._remote.begin(self.get(owner, job_id), remote) if remote else None
            if restored:
                self._folder(job).drop_data()
            raise RequestRejected(f"job {job.id} is {self.get(owner, job_id).state}: there is nothing to resume")

    def export(self, owner: str, job_id: str) -> str:
        """Export the newest save of a job as a checkpoint, or update its earlier export; returns the checkpoint's name.

        The name is that of the job, or a free variation of it if another checkpoint has it.

        Raises:
            RequestRejected: the owner has no such job, or nothing is saved yet.
            OSError: the disk is full; the earlier export is unchanged.
        """
        with self._changing:
            job = self.get(owner, job_id)
            with self._folder(job).saved(self._checkpoints) as run:
                return export_job(self._store, job, run, self._checkpoints, self._by_owner and self._limits)

    def archive(self, owner: str, job_id: str) -> bytes:
        """A .zip of the checkpoint of a job's newest save, in a folder named like the job.

        Raises:
            RequestRejected: the owner has no such job, or nothing is saved yet.
        """
        job = self.get(owner, job_id)
        with self._folder(job).saved(self._checkpoints) as run:
            return exported_archive(run, job.name)

    def delete(self, owner: str, job_id: str) -> None:
        """Delete an ended job with all its saves; its exported checkpoint stays.

        Raises:
            RequestRejected: the owner has no such job, or it has not ended.
        """
        with self._changing:
            job = self.get(owner, job_id)
            job.check_ended()
            gone = delete_job(self._store, job, self._folder(job).path)
        shutil.rmtree(gone, ignore_errors=True)

    def _settings_of(self, remote: RemoteTrainer | None) -> Settings:
        """The limits of a job, which may be longer on a rented machine."""
        return replace(self._settings, max_job_minutes=self._settings.max_remote_minutes) if remote else self._settings

    @property
    def _store(self) -> JobStore:
        return self._server.get().store

    @property
    def _runner(self) -> Runner:
        return self._server.get().runner

    def _new_runner(self, store: JobStore) -> Runner:
        return Runner(
            store,
            folder=self._folder,
            command=self._command,
            minutes=self._settings.max_process_minutes,
            keeps_data=not self._by_owner,
            limits=ChildLimits.of(self._settings),
        )

    def _folder(self, job: Job) -> JobFolder:
        return JobFolder(self._path / job.id)

    def _command(self, job: Job) -> Sequence[str]:
        folder = self._folder(job)
        fixed = ("train", "--resume", "--attended", f"--data={folder.data}", f"--out={folder.run}")
        return [*self._program, *fixed, *command_options(job.options, checkpoints=self._checkpoints)]

    @contextmanager
    def _reserved_place(self, job: Job) -> Iterator[None]:
        """Reserve a place for a job, one caller at a time; raises RequestRejected if there is none."""
        with self._changing:
            live = self._store.in_state("queued", *AT_WORK)
            self._limits.check_place([each for each in live if bool(each.place) == bool(job.place)], job)
            yield
        self._runner.wake()
