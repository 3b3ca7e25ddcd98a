"""Runs that are killed and resumed, over and over."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelart.training.snapshots import last_checkpoint
from tests.training.runs import digests_of

ROOT = Path(__file__).parents[2]
STEPS, SAVE_EVERY = 32, 8
PATIENCE = 60.0
"""Seconds after which a process that makes no progress is given up, so that a fault ends the test."""
LOOK = 0.002
"""Seconds between two looks at a run, while waiting for its process to end."""

# A process that has imported (and compiled) everything starts children by fork: each is the whole program,
# `main(arguments)`, in a process of its own that can be killed, but starts in milliseconds. A line in: arguments;
# lines out: the child's id, then how it ended.
NURSERY = """
import json, os, pathlib, sys
import torch
torch.set_num_threads(1)
import pixelart.cli.train
from pixelart.cli.main import main
from pixelart.engine import Engine, Request
Engine(pathlib.Path(sys.argv[1]), device=torch.device("cpu")).generate(Request("tiny"))
for line in sys.stdin:
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(main(json.loads(line)))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """Runs `pixelart` in one child after another; `kill` decides when a child has lived long enough."""

    def __init__(self, checkpoints: Path) -> None:
        command = [sys.executable, "-c", NURSERY, str(checkpoints)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def run(self, arguments: Sequence[str], *, kill: Callable[[], bool] | None = None) -> int:
        """The exit code of `main(arguments)`; -9 when it was killed because `kill` answered True."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(list(arguments)) + "\n")
        self.process.stdin.flush()
        child = int(self.process.stdout.readline())
        if kill:
            deadline = time.monotonic() + PATIENCE
            while not kill() and not select.select([self.process.stdout], [], [], LOOK)[0]:
                assert time.monotonic() < deadline, "the run makes no progress"
            _kill(child)
        return int(self.process.stdout.readline())

    def close(self) -> None:
        """Ends the process that forks them."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
        os.kill(child, signal.SIGKILL)


@dataclass
class Tally:
    """How often a run was killed, how many of the kills left a save half written, how often a run got to its end, and
    at which steps the kills found it saved."""

    killed: int = 0
    inside_a_save: int = 0
    finished: int = 0
    saved_at: frozenset[int] = frozenset()


def kill_and_resume(nursery: Nursery, data: Path, run: Path, whole: dict[str, str], *, kills: int) -> Tally:
    """A run is killed `kills` times and resumed each time; whenever one gets to its end it is as the `whole` one, by
    the digests of weights, average and optimizer, and a new one begins."""
    tally, saved = Tally(), 0
    arguments = train_words(data, run, "--resume")
    moments = _moments(run)
    while tally.killed < kills:
        code = nursery.run(arguments, kill=_tolerant(next(moments)))
        assert code in (-signal.SIGKILL, 0)
        tally.killed += code != 0
        tally.inside_a_save += code != 0 and any(run.glob("step-*.tmp"))
        found = last_checkpoint(run)
        before, saved = saved, found[0] if found else 0
        assert saved >= before, "more is lost than the steps since the last save"
        tally.saved_at |= {saved}
        if code == 0:
            assert digests_of(run) == whole
            tally.finished, saved = tally.finished + 1, 0
            shutil.rmtree(run)
    assert nursery.run(arguments) == 0
    assert digests_of(run) == whole
    tally.finished += 1
    return tally


def train_words(data: Path, out: Path, *more: str, steps: int = STEPS) -> list[str]:
    """The command line of a short training."""
    options = f"train --preset debug --steps {steps} --save-every {SAVE_EVERY} --batch-size 2 --colours 8 --seed 1"
    as_usual = ("--precision", "fp32", "--memory-format", "contiguous", "--threads", "1")  # not as a timing tells
    return [*options.split(), *as_usual, "--data", str(data), "--out", str(out), *more]


def _moments(run: Path) -> Iterator[Callable[[], bool]]:
    """When to kill, from a seeded list: some time into a life, or at one of the moments of a save."""
    random = np.random.default_rng(15)
    for number in itertools.count():
        seen = set(run.iterdir()) if run.is_dir() else set[Path]()
        if number % 4 == 0:  # while a checkpoint is being written: a file of a folder that is not yet renamed
            wanted = int(random.integers(1, 5))
            yield lambda wanted=wanted: any(
                len(list(folder.iterdir())) >= wanted for folder in run.glob("step-*.tmp") if folder.is_dir()
            )
        elif number % 4 == 1:  # right after a rename, before or while older ones are removed
            yield lambda seen=seen: any(p not in seen and p.suffix == "" for p in run.glob("step-*"))
        else:
            end = time.monotonic() + float(random.uniform(0.0, 0.45))
            yield lambda end=end: time.monotonic() > end


def _tolerant(kill: Callable[[], bool]) -> Callable[[], bool]:
    """A folder may vanish while it is looked at."""

    def answer() -> bool:
        try:
            return kill()
        except FileNotFoundError:
            return False

    return answer
