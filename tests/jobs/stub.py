"""A child that trains nothing, as a program of its own: `python stub.py train --out=... --steps=...` starts at once,
holds its run, obeys the real `ControlPipe`, keeps the real `ProgressWriter`, and takes and saves a step every 5 ms.
`--seed` chooses other behaviour."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from pixelart.training.progress_file import ProgressWriter
from pixelart.training.remote_control import ControlPipe

STEP_SECONDS = 0.005
PICTURES = 2
"""That it is said to learn from, one a step."""
SAVE_SECONDS = 1.5
"""That one which is SLOW needs to save, once told to stop."""
BAD_INPUT, KILLED, MEMORY, DEAF, CRASH, ALLOCATION, TOLD_BY_ANOTHER, FULL_DISK, SLOW, GREEDY = range(1, 11)
FAULTS = {
    MEMORY: MemoryError(),
    ALLOCATION: RuntimeError(
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes. Error code 12"
    ),
    CRASH: ZeroDivisionError("division by zero"),
}


class Run:
    """As much of a `Trainer` as a `ProgressWriter` reads."""

    seconds = 0.0

    def __init__(self, run: Path, steps: int) -> None:
        schedule = SimpleNamespace(steps=steps, execution="fp32, channels_last, 1 thread")
        self.run, self.config = run, SimpleNamespace(schedule=schedule)
        self.saved = run / "steps"
        self.step = int(self.saved.read_text()) if self.saved.exists() else 0

    def progress(self) -> float:
        return self.step / self.config.schedule.steps

    @property
    def passes(self) -> float:
        return self.step / PICTURES

    @property
    def last_bits(self) -> float:
        return 1 + 1 / self.step

    def saves_now(self) -> bool:
        return False

    def take_step(self) -> None:
        time.sleep(STEP_SECONDS)
        self.step += 1
        self.saved.write_text(str(self.step))


def main(words: list[str]) -> int:
    orders = ControlPipe(0)
    said = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    folder, kind = Path(said["out"]), int(said.get("seed", "0"))
    folder.mkdir(exist_ok=True)
    seen = {"environment": dict(os.environ), "nice": os.nice(0), "words": words, "session": os.getsid(0) == os.getpid()}
    (folder / "seen.json").write_text(json.dumps(seen))
    with (folder / "lock").open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if kind in (BAD_INPUT, FULL_DISK):
            reason = "nothing to train on" if kind == BAD_INPUT else "No space left on device"
            print(f"pixelart train: {folder}: {reason}", file=sys.stderr)
            return 2
        if kind in (KILLED, TOLD_BY_ANOTHER):
            os.kill(os.getpid(), signal.SIGKILL if kind == KILLED else signal.SIGTERM)
        if kind == GREEDY:
            print(len(bytearray(2**30)))
        if kind in FAULTS:
            raise FAULTS[kind]
        run: Any = Run(folder, int(said["steps"]))
        orders.begin()
        diary = ProgressWriter(folder, orders)
        diary.begin(run)
        while run.progress() < 1 and (kind == DEAF or not orders.stop()):
            run.take_step()
            diary.report(run)
        if kind == SLOW:
            time.sleep(SAVE_SECONDS)
            (folder / "saved").touch()
        diary.close(run)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
