"""Turn the exit of a job's process into a state and a reason."""

from __future__ import annotations

from pixelart.jobs.folder import JobFolder
from pixelart.jobs.process import Child
from pixelart.training.failures import Ending, Reached, explain_exit, last_line

STOPPED = "stopped"
SERVER_GONE = "the server stopped during training; Resume continues from the last save"
REMOTE_LEFT = "the server stopped; the rented machine may still be at work, and be paid for; Resume follows it"


def outcome(child: Child, code: int, folder: JobFolder, *, minutes: float) -> Ending:
    """How a job ended whose child ended with exit code `code`; `minutes` is the time limit of jobs."""
    found, stopped = folder.progress(), _stop_reason(child, minutes)
    reached = Reached(found.phase, found.step, found.passes) if found else Reached()
    line = last_line(folder.log_tail())
    return explain_exit(code, line, reached, stopped, was_killed=child.was_killed, memory=child.memory)


def _stop_reason(child: Child, minutes: float) -> Ending:
    if child.stopped_by == "owner":
        return Ending("cancelled", STOPPED)
    if child.stopped_by == "limit":
        return Ending("interrupted", f"the limit of {minutes:g} minutes is reached; Resume continues")
    if child.stopped_by == "server":
        return Ending("interrupted", "the server was stopped; Resume continues")
    return Ending("interrupted", "the process was stopped from outside; Resume continues")
