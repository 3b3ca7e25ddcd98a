"""Step 3, Run: start, stop, resume and use trainings. They run in the background; the page only shows them.

Closing the page does not stop them. The browser stores the owner of the jobs and the job shown last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from pixelart.engine import Engine
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.hub.remote import RemoteRecord, read_record
from pixelart.jobs import CONTINUABLE, ENDED, Job, JobFolder, Jobs, RemoteTrainer
from pixelart.settings import SETTINGS
from pixelart.ui.browser_storage import NOTHING_KEPT, Kept
from pixelart.ui.models_list import model_choices
from pixelart.ui.results import download_value
from pixelart.ui.security.identity import browser_of, owner_of
from pixelart.ui.status import status_text
from pixelart.ui.train.dataset_form import ImagesForm, matches_form
from pixelart.ui.train.form import base_choices, job_from
from pixelart.ui.train.progress import job_label, job_status
from pixelart.ui.train.report import NO_JOB, log_html, loss_curve, plain
from pixelart.ui.train.samples import samples_html
from pixelart.ui.train.uploads import Images, PreparedDataset

_log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
KeptRun = dict[str, str]
"""The value that the browser stores: `owner`, its secret, and `job`, the job shown last."""
RESUME, TRAIN_LONGER = "Resume", "Train longer"
MACHINE_AT_WORK = "Its machine may still be at work, and be paid for. Press Resume to see, then Stop."
OUTPUTS = 13
"""Number of outputs of `RunHandlers.view`."""


def with_page_errors(handler: Callable[P, T]) -> Callable[P, T]:
    """Show errors of a handler as a message over the page, because the next tick replaces the status line."""

    @wraps(handler)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return handler(*args, **kwargs)
        except (PixelArtError, OSError) as error:
            raise gr.Error(plain(error), print_exception=False) from error

    return call


class RunHandlers:
    """The handlers of one page: they show and control the visitor's jobs."""

    def __init__(self, engine: Engine, jobs: Jobs) -> None:
        self.engine, self.jobs = engine, jobs

    # --- what the page shows --------------------------------------------------------------------------------------

    def recall(self, memory: Any, kept: Kept = NOTHING_KEPT) -> tuple[Any, ...]:
        """Fill a fresh page: the base models with the stored choice, and the job shown last."""
        owner, chosen = owner_of(memory), memory.get("job") if isinstance(memory, dict) else None
        try:
            known = [job.id for job in self.jobs.list(owner)]
        except (PixelArtError, OSError):  # `view` shows the error
            known = [chosen]
        chosen = chosen if chosen in known else next(iter(known), None)
        bases = self.offer_bases(None, kept)
        return _remembered(memory, chosen), bases, *self.view(owner, chosen, None)

    def offer_bases(self, chosen: Any, kept: Kept = NOTHING_KEPT) -> Any:
        """The current base models. A valid choice is not sent again, because the visitor may change it meanwhile;
        otherwise the stored one is chosen, or the first model."""
        models = self.engine.list_checkpoints()
        choices = base_choices(models)
        values, wanted = [value for _, value in choices], kept.values.get("base")
        usual = wanted if wanted in values else models[0].name if models else values[0]
        first: dict[str, Any] = {} if chosen in values else {"value": usual}
        return gr.Dropdown(choices=list(choices), **first)

    def look_at(self, memory: Any, job: Any) -> tuple[Any, ...]:
        """Show another job."""
        owner = owner_of(memory)
        return _remembered(memory, job), *self.view(owner, job, None)

    def tick(self, memory: Any, job: Any, shown: Any) -> tuple[Any, ...]:
        """Update the parts that have changed since `shown`."""
        return self.view(owner_of(memory), job, shown)

    def view(self, owner: str, job_id: Any, shown: Any) -> tuple[Any, ...]:
        """jobs, status, curve, samples, log, Stop, Resume, Use, Download, Delete, Delete pictures, timer, shown.

        Sends only what differs from `shown`, the state of this page. If the records cannot be read, the status says so
        and the next tick tries again.
        """
        try:
            return self._view(owner, job_id, shown)
        except (PixelArtError, OSError) as error:
            skipped = [gr.skip()] * OUTPUTS
            return skipped[0], status_text(plain(error)), *skipped[2:-2], gr.Timer(active=True), None

    def _view(self, owner: str, job_id: Any, shown: Any) -> tuple[Any, ...]:
        jobs = self.jobs.list(owner) if owner else []
        job = next((job for job in jobs if job.id == job_id), None)
        busy = any(each.state not in ENDED for each in jobs)
        if job is None:
            blank = (gr.LinePlot(visible=False), "", log_html([]), *_buttons(None, None, None))
            return _choices(jobs, None, shown), status_text(NO_JOB), *blank, gr.Timer(active=busy), None
        folder = self.jobs.folder(owner, job.id)
        samples, measures = folder.samples(), folder.measures()
        rented = rented_record(job, folder)
        about_machine = [_uploaded(rented), rented.most if rented else 0.0]
        now = [job.id, len(samples), len(measures), job.state, [each.state for each in jobs], about_machine]
        status = job_status(job, folder, ahead=self.jobs.ahead(owner, job.id))
        before = shown if shown and shown[0] == job.id else [None] * len(now)
        changed = [a != b for a, b in zip(now, before, strict=True)]
        moves = job.state not in ENDED or any(changed)
        return (
            _choices(jobs, job, shown) if changed[4] or changed[0] else gr.skip(),
            status,
            _plot(folder) if moves else gr.skip(),
            samples_html(folder) if any(changed[:4]) else gr.skip(),
            log_html(folder.log_tail(lines=30)) if moves else gr.skip(),
            *(_buttons(job, folder, rented) if any(changed) else [gr.skip()] * 6),
            gr.Timer(active=busy) if changed[4] or changed[0] else gr.skip(),
            now,
        )

    # --- what a visitor does --------------------------------------------------------------------------------------

    @with_page_errors
    def start_training(
        self, memory: Any, images: Images, remote: RemoteTrainer | None = None, **values: Any
    ) -> tuple[Any, ...]:
        """Queue a training on the prepared pictures. `values`: of the steps 1 and 2, by name. `remote`: train there."""
        owner = owner_of(memory)
        if not owner:
            raise RequestRejected("The page does not know who you are. Reload it, or sign in.")
        ready = images.ready
        if ready is None:
            raise RequestRejected("There are no pictures yet. See step 1.")
        pictures = ImagesForm(**{field.name: values[field.name] for field in fields(ImagesForm)})
        if not matches_form(ready, self.engine, pictures):
            raise RequestRejected("Step 1 has changed since the check. Press Check again.")
        most = SETTINGS.max_remote_minutes if remote else SETTINGS.max_job_minutes
        name, options = job_from(values, pictures=ready.pictures, most_minutes=most)
        self._check_size(options, ready)
        job = self.jobs.submit(owner, name, options, ready.path, remote=remote)
        images.hand_over()
        return _remembered(memory, job.id), *self.view(owner, job.id, None)

    @with_page_errors
    def stop_training(self, memory: Any, job: Any) -> tuple[Any, ...]:
        """Save and stop a training."""
        return self.change(memory, job, self.jobs.stop)

    @with_page_errors
    def resume_training(
        self, memory: Any, job: Any, images: Images | None = None, remote: RemoteTrainer | None = None
    ) -> tuple[Any, ...]:
        """Resume a training from its last save, or continue a finished one for as long again; if its pictures were
        deleted, with those of step 1."""
        ready = images.ready if images else None
        how: dict[str, Any] = {"data": ready.path if ready else None, "remote": remote}
        return self.change(memory, job, lambda owner, job_id: self.jobs.resume(owner, job_id, **how))

    @with_page_errors
    def delete_job(self, memory: Any, job: Any) -> tuple[Any, ...]:
        """Delete a finished training with all its files."""
        owner = owner_of(memory)
        there = _left_on_hub(self.jobs.get(owner, str(job)), self.jobs.folder(owner, str(job)))
        self.jobs.delete(owner, str(job))
        if there:
            gr.Info(f"Still on the Hub, in your name: {there}. Delete it there if you do not need it.")
        left = next((each.id for each in self.jobs.list(owner)), None)
        return _remembered(memory, left), *self.view(owner, left, None)

    @with_page_errors
    def use_model(self, memory: Any, job: Any) -> tuple[Any, Any]:
        """status, models: make a checkpoint of the last save and choose it."""
        name = self.jobs.export(owner_of(memory), str(job))
        choices = model_choices(self.engine.list_checkpoints())
        gr.Info(f"{name} is in the list of models and chosen.")
        status = status_text(f"{name} is ready. Draw with it in the tab Create.")
        return status, gr.Dropdown(choices=list(choices), value=name)

    @with_page_errors
    def download_model(self, memory: Any, job: Any) -> tuple[Any, Any]:
        """status, file: the checkpoint of the last save, as a .zip."""
        record = self.jobs.get(owner_of(memory), str(job))
        data = self.jobs.archive(record.owner, record.id)
        return gr.skip(), download_value(f"{record.name}.zip", data)

    def change(self, memory: Any, job: Any, change: Callable[[str, str], None]) -> tuple[Any, ...]:
        """memory and the view after a `change` of a job, which gets the owner and the job's id."""
        owner = owner_of(memory)
        change(owner, str(job))
        return gr.skip(), *self.view(owner, job, None)

    def _check_size(self, options: dict[str, Any], ready: PreparedDataset) -> None:
        if "base" in options:
            info, size = self.engine.info(options["base"]), ready.size
            if size != (info.height, info.width):
                raise RequestRejected(
                    f"The pictures are {size[1]} x {size[0]}; {info.name} draws {info.width} x {info.height}. "
                    f"Press Check again, or choose a new network."
                )


