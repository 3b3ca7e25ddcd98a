"""What is known of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pixelart.training.failures import TOO_SHORT

State = Literal["queued", "running", "stopping", "done", "cancelled", "interrupted", "failed", "damaged"]
"""done: trained to its end; cancelled: stopped by its owner; interrupted: by something else; failed: by itself.
damaged: its record cannot be read; never written to one."""
STATES: tuple[State, ...] = get_args(State)
AT_WORK: tuple[State, ...] = ("running", "stopping")
RESUMABLE: tuple[State, ...] = ("cancelled", "interrupted", "failed")
ENDED: tuple[State, ...] = ("done", "damaged", *RESUMABLE)
Option = str | int | float | bool


@dataclass(frozen=True)
class Job:
    """A training in the background, as its record says.

    `name`: of the checkpoint to come. `options`: of `python -m pixelart train`, by name. `reason`: why it ended, a
    plain sentence, or nothing. `pid`: of the child that was started last, for people to look at and nothing else.
    `exported`: the checkpoint that was made of it, or nothing yet. Times are in seconds since 1970.
    """

    id: str
    owner: str
    name: str
    options: Mapping[str, Option]
    created: float
    state: State = "queued"
    reason: str = ""
    pid: int | None = None
    started: float | None = None
    ended: float | None = None
    exported: str = ""

    @property
    def is_short(self) -> bool:
        """Whether it was trained to its end, and that is too short to have learned much."""
        return self.state == "interrupted" and self.reason.startswith(TOO_SHORT)

    @property
    def claims(self) -> str:
        """The name that no other checkpoint is to have."""
        return self.exported or self.name
