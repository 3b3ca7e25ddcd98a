"""Chooses precision, memory format and threads for a run by timing real training steps on this machine.

Only timings decide. bfloat16 convolutions take half the time of float32 on processors with bfloat16 instructions, and
five to seven times as long on others; the two kinds are hard to tell apart.
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

from pixelart.devices import wait_for
from pixelart.images.codec import codec_from_config
from pixelart.layers.context import Context
from pixelart.models import config_from_dict, get_variant, to_channels_last
from pixelart.training import tuning_cache
from pixelart.training.config import AUTO_EXECUTION, MEMORY_FORMATS, PRECISIONS, Schedule
from pixelart.training.data.batches import Batches
from pixelart.training.data.encoded import code_pictures
from pixelart.training.data.pictures import PictureSet
from pixelart.training.objective import Objective
from pixelart.training.run_config import RunConfig
from pixelart.training.state import TrainState

_log = logging.getLogger(__name__)
MARGIN = 1.15
"""Speed-up over the default that another choice needs; smaller differences may be noise."""
ROUNDS = 3
"""Timings per choice; the shortest counts."""
HOPELESS = 1.5
"""A choice whose first timing is this many times the fastest is not timed again."""
STEP_SECONDS = 0.2
"""Rough duration of one timed step; if a batch takes longer, a part of it is timed."""
COARSE = 1e-3
"""Clock resolution in seconds that is too coarse to use; Windows measures CPU time in steps of 16 ms."""
MAX_PICTURES = 64
TimedWork = Callable[[], object]
Clock = Callable[[], float]
Found = tuple[dict[str, Any], dict[str, float]]
"""The choice made, and the pictures per second of each option."""


def tuned(config: RunConfig, learned: PictureSet, device: torch.device) -> RunConfig:
    """Resolve the settings that the schedule of a new run leaves open ("auto", threads 0).

    Timings are cached per machine, network and batch. `learned`: the training pictures of the run.
    """
    with in_threads(config.schedule.threads or torch.get_num_threads()):
        tuner = _Tuner(config, learned, device)
        try:
            return tuner.decide()
        finally:
            gc.collect()  # free the networks of the trials


class Trial:
    """A copy of a run's network with a part of a batch; each call takes one training step."""

    def __init__(self, config: RunConfig, learned: PictureSet, device: torch.device, *, pictures: int) -> None:
        """`pictures`: batch size of a step. Settings of `config` that are "auto" take their default."""
        schedule = replace(config.schedule, batch_size=pictures, accumulate=1, processes=1)
        variant, model_config = get_variant(config.model), config_from_dict(config.model, config.model_config)
        self.model = variant.model(model_config).to(device)
        if schedule.memory_format != "contiguous":
            to_channels_last(self.model)
        self._objective = Objective(self.model, schedule)
        self._train_state = TrainState(self.model, self.model, schedule)
        self._given = _first_batch(config, learned, schedule, device)
        self._train_state.set_rates(0.0, 0.0)
        self._device = device

    def __call__(self) -> None:
        """One step; returns when the device has finished it."""
        self._train_state.clear_gradients()
        self._objective.joint(*self._given)[0].backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._train_state.step()
        wait_for(self._device)


def _first_batch(
    config: RunConfig, learned: PictureSet, schedule: Schedule, device: torch.device
) -> tuple[Tensor, Context]:
    few = range(min(len(learned.hashes), schedule.batch_size))
    classes = torch.tensor([config.classes.index(learned.class_names[i]) for i in few])
    coded = code_pictures(codec_from_config(config.codec), learned.pictures[: len(few)], classes)
    x, context = Batches([coded], labels=config.labels, schedule=schedule).draw(0)
    return x.to(device), context.to(device)


