"""How this machine trains a network fastest: precision, memory format and threads, by timing real steps.

No belief about a processor or a GPU decides: a processor without bfloat16 instructions computes a convolution in
bfloat16 five to seven times as slowly as in float32, one that has them in half the time, and both look alike.
"""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pixelart.images.codec import codec_from_config
from pixelart.layers.context import Context
from pixelart.models import config_from_dict, get_variant, to_channels_last
from pixelart.training import tuning_cache
from pixelart.training.config import AUTO, MEMORY_FORMATS, PRECISIONS, RunConfig, Schedule
from pixelart.training.data.batches import Batches
from pixelart.training.data.encoded import code_pictures
from pixelart.training.data.pictures import PictureSet
from pixelart.training.objective import Objective
from pixelart.training.state import TrainState

log = logging.getLogger(__name__)
MARGIN = 1.15
"""How many times as fast another choice must be as the usual one to be taken: what is less may be chance."""
ROUNDS = 3
"""Timings of a choice, of which the shortest counts."""
HOPELESS = 1.5
"""A choice that first takes so many times as long as the fastest is not timed again."""
STEP_SECONDS = 0.2
"""About what one timed step takes: a part of the batch stands for it where all of it takes longer."""
COARSE = 1e-3
"""Seconds of resolution with which a clock is of no use: that of Windows for processor time is 16 ms."""
MAX_PICTURES = 64
Work = Callable[[], object]
Clock = Callable[[], float]
Found = tuple[dict[str, Any], dict[str, float]]
"""What is chosen, and pictures a second of each choice."""


def tuned(config: RunConfig, learned: PictureSet, device: torch.device) -> RunConfig:
    """The config of a new run with everything decided that its schedule leaves open ("auto", threads 0).

    What was measured once on this machine, for such a network and batch, is remembered. `learned`: the pictures the
    run learns from.
    """
    with in_threads(config.schedule.threads or torch.get_num_threads()):
        tuner = _Tuner(config, learned, device)
        try:
            return tuner.decide()
        finally:
            gc.collect()  # networks that nobody needs any more


class Trial:
    """A network of a run and one part of its batch: a call takes one training step, whose weights nobody keeps."""

    def __init__(self, config: RunConfig, learned: PictureSet, device: torch.device, *, pictures: int) -> None:
        """`pictures`: how many a step learns from; what is "auto" in the schedule of `config` is as usual."""
        schedule = replace(config.schedule, batch_size=pictures, accumulate=1, processes=1)
        variant, model_config = get_variant(config.model), config_from_dict(config.model, config.model_config)
        self.model = variant.model(model_config).to(device)
        if schedule.memory_format != "contiguous":
            to_channels_last(self.model)
        self._objective = Objective(self.model, schedule)
        self._learner = TrainState(self.model, self.model, schedule)
        self._given = _first_batch(config, learned, schedule, device)
        self._learner.set_rates(0.0, 0.0)
        self._device = device

    def __call__(self) -> None:
        """One step; it has ended when this returns."""
        self._learner.clear_gradients()
        self._objective.joint(*self._given)[0].backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._learner.step()
        wait_for(self._device)


def _first_batch(
    config: RunConfig, learned: PictureSet, schedule: Schedule, device: torch.device
) -> tuple[Tensor, Context]:
    few = range(min(len(learned.hashes), schedule.batch_size))
    classes = torch.tensor([config.classes.index(learned.class_names[i]) for i in few])
    coded = code_pictures(codec_from_config(config.codec), learned.pictures[: len(few)], classes)
    x, context = Batches([coded], num_classes=len(config.classes), schedule=schedule).draw(0)
    return x.to(device), context.to(device)


