"""The options of a job: check them, and turn them into options of the command line."""

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

NETWORK_OPTIONS = ("base", "palette", "new_classes", *FROM_SCRATCH)
JOB_OPTIONS = (*NETWORK_OPTIONS, *(name for name, declared in OFFERED.items() if not declared.of_machine))
"""Options of `python -m pixelart train` that a job may have: those of the training, not of the machine."""
_EXAMPLES = {**dataclasses.asdict(Schedule()), **FROM_SCRATCH, "base": "", "palette": "", "new_classes": ""}
_KINDS: dict[type, str] = {bool: "truth value", int: "whole number", float: "number", str: "word"}


def check_options(options: Mapping[str, Any], *, library: Library, settings: Settings) -> None:
    """Check the options of a job before it is queued, with the checks and messages of `python -m pixelart train`.

    Raises:
        RequestRejected: an option that is not one of JOB_OPTIONS, or a value of a wrong type or out of range.
        WeightsRejected: a base that cannot be used.
    """
    for name, value in options.items():
        if name not in JOB_OPTIONS:
            raise RequestRejected(f"option {name!r:.40}: a job may have {', '.join(JOB_OPTIONS)}")
        kind = type(_EXAMPLES[name])
        if type(value) not in ((int, float) if kind is float else (kind,)):
            raise RequestRejected(f"{name} {value!r:.40}: must be a {_KINDS[kind]}")
    check_training_options(options)
    if options.get("minutes", 0) > settings.max_job_minutes:
        raise RequestRejected(f"minutes {options['minutes']:g}: a job has at most {settings.max_job_minutes:g}")
    base = library.path(options["base"]) if "base" in options else None
    resolve_options({name: options[name] for name in options.keys() & {*FROM_SCRATCH, "palette"}}, base=base)


def command_options(options: Mapping[str, OptionValue], *, checkpoints: Path) -> list[str]:
    """The options as arguments of the command line, one string each: --name=value."""
    given: dict[str, Any] = dict(options)
    if "base" in options:
        given["checkpoints"] = checkpoints
    return [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in given.items()
        if value is not False
    ]


def longer(options: Mapping[str, OptionValue], *, most: float) -> dict[str, OptionValue]:
    """The options for a training that continues for the same length again, but at most `most` more minutes."""
    more = dict(options)
    if minutes := float(options.get("minutes", 0)):
        more["minutes"] = minutes + min(minutes, most)
    if steps := int(options.get("steps", 0)):
        more["steps"] = 2 * steps
    return more