def race(
    choices: Mapping[str, Callable[[], TimedWork]], clock: Clock = time.perf_counter, *, rounds: int = ROUNDS
) -> dict[str, float]:
    """Seconds per call of the work that each of `choices` makes, by `clock`.

    Each work is called once to warm up, then timed in turn with the others; its shortest timing counts. Choices that
    fail on this machine are left out of the result.
    """
    works, seconds = dict[str, TimedWork](), dict[str, float]()
    for name, make in choices.items():
        try:
            work = make()
            work()
            seconds[name] = timed(work, clock)
            works[name] = work
        except (RuntimeError, NotImplementedError, TypeError) as error:  # torch has no such operation in this precision
            _log.info("speed: %s cannot be computed here (%.120s)", name, error)
    for _ in range(rounds - 1):
        limit = HOPELESS * min(seconds.values(), default=0.0)
        for name, work in works.items():
            if seconds[name] <= limit:
                seconds[name] = min(seconds[name], timed(work, clock))
    return seconds


def timed(work: TimedWork, clock: Clock) -> float:
    """Seconds of one call, by `clock`."""
    began = clock()
    work()
    return clock() - began


def fastest(seconds: Mapping[str, float], usual: str) -> str:
    """The fastest choice if it is MARGIN times as fast as `usual`; else `usual`, also if nothing was timed."""
    best = min(seconds, key=seconds.__getitem__, default=usual)
    return best if usual not in seconds or seconds[usual] > MARGIN * seconds[best] else usual


class _Tuner:
    def __init__(self, config: RunConfig, learned: PictureSet, device: torch.device) -> None:
        self._config, self._learned, self._device = config, learned, device
        # CPU time, which other busy programs do not change. Numbers of threads are compared by wall-clock time.
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
        """Choose one of `words`; the first is the default."""
        if getattr(self._config.schedule, name) != AUTO_EXECUTION:
            return {}, {}

        def find() -> Found:
            # In one thread: threads that wait for each other on busy cores burn CPU time, most of all in short steps.
            with in_threads(1 if self._device.type == "cpu" else torch.get_num_threads()):
                seconds = race({word: self._maker(**{name: word}) for word in words}, self._clock)
            return {name: fastest(seconds, words[0])}, self._speeds(seconds)

        return self._once(name, words, find)

    def _threads(self) -> Found:
        """Halve the number of threads while that is faster: small networks are slower on many threads."""
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
            return {"threads": most}, {}  # a busy machine favours fewer threads than the rest of the run needs
        return self._once("threads", counts, find)

    def _once(self, name: str, allowed: Container[Any], find: Callable[[], Found]) -> Found:
        """The cached result for the choice `name`, or a new one from `find`."""
        key = self._key(name)
        found = tuning_cache.recall(key, name, allowed)
        if found is None:
            chosen, measured = find()
            found = {**chosen, "measured": measured}
            tuning_cache.remember(key, found)
        return {name: found[name]}, found["measured"]

    def _key(self, name: str) -> str:
        return f"{name}: {tuning_cache.key(self._config, self._device)}"

    def _in_threads(self, count: int) -> TimedWork:
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
        """The batch size with which a timed step takes about STEP_SECONDS."""
        make = partial(Trial, self._config, self._learned, self._device, pictures=1)
        one = race({"one": make}, time.perf_counter, rounds=1).get("one", STEP_SECONDS)
        return max(1, min(self._config.schedule.batch_size, MAX_PICTURES, int(STEP_SECONDS / max(one, 1e-6))))

    def _speeds(self, seconds: Mapping[str, float]) -> dict[str, float]:
        return {name: round(self._pictures / max(value, 1e-9), 2) for name, value in seconds.items()}


@contextmanager
def in_threads(count: int) -> Iterator[None]:
    """Inside, torch uses `count` CPU threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_quiet() -> bool:
    """Whether other programs leave at least half of the cores free, as far as the system reports it."""
    try:
        return os.getloadavg()[0] <= max(1.0, (os.cpu_count() or 1) / 2)
    except (AttributeError, OSError):  # not available on Windows
        return True
