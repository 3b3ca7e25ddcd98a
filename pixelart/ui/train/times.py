"""Quick, Good or Best: how long each takes on this machine, timed on a few real steps and shown before Start."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

import gradio as gr

from pixelart.engine import Engine
from pixelart.errors import PixelArtError
from pixelart.jobs import Jobs
from pixelart.jobs.timing import Timing
from pixelart.progress import duration
from pixelart.settings import SETTINGS
from pixelart.training.config import FINE_TUNING, Schedule
from pixelart.training.efforts import EFFORTS
from pixelart.training.pace import Pace
from pixelart.training.validation import MAX_CLASSES
from pixelart.ui.train.form import base_of, job_from, variant_of
from pixelart.ui.train.uploads import Images, PreparedDataset
from pixelart.ui.worker import Worker

MEASURING = "Measuring how fast this machine trains this model..."
MEASURED = "Measured on this machine."
BEST_KEPT = "The save that fits unseen pictures best is kept."
BUSY = "A training is running, so the times cannot be measured now."
NOT_MEASURED = "How long this takes could not be measured."
_Measured = tuple[Pace | None]


class TimesHandlers:
    """The handlers of one page."""

    def __init__(self, engine: Engine, jobs: Jobs) -> None:
        self.engine, self.jobs = engine, jobs

    def undo_numbers(self) -> tuple[int, int]:
        """steps, minutes under Advanced: as chosen above."""
        return 0, 0

    def show_times(self, images: Images, **values: Any) -> Iterator[Any]:
        """The choice with the time of each effort. Measures the pace of the training if it is not known yet; nothing
        happens until pictures are checked."""
        ready = images.ready
        if ready is None:
            yield gr.skip()
            return
        try:
            arguments = self._arguments(ready, values)
            pace = self.jobs.timing.known(arguments)
            if pace is None and self.jobs.refusal:
                yield without_times(NOT_MEASURED)
                return
            if pace is None and self.jobs.timing.must_wait():
                yield without_times(BUSY)
                return
            if pace is None:
                yield without_times(MEASURING)
                pace = yield from self._measured(self.jobs.timing, arguments, images, ready)
                if images.ready is not ready:  # other pictures, whose check shows the times again
                    return
                if pace is None and self.jobs.timing.must_wait():  # Start was pressed meanwhile
                    yield without_times(BUSY)
                    return
        except (PixelArtError, OSError):  # Start says what is wrong
            yield without_times(NOT_MEASURED)
            return
        yield without_times(NOT_MEASURED) if pace is None else _with_times(pace, ready, values)

    def minutes_here(self, images: Images, values: Mapping[str, Any]) -> float:
        """Minutes that the chosen effort takes on this machine; 0 if that is not known or steps are set under
        Advanced."""
        ready = images.ready
        try:
            if ready is None or values["steps"]:
                return 0.0
            pace = self.jobs.timing.known(self._arguments(ready, values))
            return _seconds(pace, ready, _options(ready, values)) / 60 if pace else 0.0
        except (PixelArtError, OSError):
            return 0.0

    def _measured(
        self, timing: Timing, arguments: tuple[str, ...], images: Images, ready: PreparedDataset
    ) -> Generator[Any, None, Pace | None]:
        worker = Worker[_Measured, None](
            lambda tell, cancel: (timing.measure(arguments, cancel),), lambda: images.ready is not ready
        )
        try:
            for _ in worker.watch(interval=0.5):
                yield gr.skip()
        finally:  # also when the visitor has left
            worker.stop()
        return worker.result()[0]

    def _arguments(self, ready: PreparedDataset, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The options of `python -m pixelart estimate`. Raises RequestRejected for an unusable value."""
        batch = f"--batch-size={_options(ready, values).get('batch_size', 0)}"
        if base := base_of(values["base"]):
            return f"--base={self.engine.info(base).name}", batch
        height, width = ready.size
        return f"--model={variant_of(values['base'])}", f"--size={width}x{height}", batch


def without_times(info: str) -> Any:
    """The choice without times, and why there are none."""
    return gr.Radio(choices=[(name, name) for name in EFFORTS], info=info)


def _options(ready: PreparedDataset, values: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The options of the job that Start would submit with these values. Raises RequestRejected for an unusable one."""
    given = {**values, "name": values["name"] or "new", **changes}
    return job_from(given, pictures=ready.pictures, most_minutes=SETTINGS.max_remote_minutes)[1]


def _with_times(pace: Pace, ready: PreparedDataset, values: Mapping[str, Any]) -> Any:
    choices = list[tuple[str, str]]()
    for name in EFFORTS:
        options = _options(ready, values, effort=name, steps=0, minutes=0)
        choices.append((f"{name} · {_about(pace, ready, options)}", name))
    return gr.Radio(choices=list(choices), info=_info(pace, ready, values))


def _seconds(pace: Pace, ready: PreparedDataset, options: Mapping[str, Any]) -> float:
    """How long a job with these options takes; they set its steps."""
    usual = FINE_TUNING["save_every"] if "base" in options else Schedule.save_every
    every, held_out = options.get("save_every", usual), round(options["validation_share"] * ready.pictures)
    classes = min(ready.classes, MAX_CLASSES)
    return max(1.0, pace.seconds(options["steps"], save_every=every, validation_pictures=held_out, classes=classes))


def _about(pace: Pace, ready: PreparedDataset, options: Mapping[str, Any]) -> str:
    return f"about {duration(_seconds(pace, ready, options))}"


def _info(pace: Pace, ready: PreparedDataset, values: Mapping[str, Any]) -> str:
    """What counts: the choice, or what is set under Advanced."""
    options = _options(ready, values)
    if values["steps"]:
        about = _about(pace, ready, options)
        return f"{options['steps']:,} steps, set under Advanced: {about}. A choice here undoes that."
    if minutes := values["minutes"]:
        return f"{minutes:g} min, set under Advanced. A choice here undoes that."
    return f"{MEASURED} {BEST_KEPT}" if base_of(values["base"]) else MEASURED
