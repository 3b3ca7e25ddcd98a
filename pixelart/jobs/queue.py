"""The job queue: all actions of an owner on background trainings."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from pixelart.checkpoint.library import Library
from pixelart.checkpoint.ownership import request_owner
from pixelart.errors import RequestRejected
from pixelart.jobs.continuing import check_data, restore_data
from pixelart.jobs.folder import JobFolder
from pixelart.jobs.job import AT_WORK, CONTINUABLE, ENDED, STATES, Job
from pixelart.jobs.limits import Limits
from pixelart.jobs.names import check_free, free_name, rivals
from pixelart.jobs.options import check_options, command_options, longer
from pixelart.jobs.process import COMMAND, ChildLimits
from pixelart.jobs.recovery import ID
from pixelart.jobs.runner import Runner
from pixelart.jobs.server import DISK_FULL, JobServer
from pixelart.jobs.store import JobStore
from pixelart.jobs.timing import Timing
from pixelart.settings import SETTINGS, Settings
from pixelart.storage import Files
from pixelart.training.export import export_again, export_run, exported_archive
from pixelart.training.runs import check_name


class Jobs:
    """The trainings in one folder, which it locks. Thread-safe; close it with `close` or as a context.

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
    ) -> None:
        """Open the folder: jobs that a dead server left running become interrupted, and its queue continues.

        With `by_owner`, only the owner of a job sees its checkpoint (`pixelart.checkpoint.ownership`) or uses it as a
        base, and the pictures of done jobs are deleted. With `patient`, opening is tried again every few seconds while
        another program holds the folder or the database, or while the disk is full; until then calls are refused.

        Raises:
            RequestRejected: the database cannot be read.
            Busy, OSError: without `patient`: the folder is locked, or the disk failed.
        """
        self._path, self._checkpoints, self._settings = folder.resolve(), checkpoints.resolve(), settings
        self._library = Library(self._checkpoints, device=torch.device("cpu"), memory_bytes=0, by_owner=by_owner)
        self._program = tuple(program)
        self._limits = Limits(settings, jobs=self._path, incoming=self.incoming, checkpoints=self._checkpoints)
        self._changing = threading.Lock()
        limits = ChildLimits.of(settings)
        self.timing = Timing(program, self._checkpoints, limits, lambda: bool(self._store.in_state(*AT_WORK)))
        options: Any = {"settings": settings, "patient": patient, "keeps_data": not by_owner}
        self._server = JobServer(self._path, self.incoming, self._new_runner, **options)

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Interrupt running jobs, which save within a few seconds. Queued jobs stay in the queue."""
        self.timing.close()
        self._server.close()

    @property
    def is_open(self) -> bool:
        """Whether the folder is open; until then every call is refused."""
        return self._server.opened is not None

    @property
    def incoming(self) -> Path:
        """Folder for uploads before they are submitted; deleted at the start and the end of the server."""
        return self._path / "incoming"

    def pause_for_drawing(self, drawing: bool) -> None:
        """Pause trainings while someone is `drawing`; a callback for `Engine(on_drawing=...)`."""
        if opened := self._server.opened:
            opened.runner.pause_for_drawing(drawing)

    def wait_until_idle(self) -> None:
        """Wait until no job is running or queued."""
        self._runner.wait_until_idle()

    def submit(self, owner: str, name: str, options: Mapping[str, Any], data: Path) -> Job:
        """Queue a training on a copy of the .zip `data`. `name`: of the checkpoint to make; `options`: some of
        JOB_OPTIONS.

        Raises:
            RequestRejected: a name or option that cannot be used, too large a file, a full queue, or too many jobs of
                this owner.
            WeightsRejected: a base that cannot be used.
            OSError: no such file, or the disk is full; nothing is left of the job.
        """
        check_name(name)
        with request_owner(owner):
            check_options(options, library=self._library, settings=self._settings)
        if data.stat().st_size > self._settings.max_archive_bytes:
            raise RequestRejected(f"{data.name}: larger than {self._settings.max_archive_bytes >> 20} MiB")
        job = Job(secrets.token_hex(8), owner, name, dict(options), time.time())
        with self._reserved_place(owner):
            self._limits.check_kept(self._store.list(owner))
            self._limits.check_disk(data.stat().st_size)
            check_free(name, self._store.in_state(*STATES), checkpoints=self._checkpoints)
            try:
                self._folder(job).create(data)
                self._store.add(job)
            except BaseException:  # do not leave the pictures on a full disk
                shutil.rmtree(self._folder(job).path, ignore_errors=True)
                raise
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
        at_work, queue = self._store.in_state(*AT_WORK), [other.id for other in self._store.in_state("queued")]
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
            self._runner.stop(job.id)

    def resume(self, owner: str, job_id: str, *, data: Path | None = None) -> None:
        """Queue an interrupted job again; it continues from its newest valid checkpoint, optimizer state included.

        A job that is done or was too short continues for as long again, with the schedule of its learning rate
        stretched. `data`: a .zip of its pictures, used if the job's copy was deleted.

        Raises:
            RequestRejected: no such job, it cannot be resumed, its pictures are missing, or the queue is full.
            OSError: the disk is full; the job is unchanged.
        """
        job = self.get(owner, job_id)
        if job.state == "done":
            check_data(self._folder(job), data)  # while other visitors' jobs may still be queued
        with self._reserved_place(owner):
            goes_on = job.is_short or job.state == "done"
            more = {"options": longer(job.options, most=self._settings.max_job_minutes)} if goes_on else {}
            restored = job.state == "done" and restore_data(self._folder(job), data, self._limits)
            was = CONTINUABLE if job.state != "damaged" else ()  # what is stored of a damaged job is not believed
            if self._store.change(job.id, was=was, state="queued", reason="", ended=None, **more):
                return
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
                if job.exported and export_again(run, self._checkpoints / job.exported):
                    return job.exported
                others = rivals(job, self._store.in_state(*STATES))
                name = free_name(job.claims, others, checkpoints=self._checkpoints)
                if self._library.by_owner:
                    self._limits.check_models()
                self._store.change(job.id, was=STATES, exported=name)  # first, or a crash would export twice
                export_run(run, self._checkpoints / name, owner=owner if self._library.by_owner else "")
        return name

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
            if job.state not in ENDED:
                raise RequestRejected(f"job {job.id} is {job.state}: stop it first")
            path = self._folder(job).path
            gone = path.with_name(f".{job.id}.deleted")
            with suppress(FileNotFoundError):
                path.rename(gone)  # from here on, the next server start would complete the deletion
            try:
                Files().sync_folder(self._path)
                self._forget(job, gone)
            except BaseException:
                with suppress(FileNotFoundError):
                    gone.rename(path)
                raise
        shutil.rmtree(gone, ignore_errors=True)

    def _forget(self, job: Job, gone: Path) -> None:
        """Delete a record. If the disk is too full even for that, delete the job's files first."""
        try:
            self._store.delete(job.id)
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            for path in list(gone.iterdir()) if gone.is_dir() else ():
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            self._store.delete(job.id)

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
            keeps_data=not self._library.by_owner,
            limits=ChildLimits.of(self._settings),
        )

    def _folder(self, job: Job) -> JobFolder:
        return JobFolder(self._path / job.id)

    def _command(self, job: Job) -> Sequence[str]:
        folder = self._folder(job)
        fixed = ("train", "--resume", "--attended", f"--data={folder.data}", f"--out={folder.run}")
        return [*self._program, *fixed, *command_options(job.options, checkpoints=self._checkpoints)]

    @contextmanager
    def _reserved_place(self, owner: str) -> Iterator[None]:
        """Reserve a place in the queue, one caller at a time; raises RequestRejected if there is none."""
        with self._changing:
            self._limits.check_place(self._store.in_state("queued", *AT_WORK), owner)
            yield
        self._runner.wake()
