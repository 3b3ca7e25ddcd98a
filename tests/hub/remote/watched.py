"""A training on a rented machine that a test watches."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pixelart.hub.remote import read_record
from pixelart.hub.remote.outcome import Outcome
from pixelart.hub.remote.run_repo import push_run
from pixelart.hub.remote.training import RemoteTraining
from pixelart.training.failures import Ending
from tests.hub.conftest import SECRET
from tests.hub_jobs import JobsHub

PATIENCE = 300.0
"""Seconds after which a test gives up; a busy machine may take long to start a program."""


def finish(hub: JobsHub, run: Path, tiny_run: Path, place: Path, **changes: Any) -> None:
    """Push what a machine leaves that has trained to the end, and end the last job."""
    shutil.copytree(tiny_run, place, dirs_exist_ok=True)
    (place / "progress.json").write_text('{"phase": "finished", "step": 60, "passes": 9.0}')
    record = read_record(run)
    assert record
    Outcome(record.attempt, **{"code": 0, **changes}).write(place)
    push_run(place, record.run, token=SECRET, with_save=True)
    hub.machines[-1].end("COMPLETED" if not changes.get("code") else "ERROR")


def at_looks(hub: JobsHub, events: Mapping[int, Callable[[], None]]) -> list[int]:
    """Call each of `events` just before the watcher's look at the job of this number. Returns the looks so far."""
    looks = list[int]()

    def on_request(stage: str, when: str) -> None:
        if stage == "inspect" and when == "before":
            looks.append(len(looks) + 1)
            events.get(looks[-1], lambda: None)()

    hub.on_request = on_request
    return looks


def train(training: RemoteTraining, run: Path, pictures: Path, **told: Any) -> Ending:
    """Train on this thread. `told`: some of `say`, `stop` and `leave`."""
    functions: dict[str, Any] = {"say": lambda line: None, "stop": lambda: False, "leave": lambda: False, **told}
    return training.train(run, "mine", pictures, ["--steps=8"], None, **functions)


class Watched:
    """A training that runs on a thread."""

    def __init__(self, training: RemoteTraining, run: Path, *work: Any) -> None:
        """`work`: the further arguments of `RemoteTraining.train`."""
        self.lines = list[str]()
        self.stop, self.leave = threading.Event(), threading.Event()
        self.ending: Ending | None = None
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._train, args=(training, run, *work), daemon=True)
        self._thread.start()

    def _train(self, training: RemoteTraining, run: Path, *work: Any) -> None:
        told: dict[str, Any] = {"say": self.lines.append, "stop": self.stop.is_set, "leave": self.leave.is_set}
        try:
            self.ending = training.train(run, *work, **told)
        except Exception as error:
            self.error = error

    def until(self, event: Callable[[], Any]) -> None:
        """Wait until `event` is true. It fails if the training ends first."""
        for _ in range(int(PATIENCE / 0.05)):
            if event() or not self._thread.is_alive():
                break
            threading.Event().wait(0.05)
        assert event(), (self.ending, self.error, self.lines)

    def end(self) -> Ending:
        """How it ended."""
        self._thread.join(PATIENCE)
        assert self.ending, (self.error, self.lines)
        return self.ending
