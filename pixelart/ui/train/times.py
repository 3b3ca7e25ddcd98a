"""Quick, Good or Best: how long each takes on this machine, timed on a few real steps and shown before Start."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

import gradio as gr

from pixelart.engine import Engine
from pixelart.errors import PixelArtError
from pixelart.jobs import Jobs
from pixelart.jobs.timing import Timing
from pixelart.settings import SETTINGS
from pixelart.training.efforts import EFFORTS, steps_and_saves
from pixelart.training.pace import Pace
from pixelart.ui.train.form import base_of, job_from, variant_of
from pixelart.ui.train.progress import duration
from pixelart.ui.train.uploads import Images, PreparedDataset
from pixelart.ui.worker import Worker

MEASURING = "Measuring how fast this machine trains this model..."
MEASURED = "Measured on this machine."
BEST_KEPT = "The save that fits unseen pictures best is kept."
BUSY = "A training is running; the times are measured when it has ended."
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
        except (PixelArtError, OSError):  # Start says what is wrong
            yield without_times(NOT_MEASURED)
            return
        yield without_times(NOT_MEASURED) if pace is None else _with_times(pace, ready, values)

    def minutes_here(self, images: Images, values: Mapping[str, Any]) -> float:
        """Minutes that the chosen effort takes on this machine; 0 if that is not known or set under Advanced."""
        ready = images.ready
        try:
            if ready is None or values["steps"]:
                return 0.0
            pace = self.jobs.timing.known(self._arguments(ready, values))
            return _seconds(pace, ready, values["effort"], values) / 60 if pace else 0.0
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
        given, most = {**values, "name": values["name"] or "new"}, SETTINGS.max_remote_minutes
        _, options = job_from(given, pictures=ready.pictures, most_minutes=most)
        batch = f"--batch-size={options.get('batch_size', 0)}"
        if base := base_of(values["base"]):
            return f"--base={self.engine.info(base).name}", batch
        height, width = ready.size
        return f"--model={variant_of(values['base'])}", f"--size={width}x{height}", batch


def without_times(info: str) -> Any:
    """The choice without times, and why there are none."""
    return gr.Radio(choices=[(name, name) for name in EFFORTS], info=info)


def _with_times(pace: Pace, ready: PreparedDataset, values: Mapping[str, Any]) -> Any:
    has_base, batch = base_of(values["base"]) is not None, int(values["batch_size"])
    choices = list[tuple[str, str]]()
    for name in EFFORTS:
        length = steps_and_saves(name, has_base=has_base, pictures=ready.pictures, batch_size=batch)
        choices.append((f"{name} · {_told(pace, ready, *length, values)}", name))
    return gr.Radio(choices=list(choices), info=_info(pace, ready, values))


def _seconds(pace: Pace, ready: PreparedDataset, effort: str, values: Mapping[str, Any]) -> float:
    base, batch = base_of(values["base"]), int(values["batch_size"])
    steps, every = steps_and_saves(effort, has_base=base is not None, pictures=ready.pictures, batch_size=batch)
    held_out = round(float(values["validation_share"]) * ready.pictures)
    classes = min(ready.classes, 16)
    return max(1.0, pace.seconds(steps, save_every=every, validation_pictures=held_out, classes=classes))


def _told(pace: Pace, ready: PreparedDataset, steps: int, every: int, values: Mapping[str, Any]) -> str:
    share = float(values["validation_share"])
    seconds = pace.seconds(
        steps, save_every=every, validation_pictures=round(share * ready.pictures), classes=min(ready.classes, 16)
    )
    return f"about {duration(max(seconds, 1.0))}"


def _info(pace: Pace, ready: PreparedDataset, values: Mapping[str, Any]) -> str:
    """What counts: the choice, or what is set under Advanced."""
    if steps := values["steps"]:
        told = _told(pace, ready, int(steps), int(values["save_every"] or 50), values)
        return f"{steps:,} steps, set under Advanced: {told}. A choice here undoes that."
    if minutes := values["minutes"]:
        return f"{minutes:g} min, set under Advanced. A choice here undoes that."
    return f"{MEASURED} {BEST_KEPT}" if base_of(values["base"]) else MEASURED
