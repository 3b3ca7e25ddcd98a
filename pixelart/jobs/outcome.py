"""How a job ended, in a state and a plain sentence."""

from __future__ import annotations

import re
import signal

from pixelart.jobs.folder import JobFolder
from pixelart.jobs.job import State
from pixelart.jobs.process import Child
from pixelart.training.failures import is_short, too_short

STOPPED = "stopped"
SERVER_GONE = "the server ended while it trained; Resume goes on where it was saved last"
OUT_OF_MEMORY, WAY_ON = "out of memory", "try a smaller batch size or smaller pictures"
_MEMORY = re.compile("MemoryError|not enough memory|allocate memory|out of memory|bad_alloc", re.IGNORECASE)
_PREFIX = re.compile(r"^pixelart( \w+)?: ")
_KILLED = (-9, 137)


def outcome(child: Child, code: int, folder: JobFolder, *, minutes: float) -> tuple[State, str]:
    """State and reason of a job whose child ended with `code`; `minutes` is the limit a job has."""
    if code == 0:
        progress = folder.progress()
        if progress and progress.phase == "finished":
            return ("interrupted", too_short(progress.step)) if is_short(progress.passes) else ("done", "")
        return _stopped(child, minutes)
    if child.was_killed:  # it did not stop in time
        state, reason = _stopped(child, minutes)
        return state, f"{reason}; it did not save in time, and what was saved last is kept"
    if code in _KILLED:
        return "failed", _out_of_memory(child.memory)
    if code in (-signal.SIGTERM, -signal.SIGINT):
        return _stopped(child, minutes)
    last = _PREFIX.sub("", next(iter(folder.log_tail(lines=1)), "")).lstrip(": ")
    if _MEMORY.search(last):
        return "failed", _out_of_memory(child.memory)
    return "failed", last if code == 2 and last else f"ended with code {code}: {last or 'it told nothing'}"


def _out_of_memory(limit: int | None) -> str:
    told = f": a training may take {limit >> 20:,} MiB here" if limit else ""
    return f"{OUT_OF_MEMORY}{told}; {WAY_ON}"


def _stopped(child: Child, minutes: float) -> tuple[State, str]:
    if child.stopped_by == "owner":
        return "cancelled", STOPPED
    if child.stopped_by == "limit":
        return "interrupted", f"the limit of {minutes:g} minutes is reached; Resume goes on"
    if child.stopped_by == "server":
        return "interrupted", "the server was stopped; Resume goes on"
    return "interrupted", "it was told to end from outside; Resume goes on"
