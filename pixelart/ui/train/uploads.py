"""The pictures of one visitor of the tab Train; visitors share nothing."""

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
    """The choices of step 1: the kind of source, the dataset or folder, and the options of the survey."""

    source: str
    place: str
    options: Options


@dataclass(frozen=True)
class Source:
    """A dropped archive or fetched dataset: `place` as in `DatasetSpec`, the `name` to show, and its path."""

    source: str
    place: str
    name: str
    path: Path


@dataclass(frozen=True)
class PreparedDataset:
    """Pictures ready for training: their .zip, their size (height, width), the spec they were made by, a summary, and
    the numbers of pictures and classes."""

    path: Path
    size: tuple[int, int]
    spec: DatasetSpec
    summary: str
    pictures: int = 0
    classes: int = 0


class CheckTask:
    """One check. It is over when the visitor has stopped it or started another one."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.stopped = self.replaced = self.ended = False

    @property
    def over(self) -> bool:
        """Whether it should end."""
        return self.stopped or self.replaced


class Images:
    """The state of one visitor. gradio copies the initial value for every visitor, and calls `free` long after the page
    was closed."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.ready: PreparedDataset | None = None
        self.source: Source | None = None
        self.suggested = ""
        self.handed_over = False
        self.search: object | None = None  # the running search for unusual pictures
        self._task = CheckTask(0)
        self._task.ended = True
        self._folder: Path | None = None
        self._lock = threading.RLock()

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Images:
        return Images(self.scratch)

    @property
    def folder(self) -> Path:
        """The private folder of this visitor."""
        with self._lock:
            if self._folder is None:
                self._folder = self.scratch.new_folder()
                self._end = weakref.finalize(self, self.scratch.remove, self._folder)  # gradio may just drop a session
            return self._folder

    def begin(self) -> CheckTask:
        """Start a new check in place of the last one, and drop what that prepared."""
        with self._lock:
            self._task.replaced = True
            self._task = CheckTask(self._task.number + 1)
            if self.ready is not None:
                _remove(self.ready.path)
                self.ready = None
            return self._task

    def stop(self) -> bool:
        """Stop the running check. Returns whether there was one."""
        with self._lock:
            if self._task.ended or self._task.over:
                return False
            self._task.stopped = True
            return True

    def put(self, task: CheckTask, source: Source) -> None:
        """Store a dropped or fetched source in place of the last one, unless the check is over."""
        with self._lock:
            if task.over:
                _remove(source.path)
            else:
                self._drop_source()
                self.source, self.handed_over = source, False

    def keep(self, task: CheckTask, ready: PreparedDataset) -> None:
        """End a check with these prepared pictures, unless it is over already."""
        with self._lock:
            if task.over:
                _remove(ready.path)
            else:
                self.ready, task.ended = ready, True

    def hand_over(self) -> None:
        """Delete the source; a training has its own copy. The prepared pictures stay for another training until the
        page is closed or another check starts."""
        with self._lock:
            self.handed_over = self.handed_over or self.source is not None
            self._drop_source()

    def free(self) -> None:
        """End the check and delete everything."""
        with self._lock:
            self._task.replaced = True
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
        with suppress(OSError):  # on Windows an open file stays; the whole folder is removed at the end
            path.unlink()
