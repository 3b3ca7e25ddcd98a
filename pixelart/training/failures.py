"""Why a training ended: in its process, one line that names the kept weights; outside, from its exit code."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

import torch

from pixelart.errors import Hint, RequestRejected, split_hint, tag_hint
from pixelart.training.snapshots import last_checkpoint
from pixelart.training.trainer import Trainer

TOO_SHORT = "too short to have learned much"
NO_MEMORY = "not enough memory"
OUT_OF_MEMORY, MEMORY_HINT = "out of memory", "try a smaller batch size or smaller pictures"
_MEMORY = re.compile("MemoryError|not enough memory|allocate memory|out of memory|bad_alloc", re.IGNORECASE)
_PREFIX = re.compile(r"^pixelart( [\w-]+)?: ")
_WARNING = re.compile(r"WARNING: |\[W\d")
"""The start of a line of Python's logging, or of torch's."""
_KILLED = (-9, 137)


class Ending(NamedTuple):
    """The state of a training that has ended, and a reason in one sentence; it may be empty."""

    state: Literal["done", "cancelled", "interrupted", "failed"]
    reason: str = ""


class Reached(NamedTuple):
    """What the training wrote last: the phase, the step, and the epochs, None if unknown."""

    phase: str = ""
    step: int = 0
    passes: float | None = None


def explain_exit(
    code: int, line: str, reached: Reached, stopped: Ending, *, was_killed: bool = False, memory: int | None = None
) -> Ending:
    """How a training ended whose process ended with exit code `code`.

    Args:
        line: its last line (`last_line`).
        stopped: how it ended if it was stopped.
        was_killed: by whoever stopped it, because it did not end in time.
        memory: the bytes that it was allowed; None = no limit.
    """
    if code == 0 and reached.phase == "finished":
        return Ending("interrupted", too_short(reached.step)) if is_short(reached.passes) else Ending("done")
    if was_killed and code != 0:
        reason, hint = split_hint(stopped.reason)
        return stopped._replace(reason=tag_hint(f"{reason}; it did not save in time, so the last save is kept", hint))
    if code in (0, -signal.SIGTERM, -signal.SIGINT):
        return stopped
    if code in _KILLED or _MEMORY.search(line):
        allowed = f": a training may use {memory >> 20:,} MiB here" if memory else ""
        return Ending("failed", f"{OUT_OF_MEMORY}{allowed}; {MEMORY_HINT}")
    return Ending("failed", line if code == 2 and line else f"ended with code {code}: {line or 'no output'}")


def last_line(lines: Sequence[str]) -> str:
    """The last line of a process that is no warning, without the name of the command; "" without one."""
    found = next((line for line in reversed(lines) if line.strip() and not _WARNING.match(line)), "")
    return _PREFIX.sub("", found).lstrip(": ")


def is_short(passes: float | None) -> bool:
    """Whether a run did less than one epoch; False if `passes` is None (unknown)."""
    return passes is not None and passes < 1


def too_short(step: int) -> str:
    """The reason shown for such a run."""
    return f"{TOO_SHORT}: {step} {'step' if step == 1 else 'steps'}"


@contextmanager
def explain_failures(trainer: Trainer) -> Iterator[None]:
    """Turn errors of a training into a RequestRejected that names the reason and the newest save.

    The newest save is looked up on the disk: an error can occur before or after a save is complete.

    Raises:
        RequestRejected: out of memory, a failed write, or a loss that is not finite.
    """
    try:
        yield
    except RequestRejected as error:
        raise _with_kept_step(trainer, str(error), error.hint) from error
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise _with_kept_step(trainer, f"step {trainer.step}: {place}{error.strerror or error}") from error
    except (MemoryError, RuntimeError) as error:
        if not is_short_of_memory(error):
            raise
        raise _with_kept_step(trainer, f"step {trainer.step}: {NO_MEMORY}", Hint.LESS_MEMORY) from error


def is_short_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed in Python or torch; on a CPU, torch reports it in the message only."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _with_kept_step(trainer: Trainer, reason: str, hint: Hint | None = None) -> RequestRejected:
    found = last_checkpoint(trainer.run)
    kept = f"the weights of step {found[0]} are kept" if found else "nothing was saved before"
    return RequestRejected(f"{reason}; {kept}", hint=hint)
