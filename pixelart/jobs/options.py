"""What may be said of a job, and the words of the command line that it becomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pixelart.checkpoint.library import Library
from pixelart.errors import RequestRejected
from pixelart.jobs.job import OptionValue
from pixelart.settings import Settings
from pixelart.training.config import Schedule
from pixelart.training.initialization import FROM_SCRATCH, resolve_options
from pixelart.training.options import OFFERED, check_training_options

OF_A_NETWORK = ("base", "palette", "new_classes", *FROM_SCRATCH)
JOB_OPTIONS = (*OF_A_NETWORK, *(name for name, declared in OFFERED.items() if not declared.of_machine))
"""Options of `python -m pixelart train` that a job may say: those that are of the training, not of the machine."""
_EXAMPLES = {**dataclasses.asdict(Schedule()), **FROM_SCRATCH, "base": "", "palette": "", "new_classes": ""}
_KINDS: dict[type, str] = {bool: "truth value", int: "whole number", float: "number", str: "word"}


def check_options(options: Mapping[str, Any], *, library: Library, settings: Settings) -> None:
    """Refuse at once what a job may not say, and what its child would refuse before it has read the pictures: by the
    checks of the child, with its words.

    Raises:
        RequestRejected: an option that is none of JOB_OPTIONS, or a value of another kind or outside its limits.
        WeightsRejected: a base that cannot be used.
    """
    for name, value in options.items():
        if name not in JOB_OPTIONS:
            raise RequestRejected(f"option {name!r:.40}: a job may say {', '.join(JOB_OPTIONS)}")
        kind = type(_EXAMPLES[name])
        if type(value) not in ((int, float) if kind is float else (kind,)):
            raise RequestRejected(f"{name} {value!r:.40}: must be a {_KINDS[kind]}")
    check_training_options(options)
    if options.get("minutes", 0) > settings.max_job_minutes:
        raise RequestRejected(f"minutes {options['minutes']:g}: a job has at most {settings.max_job_minutes:g}")
    base = library.path(options["base"]) if "base" in options else None
    resolve_options({name: options[name] for name in options.keys() & {*FROM_SCRATCH, "palette"}}, base=base)


def words(options: Mapping[str, OptionValue], *, checkpoints: Path) -> list[str]:
    """The options for a command line, each one word, whatever its value looks like."""
    said: dict[str, Any] = dict(options)
    if "base" in options:
        said["checkpoints"] = checkpoints
    return [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in said.items()
        if value is not False
    ]


def longer(options: Mapping[str, OptionValue], *, most: float) -> dict[str, OptionValue]:
    """The options of a training that is to go on for as long again as it took, but for `most` minutes more at most."""
    more = dict(options)
    if minutes := float(options.get("minutes", 0)):
        more["minutes"] = minutes + min(minutes, most)
    if steps := int(options.get("steps", 0)):
        more["steps"] = 2 * steps
    return more
