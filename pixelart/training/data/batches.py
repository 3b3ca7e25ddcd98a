"""What is learned from at each step: which pictures, which holes, with or without class, mirrored or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pixelart.images.masks import training_mask
from pixelart.layers.context import Context
from pixelart.training.config import Schedule
from pixelart.training.data.encoded import CodedPictures

_ORDER, _STEP, _SIZE = 1, 2, 3  # streams of randomness


class Batches:
    """Batches of pictures, each batch of one size. Everything random is a function of (seed, step), so nothing of it
    needs to be stored: a resumed run draws the same batches, masks and flips as one that was never stopped.
    """

    def __init__(self, sets: Sequence[CodedPictures], *, num_classes: int, schedule: Schedule) -> None:
        """`sets`: the pictures of each size, at least one of each; `batch_size` is that of the first, and a batch of
        another size has as many pictures as make about as many pixels."""
        self.sets, self.num_classes, self.schedule = sets, num_classes, schedule
        self._epoch: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))
        areas = np.array([one.x.shape[2] * one.x.shape[3] for one in sets], np.float64)
        # A size has a part of the steps between that of its pictures and that of its pixels.
        shares = np.array([len(one) for one in sets]) * np.sqrt(areas)
        self._shares, self._counts = shares / shares.sum(), areas[0] / areas
        self._weights = [self._balanced(one.classes) for one in sets]

    def draw(self, step: int) -> tuple[Tensor, Context]:
        """The pictures of `step` (N, C, H, W), of all its parts in all processes, and what is given of them."""
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
        weights = F.one_hot(chosen.classes[rows], self.num_classes).float() * kept[:, None]
        return x, Context(weights, x, mask, palette=palette, mirrored=mirrored)

    def batch_size(self, step: int) -> int:
        """How many pictures are learned from at a time in `step`."""
        return max(1, round(self.schedule.batch_size * float(self._counts[self._size_of(step)])))

    def parts(self, step: int, process: int) -> Iterator[slice]:
        """Where in what `draw` gives the parts lie that are learned from in `process`, one after another."""
        schedule, size = self.schedule, self.batch_size(step)
        for turn in range(schedule.accumulate):
            start = (turn * schedule.processes + process) * size
            yield slice(start, start + size)

    def place(self, position: int) -> int:
        """Which picture stands at `position` of the endless order of one size: a new permutation each epoch."""
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
        if len(self.sets) == 1 and not self.schedule.balance:
            return torch.tensor([self.place(step * size + i) for i in range(size)])
        return torch.from_numpy(random.choice(len(self.sets[number]), size, p=self._weights[number]))

    def _balanced(self, classes: Tensor) -> NDArray[np.float64]:
        """The chance of each picture: 1 at `balance` 0, and so that every class is as frequent at 1."""
        counts = torch.bincount(classes, minlength=self.num_classes).double()
        chances = counts[classes].pow(-self.schedule.balance).numpy()
        return chances / chances.sum()


Batch = tuple[Tensor, Context]


class Prefetcher:
    """Draws the batch of the next step in a thread while a step runs. A context: the thread ends with it."""

    def __init__(self, draw: Callable[[int], Batch]) -> None:
        """`draw`: such as `Batches.draw`; it is called in that one thread only."""
        self._draw, self._thread = draw, ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: dict[int, Future[Batch]] = {}

    def __enter__(self) -> Prefetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def draw(self, step: int) -> Batch:
        """The batch of `step`, which is ready when the last call asked for the step before. Raises what `draw` does."""
        this = self._ahead.pop(step, None) or self._thread.submit(self._draw, step)
        batch = this.result()
        self._ahead = {step + 1: self._thread.submit(self._draw, step + 1)}
        return batch
