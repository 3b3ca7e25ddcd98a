"""What may be said of a job, and the words of the command line that it becomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pixelart.errors import RequestRejected
from pixelart.jobs.record import Option
from pixelart.models import get_variant
from pixelart.models.weights import CONFIG_FILE
from pixelart.settings import Settings
from pixelart.training.run import Schedule
from pixelart.training.setup import check_name
from pixelart.training.starting import FROM_SCRATCH

JOB_OPTIONS = (
    "base", "palette", "new_classes", "model", "preset", "codec", "colours", "steps", "minutes", "batch_size",
    "accumulate", "learning_rate", "context_first", "validation_share", "flip", "class_dropout", "weight_decay", "ema",
    "seed", "save_every", "keep", "sample_every", "precision", "gradient_checkpointing",
)  # fmt: skip
"""Options of `python -m pixelart train` that a job may say: those that are of the training, not of the machine."""
_EXAMPLES = {**dataclasses.asdict(Schedule()), **FROM_SCRATCH, "base": "", "palette": "", "new_classes": ""}
_KINDS: dict[type, str] = {bool: "truth value", int: "whole number", float: "number", str: "word"}


def check_options(options: Mapping[str, Any], *, checkpoints: Path, settings: Settings) -> None:
    """Refuse at once what the child would refuse, and what a job may not say.

    Raises:
        RequestRejected: an option that is none of JOB_OPTIONS, or a value of another kind or outside its limits.
    """
    for name, value in options.items():
        if name not in JOB_OPTIONS:
            raise RequestRejected(f"option {name!r:.40}: a job may say {', '.join(JOB_OPTIONS)}")
        kind = type(_EXAMPLES[name])
        if type(value) not in ((int, float) if kind is float else (kind,)):
            raise RequestRejected(f"{name} {value!r:.40}: must be a {_KINDS[kind]}")
    Schedule(**{name: options[name] for name in options if name in Schedule.__dataclass_fields__}).check()
    if options.get("minutes", 0) > settings.max_job_minutes:
        raise RequestRejected(f"minutes {options['minutes']:g}: a job has at most {settings.max_job_minutes:g}")
    if "model" in options:
        get_variant(options["model"])
    if "base" in options:
        check_name(options["base"])
        if not (checkpoints / options["base"] / CONFIG_FILE).is_file():
            raise RequestRejected(f"base {options['base']}: no such checkpoint")


def words(options: Mapping[str, Option], *, checkpoints: Path, threads: int) -> list[str]:
    """The options for a command line, each one word, whatever its value looks like."""
    said: dict[str, Any] = {**options, "threads": threads}
    if options.get("base"):
        said["base"] = (checkpoints / str(options["base"])).resolve()
    return [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in said.items()
        if value is not False
    ]