def _remembered(memory: Any, job: Any) -> Any:
    browser = browser_of(memory)
    return {"owner": browser, "job": str(job or "")[:16]} if browser else gr.skip()


def _choices(jobs: list[Job], chosen: Job | None, shown: Any) -> Any:
    """The list of jobs. A tick does not change the chosen one, because it may arrive late."""
    choices, chosen_id = [(job_label(job), job.id) for job in jobs], chosen.id if chosen else None
    value: dict[str, Any] = {} if shown else {"value": chosen_id}
    return gr.Dropdown(choices=list(choices), visible=bool(jobs), **value)


def _buttons(job: Job | None, folder: JobFolder | None, rented: RemoteRecord | None) -> list[Any]:
    """Stop, Resume, Use, Download, Delete and Delete pictures. A running training can be used from its first measured
    save on."""
    state, saved = job.state if job else None, bool(folder and folder.has_saved)
    usable = saved and (state in ENDED or bool(folder and folder.measures()))
    goes_on = bool(job and (job.is_short or state == "done"))
    price = f" (at most ${rented.most:.2f})" if rented and rented.hourly and not rented.is_followed else ""
    uploaded = _uploaded(rented)
    return [
        gr.Button(visible=state in ("queued", "running")),
        gr.Button(value=(TRAIN_LONGER if goes_on else RESUME) + price, visible=state in CONTINUABLE),
        *(gr.Button(visible=usable) for _ in range(2)),
        gr.Button(visible=state in ENDED),
        gr.Button(value=f"Delete uploaded pictures ({uploaded})", visible=bool(uploaded) and state in ENDED),
    ]


def _uploaded(rented: RemoteRecord | None) -> str:
    """The dataset repository with the pictures of a training, or ""."""
    return rented.pictures if rented else ""


def _left_on_hub(job: Job, folder: JobFolder) -> str:
    """The repositories of a training, in words; "" without any.

    Raises:
        RequestRejected: its machine was started and may still be at work.
    """
    record = rented_record(job, folder)
    if record and record.is_followed:
        raise RequestRejected(MACHINE_AT_WORK)
    return " and ".join(filter(None, [_uploaded(record), record.run])) if record else ""


def rented_record(job: Job, folder: JobFolder) -> RemoteRecord | None:
    """What is known of the rented machine of a job; None if it has none, or not yet."""
    try:
        return read_record(folder.run) if job.place else None
    except RequestRejected:  # damaged
        return None


def _plot(folder: JobFolder) -> Any:
    frame = loss_curve(folder)
    return gr.LinePlot(value=frame, visible=bool(frame["bits"].notna().any()))