def wait_for(device: torch.device) -> None:
    """Until a GPU has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def race(
    choices: Mapping[str, Callable[[], Work]], clock: Clock = time.perf_counter, *, rounds: int = ROUNDS
) -> dict[str, float]:
    """Seconds of the work that each of `choices` makes, by `clock`, the shortest of several timed in turn, after a
    first time that does not count. One that cannot be computed here is not in the result."""
    works, seconds = dict[str, Work](), dict[str, float]()
    for name, make in choices.items():
        try:
            work = make()
            work()
            seconds[name] = timed(work, clock)
            works[name] = work
        except (RuntimeError, NotImplementedError, TypeError) as error:  # of torch: no such operation in this precision
            log.info("speed: %s cannot be computed here (%.120s)", name, error)
    for _ in range(rounds - 1):
        limit = HOPELESS * min(seconds.values(), default=0.0)
        for name, work in works.items():
            if seconds[name] <= limit:
                seconds[name] = min(seconds[name], timed(work, clock))
    return seconds


def timed(work: Work, clock: Clock) -> float:
    """Seconds of one call, by `clock`."""
    began = clock()
    work()
    return clock() - began


def fastest(seconds: Mapping[str, float], usual: str) -> str:
    """The choice that took the least, if that is MARGIN times as fast as the `usual` one, which is taken where nothing
    is known."""
    best = min(seconds, key=seconds.__getitem__, default=usual)
    return best if usual not in seconds or seconds[usual] > MARGIN * seconds[best] else usual


class _Tuner:
    def __init__(self, config: RunConfig, learned: PictureSet, device: torch.device) -> None:
        self._config, self._learned, self._device = config, learned, device
        # The time of the processor, which is the same beside other busy programs. Threads are counted by the wall.
        fine = device.type == "cpu" and time.get_clock_info("process_time").resolution < COARSE
        self._clock = time.process_time if fine else time.perf_counter
        self._pictures = 0

    def decide(self) -> RunConfig:
        for step in (self._precision, self._memory_format, self._threads):
            chosen, measured = step()
            schedule = replace(self._config.schedule, **chosen)
            self._config = replace(self._config, schedule=schedule, measured={**self._config.measured, **measured})
        return self._config

    def _precision(self) -> Found:
        return self._among("precision", PRECISIONS)

    def _memory_format(self) -> Found:
        return self._among("memory_format", MEMORY_FORMATS)

    def _among(self, name: str, words: tuple[str, ...]) -> Found:
        """One of `words`, the first of which is the usual one."""
        if getattr(self._config.schedule, name) != AUTO:
            return {}, {}

        def find() -> Found:
            seconds = race({word: self._maker(**{name: word}) for word in words}, self._clock)
            return {name: fastest(seconds, words[0])}, self._speeds(seconds)

        return self._once(name, words, find)

    def _threads(self) -> Found:
        """Half as many threads as there are, and so on, for as long as that is faster: tiny networks lose by many."""
        most = torch.get_num_threads()
        if self._config.schedule.threads or self._device.type != "cpu":
            return {}, {}

        def find() -> Found:
            chosen, measured = most, dict[str, float]()
            while chosen > 1:
                pair = {count: partial(self._in_threads, count) for count in (chosen, chosen // 2)}
                seconds = race({str(count): make for count, make in pair.items()}, time.perf_counter)
                measured.update({f"{count} threads": v for count, v in self._speeds(seconds).items()})
                if fastest(seconds, str(chosen)) == str(chosen):
                    break
                chosen //= 2
            return {"threads": chosen}, measured

        counts = range(1, most + 1)
        if most > 1 and not is_quiet() and not tuning_cache.recall(self._key("threads"), "threads", counts):
            return {"threads": most}, {}  # fewer would be faster now, and slower for the rest of the run
        return self._once("threads", counts, find)

    def _once(self, name: str, allowed: Container[Any], find: Callable[[], Found]) -> Found:
        """What is remembered of the choice `name`, or what `find` finds now."""
        key = self._key(name)
        found = tuning_cache.recall(key, name, allowed)
        if found is None:
            chosen, measured = find()
            found = {**chosen, "measured": measured}
            tuning_cache.remember(key, found)
        return {name: found[name]}, found["measured"]

    def _key(self, name: str) -> str:
        return f"{name}: {tuning_cache.key(self._config, self._device)}"

    def _in_threads(self, count: int) -> Work:
        trial = self._maker()()

        def work() -> None:
            with in_threads(count):
                trial()

        return work

    def _maker(self, **words: str) -> Callable[[], Trial]:
        config = replace(self._config, schedule=replace(self._config.schedule, **words))
        self._pictures = self._pictures or self._affordable()
        return partial(Trial, config, self._learned, self._device, pictures=self._pictures)

    def _affordable(self) -> int:
        """How many pictures a timed step learns from, so that it takes about STEP_SECONDS."""
        make = partial(Trial, self._config, self._learned, self._device, pictures=1)
        one = race({"one": make}, time.perf_counter, rounds=1).get("one", STEP_SECONDS)
        return max(1, min(self._config.schedule.batch_size, MAX_PICTURES, int(STEP_SECONDS / max(one, 1e-6))))

    def _speeds(self, seconds: Mapping[str, float]) -> dict[str, float]:
        return {name: round(self._pictures / max(value, 1e-9), 2) for name, value in seconds.items()}


@contextmanager
def in_threads(count: int) -> Iterator[None]:
    """torch has `count` CPU threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_quiet() -> bool:
    """Whether other programs leave at least half of this machine's cores free, as far as the system tells."""
    try:
        return os.getloadavg()[0] <= max(1.0, (os.cpu_count() or 1) / 2)
    except (AttributeError, OSError):  # Windows does not tell
        return True
