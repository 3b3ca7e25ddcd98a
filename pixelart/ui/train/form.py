"""Step 2, Settings: what the visitor set for a training, checked and turned into the options of a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pixelart.engine import CheckpointInfo
from pixelart.errors import RequestRejected
from pixelart.models import get_variant, list_models
from pixelart.settings import SETTINGS
from pixelart.training.initialization import FROM_SCRATCH
from pixelart.training.runs import check_name
from pixelart.ui.create.form import MAX_SEED, number, whole
from pixelart.ui.models_list import model_choices

CODEC = FROM_SCRATCH["codec"]
SCRATCH = "new:"
"""What a choice of Base model starts with that is no checkpoint but the name of a variant."""
VARIANTS = [name for name in list_models() if CODEC in (get_variant(name).codecs or (CODEC,))]
"""Those that are for pictures with a palette, as a new network here is."""
KEEP, FIT = "Keep the base's", "Fit to my pictures"
FLIP_SHARE = 0.33
"""Of the pictures, shown mirrored and said to be: it measured well on tiles, and no picture is drawn mirrored."""


@dataclass(frozen=True)
class TrainForm:
    """The raw values, in the order of the page's inputs; a page may post anything in them."""

    base: Any
    name: Any
    minutes: Any
    learning_rate: Any
    flip: Any
    palette: Any
    steps: Any
    batch_size: Any
    validation_share: Any
    save_every: Any
    sample_every: Any
    ema: Any
    seed: Any


def base_of(choice: Any) -> str | None:
    """The checkpoint to go on from, or None for a new network. Raises RequestRejected for no choice."""
    if not isinstance(choice, str) or not choice:
        raise RequestRejected("Choose a base model.")
    return None if choice.startswith(SCRATCH) else choice


def variant_of(choice: str) -> str:
    """The variant of a new network. Raises RequestRejected when it is none."""
    name = choice.removeprefix(SCRATCH)
    if name not in VARIANTS:
        raise RequestRejected(f"Base model {choice!r:.60}: not one of the list.")
    return name


def base_choices(checkpoints: Sequence[CheckpointInfo]) -> list[tuple[str, str]]:
    """(label, value) of everything a training can start from."""
    return model_choices(checkpoints) + [(f"New: {name}", SCRATCH + name) for name in VARIANTS]


def job_from(form: TrainForm) -> tuple[str, dict[str, Any]]:
    """(name, options of a job). Raises RequestRejected, with the limits, for a value that cannot be used."""
    name = form.name.strip() if isinstance(form.name, str) else ""
    check_name(name)
    base, steps = base_of(form.base), whole(form.steps, "Steps", 0, 10**6)
    options: dict[str, Any] = {
        "batch_size": whole(form.batch_size, "Batch size", 1, 256),
        "validation_share": number(form.validation_share, "Validation share", 0, 0.5),
        "sample_every": whole(form.sample_every, "Sample every", 0, 10**6),
        "ema": number(form.ema, "EMA", 0, 0.9999),
        "seed": whole(form.seed, "Seed", 0, MAX_SEED),
        "flip": FLIP_SHARE if form.flip is True else 0.0,
    }
    if steps:
        options["steps"] = steps
    else:
        options["minutes"] = number(form.minutes, "Minutes", 0.1, SETTINGS.max_job_minutes)
    if rate := number(form.learning_rate, "Learning rate", 0, 0.1):
        options["learning_rate"] = rate
    if save_every := whole(form.save_every, "Save every", 0, 10**6):
        options["save_every"] = save_every
    if base is None:
        options["model"] = variant_of(form.base)
    else:
        options["base"], options["palette"] = base, "fit" if form.palette == FIT else "keep"
    return name, options
