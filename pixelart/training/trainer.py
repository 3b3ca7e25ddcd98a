"""The training loop: cosine schedule, EMA, crash-safe saves; in one process or several."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import safetensors
import torch

from pixelart.checkpoint.weights import pack_weights
from pixelart.errors import Cancelled, DataRejected, RequestRejected, WeightsRejected
from pixelart.images.codec import codec_from_config
from pixelart.layers.interruption import cancel_between_layers
from pixelart.models import AutoregressiveModel
from pixelart.storage import write_file
from pixelart.training.data.batches import Batches, Prefetcher
from pixelart.training.data.encoded import write_class_palettes
from pixelart.training.data.pictures import PictureSet
from pixelart.training.data.split import split_pictures
from pixelart.training.defect_limits import write_limits
from pixelart.training.distributed import Processes
from pixelart.training.initialization import build_networks
from pixelart.training.objective import Objective, set_dropout, weight_and_count
from pixelart.training.run_config import RunConfig
from pixelart.training.sample_sheets import SampleSheets
from pixelart.training.schedules import update_ema, warm_cosine
from pixelart.training.snapshots import last_checkpoint, save_checkpoint
from pixelart.training.state import BEST, STATE, TrainState, best_row, read_state, state_json
from pixelart.training.validation import LOG_FIELDS, Validation, log_table

_log = logging.getLogger(__name__)
SNAPSHOT_SECONDS = 120.0
"""Longest time between two saves, which bounds what a crash loses, however slow the steps are."""


class Trainer:
    """Trains one run until its schedule ends or `stop` returns True, and saves as it goes."""

    def __init__(
        self,
        run: Path,
        config: RunConfig,
        data: PictureSet,
        seen: Set[str],
        *,
        weights: AutoregressiveModel | None = None,
        processes: Processes | None = None,
    ) -> None:
        """Prepare step 0 from `weights` or random ones, or restore the newest checkpoint in the run folder.

        The caller must hold the lock on the run folder (`exclusive`). `seen`: content hashes of the training pictures;
        the others are for validation. `processes`: those that train this run together, each with its own Trainer; only
        the first validates and writes.

        Raises:
            DataRejected: the pictures are not the ones the run was started with.
            WeightsRejected: a checkpoint lacks a part.
        """
        if data.fingerprint() != config.data_fingerprint:
            raise DataRejected(f"{config.data}: the pictures are not the ones this run was started with")
        self.run, self.config, self.processes = run, config, processes or Processes()
        self.device, schedule = self.processes.device, config.schedule
        if schedule.threads:
            torch.set_num_threads(schedule.threads)
        self.model, self.average = build_networks(config, self.device, weights)
        self.objective = Objective(self.model, schedule)
        self.train_state = TrainState(self.model, self.average, schedule)
        self.codec = codec_from_config(config.codec)
        split = split_pictures(data, seen, self.codec, config.labels, folder=run)
        self.sets, self.measured = split.sets, split.measured
        self.x, self.classes = split.sets[0].x, split.sets[0].classes
        self.validation = Validation(run, self.measured, len(config.labels))
        self.train_rows, self.validation_rows = split.train_rows, split.validation_rows
        self.batches = Batches(split.learned, labels=config.labels, schedule=schedule)
        self._draw = self.batches.draw
        set_dropout(self.model, schedule.dropout)
        shown = torch.cat([one.classes for one in split.learned]).unique().tolist()
        self.sheets = SampleSheets(run, config.labels, shown, size=config.size)
        self.step, self.seconds, self.rows = 0, 0.0, list[dict[str, Any]]()
        self._recent, self.last_bits = list[float](), 0.0
        self._best: bytes | None = None
        self._hurry: Callable[[], bool] = lambda: False
        self._saved_at, self.snapshot_seconds = -math.inf, SNAPSHOT_SECONDS
        found = last_checkpoint(run)
        if found:
            self._restore(*found)
            self._saved_at = time.monotonic()

    def train(
        self,
        *,
        stop: Callable[[], bool] = lambda: False,
        report: Callable[[Trainer], None] = lambda _: None,
        hurry: Callable[[], bool] = lambda: False,
        interrupt: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train to the end of the schedule, or until `stop` returns True; save before the first step and at the end.

        `stop` and `report` are called once per step. `hurry` is called several times a second during validation and
        sampling; True skips them. `interrupt` is called within a step; True abandons the step. It works in a single
        process without compiling. A resumed run first writes the log and the samples of its last checkpoint if they are
        missing. Raises WeightsRejected if the processes start from different weights.
        """
        self._hurry = hurry
        self.processes.check_same(self.model.parameters())
        if self.processes.is_first:
            self._begin()
        can_interrupt = self.processes.count == 1 and not self.config.schedule.compile
        interrupted = cancel_between_layers(self.model, interrupt if can_interrupt else None)
        with self._prefetching(), interrupted, suppress(Cancelled):
            self.warm_up()
            while self.progress() < 1 and not self.processes.any(stop()):
                began = time.monotonic()
                self.last_bits = self._train_step()
                self._recent.append(self.last_bits)
                self.step += 1
                self.seconds = self.processes.of_first(self.seconds + time.monotonic() - began)
                report(self)
                if self.processes.is_first:
                    self._save_if_due()
        if self.progress() < 1 and self.processes.is_first:  # a stop must not wait for validation
            self._save_unmeasured()
        self.processes.leave()

    def warm_up(self) -> None:
        """Compile the losses of a run with `compile`; `train` calls it first. Further calls are not needed."""
        if self.config.schedule.compile and self.progress() < 1:
            alone = self.progress() < self.config.schedule.context_first
            self.objective.warm_up(*next(self._loss_arguments()), alone=alone)
            self.train_state.clear_gradients()

    @contextmanager
    def _prefetching(self) -> Iterator[None]:
        """Inside, the next batch is drawn while a step runs."""
        with Prefetcher(self.batches.draw) as prefetcher:
            self._draw = prefetcher.draw
            try:
                yield
            finally:
                self._draw = self.batches.draw

    def _begin(self) -> None:
        """Write the first save and samples, and what is usual in each class, before the first step of this process."""
        learned, config = self.batches.sets, self.config
        write_class_palettes(self.run, learned, config.labels, base=config.base)
        write_limits(self.run, learned, self.codec, config.classes, base=config.base)
        if self.step:
            self._catch_up()
        elif self._saved_at == -math.inf:
            self._save_unmeasured()
        if self.config.base and not self.step:  # the base, for comparison
            self.validation.measure_base(self.average, cancel=self._hurry)
            if not self.sheets.has(self.step):
                self._draw_samples()

    def _save_if_due(self) -> None:
        """Save and draw samples if they are due."""
        every = self.config.schedule.sample_every
        if self.saves_now():
            self.save()
        elif time.monotonic() - self._saved_at > self.snapshot_seconds:
            self._save_unmeasured()
        elif every and self.step % every == 0:
            self._draw_samples()

    def saves_now(self) -> bool:
        """Whether this step is validated and saved."""
        return self.step % self.config.schedule.save_every == 0 or self.progress() >= 1

    def recent_bits(self) -> float:
        """Mean bits per hidden sub-pixel over the steps since the last save."""
        return sum(self._recent) / max(1, len(self._recent))

    @property
    def passes(self) -> float:
        """Epochs so far."""
        return self.step * self.config.schedule.global_batch_size / sum(map(len, self.batches.sets))

    def progress(self) -> float:
        """Completed share of the schedule, 0..1."""
        if self.config.schedule.steps:
            return min(1.0, self.step / self.config.schedule.steps)
        return min(1.0, self.seconds / (60 * self.config.schedule.minutes))

    def save(self) -> None:
        """Validate, write a checkpoint of this step, then the log and the samples.

        Raises:
            OSError: a write failed; the run is unchanged.
        """
        try:
            rows = [*self.rows, self._measure()]
        except Cancelled:
            self._save_unmeasured()
            return
        best = self._best
        if self.config.schedule.keep == "best" and best_row(rows) is rows[-1]:
            best = pack_weights(self.average)
        save_checkpoint(self.run, self.step, self._parts(rows, [], best))
        self.rows, self._recent, self._best, self._saved_at = rows, [], best, time.monotonic()
        _log.info("%s", json.dumps(rows[-1]))
        self._write_log()
        if self._shows_samples():
            self._draw_samples()

    def _save_unmeasured(self) -> None:
        save_checkpoint(self.run, self.step, self._parts(self.rows, self._recent, self._best))
        self._saved_at = time.monotonic()

    def _catch_up(self) -> None:
        """Write the log and the samples of the last checkpoint if a killed run did not."""
        self._write_log()
        if self._shows_samples() and not self.sheets.has(self.step):
            self._draw_samples()

    def _write_log(self) -> None:
        write_file(self.run / "log.csv", log_table(self.rows))

    def _shows_samples(self) -> bool:
        """Whether this step was validated and its samples are due."""
        every = self.config.schedule.sample_every
        is_measured = bool(self.rows) and self.rows[-1]["step"] == self.step
        return is_measured and (not every or self.step % every == 0 or self.progress() >= 1)

    def _draw_samples(self) -> None:
        self.sheets.draw(self.average, self.codec, self.step, cancel=self._hurry)

    def _train_step(self) -> float:
        schedule = self.config.schedule
        rate = schedule.learning_rate * self._rate()
        self.train_state.set_rates(rate, rate * schedule.context_rate)
        self.train_state.clear_gradients()
        loss, bits = self._backward()
        if not math.isfinite(loss):
            raise RequestRejected(f"step {self.step}: the loss is not finite; lower the learning rate")
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if not math.isfinite(float(norm)):  # it would ruin the weights, which are then saved
            raise RequestRejected(f"step {self.step}: the gradient is not finite; lower the learning rate")
        self.train_state.step()
        update_ema(self.average, self.model, step=self.step, decay=schedule.ema)
        return bits

    def _backward(self) -> tuple[float, float]:
        """(loss, bits) of this step; leaves the gradients, summed over all processes, in the parameters."""
        alone = self.progress() < self.config.schedule.context_first
        loss_of = self.objective.alone if alone else self.objective.joint
        results = []
        for given in self._loss_arguments():
            loss, bits = loss_of(*given)
            loss.backward()
            results.append(torch.stack([loss.detach(), bits]))
        sums = torch.stack(results).sum(0)
        self.processes.add_up([sums, *(p.grad for p in self.model.parameters() if p.grad is not None)])
        return float(sums[0]), float(sums[1])

    def _loss_arguments(self) -> Iterator[tuple[Any, ...]]:
        """The arguments of the loss for this step, one tuple per part of the batch."""
        x, context = self._draw(self.step)
        one = len(x) == self.batches.batch_size(self.step)
        whole = () if one else (weight_and_count(x, context).to(self.device),)
        for part in self.batches.parts(self.step, self.processes.index):
            yield x[part].to(self.device), context.select(part).to(self.device), *whole

    def _rate(self) -> float:
        schedule = self.config.schedule
        longest = schedule.steps // 10 if schedule.steps else schedule.warmup_steps
        return warm_cosine(self.progress(), step=self.step, warmup_steps=min(schedule.warmup_steps, longest))

    def _measure(self) -> dict[str, Any]:
        row: dict[str, Any] = {"step": self.step, "minutes": round(self.seconds / 60, 2)}
        if self._recent:
            row["train_bits"] = round(self.recent_bits(), 4)
        bits = self.validation.measure(self.average, self.step, cancel=self._hurry)
        return {**row, **{k: round(v, 4) for k, v in bits.items() if k in LOG_FIELDS}}

    def _parts(self, rows: list[dict[str, Any]], recent: list[float], best: bytes | None) -> dict[str, bytes]:
        state = state_json(self.step, self.seconds, rows, recent, fingerprint=self.config.data_fingerprint)
        parts = {**self.train_state.pack(), STATE: state}
        return {**parts, BEST: best} if best else parts

    def _restore(self, step: int, parts: dict[str, bytes]) -> None:
        """Restore a checkpoint; a missing part is an error, never a default."""
        try:
            self.train_state.unpack(parts)
            state = read_state(parts)
            self.step, self.seconds = state["step"], state["seconds"]
            self.rows, self._recent = state["rows"], state["recent"]
            if self.config.schedule.keep == "best" and best_row(self.rows):
                self._best = parts[BEST]
        except (KeyError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
            raise WeightsRejected(f"step {step}: incomplete checkpoint ({error!s:.120})") from error
        if state["fingerprint"] != self.config.data_fingerprint or self.step != step:
            raise WeightsRejected(f"step {step}: the checkpoint is of another run")
