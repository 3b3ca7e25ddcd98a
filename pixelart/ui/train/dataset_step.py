"""Step 1, Images: check the artist's pictures, report on them, and prepare them for training."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

from pixelart.engine import Engine
from pixelart.errors import Cancelled, PixelArtError, RequestRejected
from pixelart.hub import fetch_dataset
from pixelart.progress import Cancel
from pixelart.settings import SETTINGS
from pixelart.storage import write_file
from pixelart.training.data.report import Survey, prepare
from pixelart.training.data.survey import survey
from pixelart.ui.browser_storage import NOTHING_KEPT, Kept
from pixelart.ui.gradio_parts import event_data
from pixelart.ui.security.local_request import from_own_machine
from pixelart.ui.security.safe_blocks import FAULT
from pixelart.ui.status import counted, status_progress, status_text
from pixelart.ui.train.dataset_form import DATASET, FOLDER, ZIP, ImagesForm, matches_form, spec_from
from pixelart.ui.train.report import plain, survey_html
from pixelart.ui.train.uploads import CheckTask, DatasetSpec, Images, PreparedDataset, Source
from pixelart.ui.uploaded import uploaded_file
from pixelart.ui.worker import Worker

_log = logging.getLogger(__name__)
NOTHING_YET = "Drop a .zip of pictures; its folders are the classes."
HANDED_OVER = "The training has taken the pictures. Drop the .zip again to check them again."
FOLDER_NOT_HERE = "A folder can be named only in a browser on the machine where the program runs."
START, CHECK_AGAIN = "Start", "Check the pictures again to start"
CHANGED = "Settings have changed since the check. Press Check again."
CHECK_STOPPED = "Stopped. Nothing is ready to train."
Shown = tuple[Any, Any, Any, Any]
"""status, report, name of the new model, Start"""
UNCHANGED: Shown = (gr.skip(), gr.skip(), gr.skip(), gr.skip())
CheckStep = tuple[str, int, int]
"""(name of the step, done, total); total 0 = unknown."""
CHECK_WAITING: CheckStep = ("Waiting for other visitors' checks", 0, 0)
_Worker = Worker[Survey, CheckStep]


class ImagesHandlers:
    """The handlers of one page. A visitor's state is in the Images passed to each handler.

    `local`: the program serves only this machine, so its user may name folders.
    """

    def __init__(self, engine: Engine, *, local: bool) -> None:
        self.engine, self.local = engine, local
        self._checks = threading.BoundedSemaphore(SETTINGS.max_checks)
        self._downloads = threading.BoundedSemaphore(SETTINGS.max_fetches)

    def offer_folder(self, request: gr.Request, kept: Kept = NOTHING_KEPT) -> Any:
        """The choice of sources, with folders if the visitor may name them, at its stored value."""
        sources = [ZIP, DATASET, FOLDER] if self._may_name_folders(request) else [ZIP, DATASET]
        chosen = kept.values.get("source")
        return gr.Radio(choices=list(sources), value=chosen if chosen in sources else ZIP)

    def receive_archive(
        self, images: Images, request: gr.Request, event: gr.EventData, **values: Any
    ) -> Iterator[Shown]:
        """Store a dropped archive and check it."""
        task = images.begin()
        try:
            name, data = uploaded_file(event_data(event))
            images.scratch.check(images.folder, incoming=len(data))
            path = images.folder / f"upload-{task.number}.zip"
            write_file(path, data)
            images.put(task, Source(ZIP, "", name, path))
        except (PixelArtError, OSError) as error:
            task.ended = True
            yield _refused(images, error)
            return
        yield from self._check(images, task, request, ImagesForm(**{**values, "source": ZIP}))

    def check_pictures(self, images: Images, request: gr.Request, **values: Any) -> Iterator[Shown]:
        """Check the chosen pictures and prepare the good ones."""
        yield from self._check(images, images.begin(), request, ImagesForm(**values))

    def stop_check(self, images: Images) -> Any:
        """Stop the visitor's check."""
        return status_text(CHECK_STOPPED) if images.stop() else gr.skip()

    def compare(self, images: Images, **values: Any) -> tuple[Images, Any, Any]:
        """images, status, Start: whether the prepared pictures still match step 1."""
        ready = images.ready
        if ready is None:
            return images, gr.skip(), _start(images)
        same = matches_form(ready, self.engine, ImagesForm(**values))
        return images, status_text(ready.summary if same else CHANGED), _start(images, stale=not same)

    def _may_name_folders(self, request: gr.Request) -> bool:
        return self.local and from_own_machine(request)

    def _check(self, images: Images, task: CheckTask, request: gr.Request, form: ImagesForm) -> Iterator[Shown]:
        try:
            spec = spec_from(form, self.engine)
            if spec.source == FOLDER and not self._may_name_folders(request):
                raise RequestRejected(FOLDER_NOT_HERE)
        except PixelArtError as error:
            task.ended = True
            yield _refused(images, error)
            return
        worker = _Worker(lambda tell, cancel: self._survey(images, task, spec, tell, cancel), lambda: task.over)
        try:
            yield status_progress("Looking at the pictures", done=0, rows=0), gr.skip(), gr.skip(), _start(images)
            for step in worker.watch(interval=0.2):
                if task.over:  # do not wait for a slow network
                    break
                yield UNCHANGED if step is None else _progress(step)
            if task.over:
                yield UNCHANGED if task.replaced else (status_text(CHECK_STOPPED), "", gr.skip(), _start(images))
            else:
                yield self._result(images, worker, form)
        finally:  # also when the visitor has left
            task.ended = True
            worker.stop()

    def _result(self, images: Images, worker: _Worker, form: ImagesForm) -> Shown:
        try:
            found = worker.result()
        except (PixelArtError, OSError) as error:
            return _refused(images, error)
        except Exception:
            _log.exception("a check failed")
            return status_text(FAULT), "", gr.skip(), _start(images)
        name = suggested_name(images.source.name if form.source != FOLDER and images.source else found.name)
        given = form.name not in ("", images.suggested)
        images.suggested = name
        return status_text(survey_summary(found)), survey_html(found), gr.skip() if given else name, _start(images)

    # --- on the thread of a check ---------------------------------------------------------------------------------

    def _survey(
        self, images: Images, task: CheckTask, spec: DatasetSpec, tell: Callable[[CheckStep], None], cancel: Cancel
    ) -> Survey:
        """Survey the source and prepare its good pictures. Raises Cancelled, PixelArtError or OSError."""
        path = self._source(images, task, spec, tell, cancel)
        with _reserved_place(self._checks, tell, cancel):
            found = survey(path, spec.options, cancel=cancel, on_progress=lambda n, of: tell(("Reading", n, of)))
            if found.ready:
                made = images.folder / f"ready-{task.number}.zip"
                prepare(found, made, cancel=cancel, on_progress=lambda n, of: tell(("Preparing", n, of)))
                counts = {"pictures": len(found.pictures), "classes": len(found.classes)}
                ready = PreparedDataset(made, found.size, spec, survey_summary(found), **counts)
                try:
                    images.scratch.check(images.folder)
                except RequestRejected:
                    made.unlink()
                    raise
                images.keep(task, ready)
        return found

    def _source(
        self, images: Images, task: CheckTask, spec: DatasetSpec, tell: Callable[[CheckStep], None], cancel: Cancel
    ) -> Path:
        """The path of the pictures, fetched if needed."""
        if spec.source == FOLDER:
            try:
                return Path(spec.place).expanduser()
            except RuntimeError as error:
                raise RequestRejected(f"{spec.place}: there is no such home folder") from error
        source = images.source
        if source and (source.source, source.place) == (spec.source, spec.place):
            return source.path
        if spec.source == ZIP:
            raise RequestRejected(HANDED_OVER if images.handed_over else NOTHING_YET)
        if not self._downloads.acquire(blocking=False):
            raise RequestRejected(
                f"{SETTINGS.max_fetches} datasets are being downloaded, the limit. Try again in a minute."
            )
        try:
            path = _fetched(images, images.folder / f"dataset-{task.number}", spec.place, tell, cancel)
        finally:
            self._downloads.release()
        images.put(task, Source(DATASET, spec.place, spec.place, path))
        return path


