"""What is learned from at each step: which pictures, which holes, with or without class, mirrored or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pixelart.holes import training_mask
from pixelart.layers.context import Context
from pixelart.training.run import Schedule
from pixelart.training.store import EncodedSet

_ORDER, _STEP = 1, 2  # streams of randomness


class Batches:
    """Batches of x int64 (N, C, H, W) of classes (N,). Everything random is a function of (seed, step), so nothing of
    it needs to be stored: a resumed run draws the same batches, masks and flips as one that was never stopped.
    """

    def __init__(self, x: Tensor | EncodedSet, classes: Tensor, *, num_classes: int, schedule: Schedule) -> None:
        self.x, self.classes, self.num_classes, self.schedule = x, classes, num_classes, schedule
        self._epoch: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def draw(self, step: int) -> tuple[Tensor, Context]:
        """The pictures of `step` (N, C, H, W), of all its parts in all processes, and what is given of them."""
        schedule, (height, width) = self.schedule, self.x.shape[2:]
        random, size = np.random.default_rng([schedule.seed, _STEP, step]), schedule.pictures_a_step
        rows = torch.tensor([self.place(step * size + i) for i in range(size)])
        mirrored = torch.from_numpy(random.random(size) < schedule.flip)
        x = self.x[rows]
        x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
        mask = torch.from_numpy(np.stack([training_mask(height, width, random=random) for _ in range(size)]))
        kept = torch.from_numpy(random.random(size) >= schedule.class_dropout)
        weights = F.one_hot(self.classes[rows], self.num_classes).float() * kept[:, None]
        return x, Context(weights, x, mask, mirrored=mirrored)

    def parts(self, process: int) -> Iterator[slice]:
        """Where in what `draw` gives the parts lie that are learned from in `process`, one after another."""
        schedule = self.schedule
        for turn in range(schedule.accumulate):
            start = (turn * schedule.processes + process) * schedule.batch_size
            yield slice(start, start + schedule.batch_size)

    def place(self, position: int) -> int:
        """Which picture stands at `position` of the endless order: a new permutation each epoch."""
        epoch, place = divmod(position, len(self.x))
        if self._epoch[0] != epoch:
            random: Any = np.random.default_rng([self.schedule.seed, _ORDER, epoch])
            self._epoch = (epoch, random.permutation(len(self.x)))
        return int(self._epoch[1][place])
