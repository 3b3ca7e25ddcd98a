"""Step 2, Settings: check the visitor's values and turn them into the options of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pixelart.controls import number, whole
from pixelart.engine import CheckpointInfo
from pixelart.errors import RequestRejected
from pixelart.models import get_variant, list_models
from pixelart.settings import SETTINGS
from pixelart.training.config import OPTIONS
from pixelart.training.efforts import EFFORTS, steps_and_saves
from pixelart.training.initialization import FROM_SCRATCH
from pixelart.training.options import KINDS
from pixelart.training.runs import check_name
from pixelart.ui.models_list import model_choices

CODEC = FROM_SCRATCH["codec"]
SCRATCH = "new:"
"""Prefix of the choices of Base model that are a new network; the name of a variant follows."""
VARIANTS = [name for name in list_models() if CODEC in (get_variant(name).codecs or (CODEC,))]
"""The variants that draw in a palette, as a new network on the page does."""
KEEP_PALETTE, FIT_PALETTE = "Keep the base's", "Fit to my pictures"
FLIP_SHARE = 0.33
"""Share of mirrored training pictures. The network knows which are mirrored, so it never draws mirrored ones."""


ON_PAGE = {name: declared.page for name, declared in OPTIONS.items() if declared.page}
"""The number options under Advanced, in the order of the page."""


def base_of(choice: Any) -> str | None:
    """The checkpoint to fine-tune, or None for a new network. Raises RequestRejected if nothing is chosen."""
    if not isinstance(choice, str) or not choice:
        raise RequestRejected("Choose a base model.")
    return None if choice.startswith(SCRATCH) else choice


def variant_of(choice: str) -> str:
    """The variant of a new network. Raises RequestRejected if there is no such variant."""
    name = choice.removeprefix(SCRATCH)
    if name not in VARIANTS:
        raise RequestRejected(f"Base model {choice!r:.60}: not in the list.")
    return name


def base_choices(checkpoints: Sequence[CheckpointInfo]) -> list[tuple[str, str]]:
    """(label, value) of everything a training can start from."""
    return model_choices(checkpoints) + [(f"New: {name}", SCRATCH + name) for name in VARIANTS]


def job_from(
    given: Mapping[str, Any], *, pictures: int = 0, most_minutes: float = SETTINGS.max_job_minutes
) -> tuple[str, dict[str, Any]]:
    """(name, options) of a job from the values of the page's inputs by name. A page may post anything in them.

    Steps or minutes under Advanced count before the choice of Quick, Good or Best. `pictures`: their number, which that
    choice trains on at least once. `most_minutes`: the longest training where it runs.

    Raises:
        RequestRejected: an unusable value; the message has the limits.
    """
    name = given["name"].strip() if isinstance(given["name"], str) else ""
    check_name(name)
    base = base_of(given["base"])
    options: dict[str, Any] = {"flip": FLIP_SHARE if given["flip"] is True else 0.0}
    for option, page in ON_PAGE.items():
        least = 0 if not page.zero else (OPTIONS[option].limits or (0, 0))[0]
        if KINDS[option] is int:
            value = whole(given[option], page.label, int(least), int(page.most))
        else:
            value = number(given[option], page.label, least, page.most)
        if value or page.zero:
            options[option] = value
    minutes = number(given["minutes"], "Minutes", 0, most_minutes)
    if not options["steps"] and minutes:
        del options["steps"]
        options["minutes"] = minutes
    elif not options["steps"]:
        options |= _of_effort(given["effort"], options, has_base=base is not None, pictures=pictures)
    if base is None:
        options["model"] = variant_of(given["base"])
    else:
        options["base"], options["palette"] = base, "fit" if given["palette"] == FIT_PALETTE else "keep"
    return name, options


def _of_effort(effort: Any, options: Mapping[str, Any], *, has_base: bool, pictures: int) -> dict[str, Any]:
    """The steps of Quick, Good or Best, and its saves unless the page sets them. Raises RequestRejected."""
    if effort not in (names := list(EFFORTS)):
        raise RequestRejected(f"Training {effort!r:.20}: must be {', '.join(names[:-1])} or {names[-1]}.")
    steps, every = steps_and_saves(
        effort, has_base=has_base, pictures=pictures, batch_size=options.get("batch_size", 0)
    )
    return {"save_every": every, **options, "steps": steps}