def _fetched(images: Images, target: Path, dataset: str, tell: Callable[[CheckStep], None], cancel: Cancel) -> Path:
    """Fetch a dataset, unless it is larger than the free space."""
    refused: list[RequestRejected] = []
    looked = 0.0

    def is_over() -> bool:
        nonlocal looked
        if time.monotonic() > looked + 1.0:
            looked = time.monotonic()
            try:
                images.scratch.check(images.folder)
            except RequestRejected as error:
                refused.append(error)
        return bool(refused) or cancel()

    try:
        return fetch_dataset(dataset, target, cancel=is_over, on_progress=lambda n, of: tell(("Downloading", n, of)))
    except Cancelled:
        raise refused[0] if refused else Cancelled from None


@contextmanager
def _reserved_place(places: threading.Semaphore, tell: Callable[[CheckStep], None], cancel: Cancel) -> Iterator[None]:
    """Wait for a free place, and hold it inside this context. Raises Cancelled."""
    while not places.acquire(timeout=0.1):
        tell(CHECK_WAITING)
        if cancel():
            raise Cancelled
    try:
        yield
    finally:
        places.release()


def suggested_name(source: str) -> str:
    """A model name from the name of the source: "my sprites.zip" gives my-sprites."""
    return re.sub(r"[^A-Za-z0-9]+", "-", Path(source).stem).strip("-")[:64]


def survey_summary(found: Survey) -> str:
    """One line about the pictures to train on."""
    height, width = found.size
    if not found.ready:
        return "You cannot train on these pictures yet. See the list."
    pictures, classes = counted(len(found.pictures), "picture"), counted(len(found.classes), "class", "classes")
    return f"{pictures} of {width} x {height} in {classes}. Ready to train."


def _progress(step: CheckStep) -> Shown:
    what, done, total = step
    text = f"{what} {done:,} of {total:,}" if total else what
    return status_progress(text, done=done, rows=total), gr.skip(), gr.skip(), gr.skip()


def _refused(images: Images, error: Exception) -> Shown:
    text = plain(error)
    if images.source:
        for place in (str(images.source.path), images.source.path.name):
            text = text.replace(place, images.source.name)
    return status_text(text.replace(f"{images.folder}/", "")), "", gr.skip(), _start(images)


def _start(images: Images, *, stale: bool = False) -> Any:
    """The button Start: enabled if the pictures were checked with the current settings."""
    return gr.Button(value=CHECK_AGAIN if stale else START, interactive=images.ready is not None and not stale)
