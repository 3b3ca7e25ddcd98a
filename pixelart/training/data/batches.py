"""Training batches: pictures, masks, classes or none, and mirroring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.images.class_names import Labels
from pixelart.images.masks import training_mask
from pixelart.layers.context import Context
from pixelart.training.config import Schedule
from pixelart.training.data.emphasis import read_emphasis
from pixelart.training.data.encoded import CodedPictures

_ORDER, _STEP, _SIZE = 1, 2, 3  # streams of randomness
UNTOLD, UNTOLD_ALL = 0.2, 0.7
"""Shares of pictures trained without their look, and without their kind: of those trained with their class, and of the
others. The network then draws any look of a class, any class of a look, and anything, which guidance needs most."""


class Batches:
    """Batches of pictures, each of one size. All randomness is a function of (seed, step), so nothing needs to be
    stored: a resumed run draws the same batches, masks and flips as an uninterrupted one."""

    def __init__(
        self,
        sets: Sequence[CodedPictures],
        *,
        labels: Labels,
        schedule: Schedule,
    ) -> None:
        """`sets`: the pictures of each size, at least one of each. `batch_size` is that of the first size; batches of
        other sizes have about as many pixels. `labels`: those that the network knows.
        """
        self.sets, self.schedule, self._labels = sets, schedule, labels
        times = read_emphasis(schedule.emphasis)
        self._times = np.array([times.get(name, 1.0) for name in labels.names])
        self._epoch: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))
        areas = np.array([one.x.shape[2] * one.x.shape[3] for one in sets], np.float64)
        weights = self._picture_weights()
        # The share of steps of a size: between its share of pictures, as they are weighted, and its share of pixels.
        shares = np.array([some.sum() for some in weights]) * np.sqrt(areas)
        self._shares, self._counts = shares / shares.sum(), areas[0] / areas
        self._chances = [some / some.sum() for some in weights]

    def draw(self, step: int) -> tuple[Tensor, Context]:
        """The pictures of `step` (N, C, H, W), for all parts and processes, and their contexts."""
        schedule = self.schedule
        random, number = np.random.default_rng([schedule.seed, _STEP, step]), self._size_of(step)
        chosen, size = self.sets[number], self.batch_size(step) * schedule.accumulate * schedule.processes
        height, width = chosen.x.shape[2:]
        rows = self._rows(step, number, size, random)
        mirrored = torch.from_numpy(random.random(size) < schedule.flip)
        x, palette = chosen.varied(rows, random, recolour=schedule.recolour)
        x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
        mask = torch.from_numpy(np.stack([training_mask(height, width, random=random) for _ in range(size)]))
        kept = torch.from_numpy(random.random(size) >= schedule.class_dropout)
        weights = chosen.labels(rows, len(self._labels))
        classes, looks, kinds = weights.split([len(some) for some in self._labels.groups], dim=1)
        for some in (looks, kinds):
            if chosen.inner is None or not some.shape[1]:
                continue
            told = torch.from_numpy(random.random(size) >= np.where(kept.numpy(), UNTOLD, UNTOLD_ALL))
            some *= told[:, None]
        classes *= kept[:, None]
        return x, Context(weights, x, mask, palette=palette, mirrored=mirrored)

    def batch_size(self, step: int) -> int:
        """How many pictures one part of `step` has."""
        return max(1, round(self.schedule.batch_size * float(self._counts[self._size_of(step)])))

    def parts(self, step: int, process: int) -> Iterator[slice]:
        """Slices of the result of `draw`: the parts that `process` trains on, one after another."""
        schedule, size = self.schedule, self.batch_size(step)
        for turn in range(schedule.accumulate):
            start = (turn * schedule.processes + process) * size
            yield slice(start, start + size)

    def place(self, position: int) -> int:
        """Which picture is at `position` of the endless order of one size; each epoch is a new permutation."""
        epoch, place = divmod(position, len(self.sets[0]))
        known = self._epoch  # another thread may replace it
        if known[0] != epoch:
            random: Any = np.random.default_rng([self.schedule.seed, _ORDER, epoch])
            known = self._epoch = (epoch, random.permutation(len(self.sets[0])))
        return int(known[1][place])

    def _size_of(self, step: int) -> int:
        if len(self.sets) == 1:
            return 0
        random = np.random.default_rng([self.schedule.seed, _SIZE, step])
        return int(random.choice(len(self.sets), p=self._shares))

    def _rows(self, step: int, number: int, size: int, random: np.random.Generator) -> Tensor:
        if len(self.sets) == 1 and not self.schedule.balance and not self.schedule.emphasis:
            return torch.tensor([self.place(step * size + i) for i in range(size)])
        return torch.from_numpy(random.choice(len(self.sets[number]), size, p=self._chances[number]))

    def _picture_weights(self) -> list[NDArray[np.float64]]:
        """How often each picture of each size is drawn, relative to all others: equally at `balance` 0, so that the
        weights of each class have an equal sum at 1, then times the emphasis of its class, its look and its kind."""
        classes = torch.cat([one.classes for one in self.sets])
        counts = torch.bincount(classes, minlength=len(self._labels.classes)).double()
        of_class = counts.pow(-self.schedule.balance).numpy()  # inf for a class without pictures
        return [of_class[one.classes.numpy()] * self._emphasis(one) for one in self.sets]

    def _emphasis(self, pictures: CodedPictures) -> NDArray[np.float64]:
        """How many times as often each of the pictures is drawn."""
        of_inner = np.append(self._times, 1.0)  # the last one, number -1, is of pictures without a look or kind
        times = self._times[pictures.classes.numpy()]
        return times if pictures.inner is None else times * of_inner[pictures.inner.numpy()].prod(axis=1)


Batch = tuple[Tensor, Context]


class Prefetcher:
    """Draws the next batch in a thread while a step runs. A context: the thread ends with it."""

    def __init__(self, draw: Callable[[int], Batch]) -> None:
        """`draw`: for example `Batches.draw`; it is called only in that thread."""
        self._draw, self._thread = draw, ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: dict[int, Future[Batch]] = {}

    def __enter__(self) -> Prefetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def draw(self, step: int) -> Batch:
        """The batch of `step`, already drawn if the last call was for the step before. Raises what `draw` raises."""
        this = self._ahead.pop(step, None) or self._thread.submit(self._draw, step)
        batch = this.result()
        self._ahead = {step + 1: self._thread.submit(self._draw, step + 1)}
        return batch
