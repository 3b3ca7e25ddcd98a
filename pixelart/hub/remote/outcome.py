"""How a training on a rented machine ended, from what that machine wrote and from the stage of its job."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pixelart.errors import Hint, tag_hint
from pixelart.hub.remote.jobs_api import Look
from pixelart.storage import write_file
from pixelart.training.failures import Ending, Reached, explain_exit
from pixelart.training.progress_file import PROGRESS_FILE

OUTCOME_FILE = "outcome.json"
_LONGEST_LINE = 500
StoppedBy = Literal["", "signal", "limit"]


@dataclass(frozen=True)
class Outcome:
    """What the machine wrote: the attempt, the exit code of the training (None = it has started), its last line, and
    what stopped it."""

    attempt: int
    code: int | None = None
    line: str = ""
    stopped_by: StoppedBy = ""

    def write(self, run: Path) -> None:
        """Store as `run`/outcome.json. Raises OSError."""
        write_file(run / OUTCOME_FILE, json.dumps(asdict(self)).encode())


def read_outcome(run: Path) -> Outcome | None:
    """The outcome in a run folder; None without one that can be read."""
    try:
        found = Outcome(**json.loads((run / OUTCOME_FILE).read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    is_plain = type(found.attempt) is int and type(found.code) in (int, type(None)) and isinstance(found.line, str)
    return replace(found, line=" ".join(found.line.split())[:_LONGEST_LINE]) if is_plain else None


def is_final(run: Path, attempt: int) -> bool:
    """Whether the machine of this attempt wrote how the training ended."""
    found = read_outcome(run)
    return found is not None and found.attempt == attempt and found.code is not None


def outcome_of(run: Path, look: Look, *, attempt: int, minutes: float, was_asked: bool) -> Ending:
    """How the job of this attempt ended. `run`: fetched after its end. `was_asked`: its owner stopped it."""
    found = read_outcome(run)
    if found is None or found.attempt != attempt:
        return _before_it_began(look, was_asked)
    if found.code is None:
        return _without_warning(look, minutes, was_asked)
    return exit_of(found, run, minutes=minutes, was_asked=was_asked)


def exit_of(outcome: Outcome, run: Path, *, minutes: float, was_asked: bool = False) -> Ending:
    """How a training ended whose exit code is in `outcome`."""
    assert outcome.code is not None
    stopped = _interrupted("the job was cancelled on the Hub or its machine was taken back")
    if was_asked:
        stopped = Ending("cancelled", "stopped")
    elif outcome.stopped_by == "limit":
        stopped = _interrupted(f"the time limit of {minutes:g} minutes is reached")
    was_killed = bool(outcome.stopped_by) and outcome.code == -9
    return explain_exit(outcome.code, outcome.line, _reached(run), stopped, was_killed=was_killed)


def _before_it_began(look: Look, was_asked: bool) -> Ending:
    if was_asked:
        return Ending("cancelled", "stopped")
    if look.stage in ("CANCELED", "DELETED"):
        return _interrupted("the job was cancelled on the Hub")
    return Ending("failed", "the program did not start on the machine; the log may say why")


def _without_warning(look: Look, minutes: float, was_asked: bool) -> Ending:
    """The machine ended in the middle of a step."""
    if was_asked:
        return Ending("cancelled", "stopped; the machine did not save in time, so the last save is kept")
    if look.is_late:
        return _interrupted(f"the time limit of {minutes:g} minutes is reached")
    if look.stage in ("CANCELED", "DELETED"):
        return _interrupted("the job was cancelled on the Hub")
    return _interrupted("the machine failed or was taken back")


def _interrupted(reason: str) -> Ending:
    return Ending("interrupted", tag_hint(reason, Hint.RESUME))


def _reached(run: Path) -> Reached:
    try:
        values = json.loads((run / PROGRESS_FILE).read_bytes())
        passes = values["passes"]
        return Reached(str(values["phase"]), int(values["step"]), None if passes is None else float(passes))
    except (OSError, ValueError, TypeError, KeyError):
        return Reached()
