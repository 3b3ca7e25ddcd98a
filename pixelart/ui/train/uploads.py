"""What one visitor of the tab Train has put in; nothing here is shared between visitors."""

from __future__ import annotations

import shutil
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelart.training.data.survey import Options
from pixelart.ui.train.scratch import Scratch


@dataclass(frozen=True)
class DatasetSpec:
    """What step 1 asks for: where the pictures come from, which of those places, and what is done to them."""

    source: str
    place: str
    options: Options


@dataclass(frozen=True)
class Source:
    """What a visitor has put in, a dropped archive or a fetched dataset: `place` as in `DatasetSpec`, the `name` to
    show, and its path."""

    source: str
    place: str
    name: str
    path: Path


@dataclass(frozen=True)
class PreparedDataset:
    """Pictures that can be trained on: the .zip that holds them, their size (height, width), what they were asked by,
    and what was told of them."""

    path: Path
    size: tuple[int, int]
    asked: DatasetSpec
    told: str


class CheckTask:
    """One check. It is over when the visitor has stopped it, or begun another in its place."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.stopped = self.replaced = self.ended = False

    @property
    def over(self) -> bool:
        """Whether it is to end."""
        return self.stopped or self.replaced


class Images:
    """What one visitor has put in. gradio copies the initial value for every visitor, and calls `free` when the page
    was closed long ago."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.ready: PreparedDataset | None = None
        self.source: Source | None = None
        self.suggested = ""
        self.handed_over = False
        self._turn = CheckTask(0)
        self._turn.ended = True
        self._folder: Path | None = None
        self._lock = threading.RLock()

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Images:
        return Images(self.scratch)

    @property
    def folder(self) -> Path:
        """A folder of this visitor alone."""
        with self._lock:
            if self._folder is None:
                self._folder = self.scratch.new_folder()
                self._end = weakref.finalize(self, self.scratch.remove, self._folder)  # gradio may just drop a session
            return self._folder

    def begin(self) -> CheckTask:
        """A new check, in place of the one before; nothing is ready until it ends."""
        with self._lock:
            self._turn.replaced = True
            self._turn = CheckTask(self._turn.number + 1)
            if self.ready is not None:
                _remove(self.ready.path)
                self.ready = None
            return self._turn

    def stop(self) -> bool:
        """Ends the check in progress. Returns whether there was one."""
        with self._lock:
            if self._turn.ended or self._turn.over:
                return False
            self._turn.stopped = True
            return True

    def put(self, turn: CheckTask, source: Source) -> None:
        """Keeps what was dropped or fetched, in place of what was before, unless the check is over."""
        with self._lock:
            if turn.over:
                _remove(source.path)
            else:
                self._drop_source()
                self.source, self.handed_over = source, False

    def keep(self, turn: CheckTask, ready: PreparedDataset) -> None:
        """Ends a check: these are the pictures to train on, unless it was over before."""
        with self._lock:
            if turn.over:
                _remove(ready.path)
            else:
                self.ready, turn.ended = ready, True

    def hand_over(self) -> None:
        """A training has its own copy now: what was dropped or fetched goes. The good pictures stay, for another
        training on the same, until the page is closed or something else is put in."""
        with self._lock:
            self.handed_over = self.handed_over or self.source is not None
            self._drop_source()

    def free(self) -> None:
        """Nothing goes on, nothing is kept."""
        with self._lock:
            self._turn.replaced = True
            self.ready = self.source = None
            if self._folder is not None:
                self._end()
                self._folder = None

    def _drop_source(self) -> None:
        if self.source is not None:
            _remove(self.source.path)
            self.source = None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # on some systems a file that is being read stays; the whole folder goes in the end
            path.unlink()
