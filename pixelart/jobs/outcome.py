"""Turn the exit of a job's process into a state and a reason."""

from __future__ import annotations

import re
import signal

from pixelart.jobs.folder import JobFolder
from pixelart.jobs.job import State
from pixelart.jobs.process import Child
from pixelart.training.failures import is_short, too_short

STOPPED = "stopped"
SERVER_GONE = "the server stopped during training; Resume continues from the last save"
REMOTE_LEFT = "the server stopped; the rented machine may still be at work, and be paid for; Resume follows it"
OUT_OF_MEMORY, MEMORY_HINT = "out of memory", "try a smaller batch size or smaller pictures"
_MEMORY = re.compile("MemoryError|not enough memory|allocate memory|out of memory|bad_alloc", re.IGNORECASE)
_PREFIX = re.compile(r"^pixelart( \w+)?: ")
_KILLED = (-9, 137)


def outcome(child: Child, code: int, folder: JobFolder, *, minutes: float) -> tuple[State, str]:
    """State and reason of a job whose child ended with exit code `code`; `minutes` is the time limit of jobs."""
    if code == 0:
        progress = folder.progress()
        if progress and progress.phase == "finished":
            return ("interrupted", too_short(progress.step)) if is_short(progress.passes) else ("done", "")
        return _stop_reason(child, minutes)
    if child.was_killed:  # it did not stop within its grace period
        state, reason = _stop_reason(child, minutes)
        return state, f"{reason}; it did not save in time, so the last save is kept"
    if code in _KILLED:
        return "failed", _out_of_memory(child.memory)
    if code in (-signal.SIGTERM, -signal.SIGINT):
        return _stop_reason(child, minutes)
    last = _PREFIX.sub("", next(iter(folder.log_tail(lines=1)), "")).lstrip(": ")
    if _MEMORY.search(last):
        return "failed", _out_of_memory(child.memory)
    return "failed", last if code == 2 and last else f"ended with code {code}: {last or 'no output'}"


def _out_of_memory(limit: int | None) -> str:
    hint = f": a training may use {limit >> 20:,} MiB here" if limit else ""
    return f"{OUT_OF_MEMORY}{hint}; {MEMORY_HINT}"


def _stop_reason(child: Child, minutes: float) -> tuple[State, str]:
    if child.stopped_by == "owner":
        return "cancelled", STOPPED
    if child.stopped_by == "limit":
        return "interrupted", f"the limit of {minutes:g} minutes is reached; Resume continues"
    if child.stopped_by == "server":
        return "interrupted", "the server was stopped; Resume continues"
    return "interrupted", "the process was stopped from outside; Resume continues"
