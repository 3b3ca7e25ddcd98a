"""Turn the exit of a job's process into a state and a reason."""

from __future__ import annotations

from pixelart.errors import Hint, tag_hint
from pixelart.jobs.folder import JobFolder
from pixelart.jobs.process import Child
from pixelart.training.failures import Ending, Reached, explain_exit, last_line

STOPPED = "stopped"
SERVER_GONE = tag_hint("the server stopped during training", Hint.RESUME)
REMOTE_LEFT = tag_hint("the server stopped; the rented machine may still be at work, and be paid for", Hint.FOLLOW)


def outcome(child: Child, code: int, folder: JobFolder, *, minutes: float) -> Ending:
    """How a job ended whose child ended with exit code `code`; `minutes` is the time limit of jobs."""
    found, stopped = folder.progress(), _stop_reason(child, minutes)
    reached = Reached(found.phase, found.step, found.passes) if found else Reached()
    line = last_line(folder.log_tail())
    return explain_exit(code, line, reached, stopped, was_killed=child.was_killed, memory=child.memory)


def _stop_reason(child: Child, minutes: float) -> Ending:
    if child.stopped_by == "owner":
        return Ending("cancelled", STOPPED)
    reason = {
        "limit": f"the limit of {minutes:g} minutes is reached",
        "server": "the server was stopped",
        None: "the process was stopped from outside",
    }[child.stopped_by]
    return Ending("interrupted", tag_hint(reason, Hint.RESUME))
