"""Translates errors that end a training into one line: the reason, and which weights are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pixelart.errors import Hint, RequestRejected
from pixelart.training.snapshots import last_checkpoint
from pixelart.training.trainer import Trainer

TOO_SHORT = "too short to have learned much"
NO_MEMORY = "not enough memory"


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
