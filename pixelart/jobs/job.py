"""The record of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pixelart.errors import RequestRejected
from pixelart.training.failures import TOO_SHORT

State = Literal["queued", "running", "stopping", "done", "cancelled", "interrupted", "failed", "damaged"]
"""done: trained to the end; cancelled: stopped by its owner; interrupted: stopped by something else; failed: it
crashed; damaged: its record cannot be read (never stored)."""
STATES: tuple[State, ...] = get_args(State)
AT_WORK: tuple[State, ...] = ("running", "stopping")
RESUMABLE: tuple[State, ...] = ("cancelled", "interrupted", "failed")
CONTINUABLE: tuple[State, ...] = (*RESUMABLE, "done")
"""A done one is continued with a longer schedule."""
ENDED: tuple[State, ...] = ("done", "damaged", *RESUMABLE)
OptionValue = str | int | float | bool


@dataclass(frozen=True)
class Job:
    """The record of a background training. Times are in seconds since 1970.

    Attributes:
        name: of the checkpoint that it makes.
        options: options of `python -m pixelart train`, by name.
        reason: why it ended, in one sentence; may be empty.
        pid: of its last child; for display only, because PIDs get reused.
        exported: name of the exported checkpoint; empty before the export.
        place: the kind of rented machine that trains it; empty = this machine.
    """

    id: str
    owner: str
    name: str
    options: Mapping[str, OptionValue]
    created: float
    state: State = "queued"
    reason: str = ""
    pid: int | None = None
    started: float | None = None
    ended: float | None = None
    exported: str = ""
    place: str = ""

    @property
    def is_short(self) -> bool:
        """Whether it ended normally, but too early to have learned much."""
        return self.state == "interrupted" and self.reason.startswith(TOO_SHORT)

    def check_ended(self) -> None:
        """Raises RequestRejected unless it has ended."""
        if self.state not in ENDED:
            raise RequestRejected(f"job {self.id} is {self.state}: stop it first")

    @property
    def claims(self) -> str:
        """The checkpoint name that this job reserves."""
        return self.exported or self.name
