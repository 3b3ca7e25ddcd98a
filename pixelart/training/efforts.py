"""How long to train: three choices for artists, each a number of steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Effort:
    """The steps of a training and the steps between its saves: with a base, and of a new network."""

    steps: int
    save_every: int
    new_steps: int
    new_save_every: int


EFFORTS: Mapping[str, Effort] = MappingProxyType(
    {
        "Quick": Effort(50, 25, 400, 200),
        "Good": Effort(200, 50, 1200, 300),
        "Best": Effort(400, 50, 2400, 400),
    }
)
"""From docs/NOTES.md. With a base, the validation loss is 9.7 % lower after 50 steps, 14.4 % after 175 and still falls
at 200; the best save is kept, so more steps do no harm. A new network, the flagship, had 1.464 bits after 400 steps,
1.268 after 1,200 and 1.190 after 2,400."""
USUAL_EFFORT = "Good"


def steps_and_saves(effort: str, *, has_base: bool, pictures: int = 0, batch_size: int = 16) -> tuple[int, int]:
    """(steps, steps between saves) of one of EFFORTS; at least as many steps as one pass over the pictures takes."""
    chosen = EFFORTS[effort]
    steps, every = (chosen.steps, chosen.save_every) if has_base else (chosen.new_steps, chosen.new_save_every)
    return max(steps, math.ceil(pictures / batch_size)), every
