"""The options of a training, and the checks that need no data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

from pixelart.errors import RequestRejected
from pixelart.images.palettes import MAX_COLOURS
from pixelart.models import check_codec, get_preset
from pixelart.training.config import OPTIONS, Schedule
from pixelart.training.data.archives import Frames
from pixelart.training.data.pictures import Fit
from pixelart.training.initialization import CODECS, NewClasses, from_scratch_defaults, refuse_beside_base
from pixelart.training.run_config import PaletteOf

MIN_COLOURS = 2
"""Smallest palette, transparent included."""
_CHOICES = {"palette": get_args(PaletteOf), "new_classes": get_args(NewClasses), "fit": get_args(Fit), "codec": CODECS}
_CHOICES["frames"] = get_args(Frames)
OFFERED = {name: declared for name, declared in OPTIONS.items() if declared.text}
"""The options of a schedule that the command line offers."""
KINDS: dict[str, type] = {field.name: type(field.default) for field in dataclasses.fields(Schedule)}
"""The type of each option's value."""


def check_training_options(options: Mapping[str, Any]) -> None:
    """Check the options of a new training before its pictures are read.

    Args:
        options: the given options by name, as in `python -m pixelart train` (`batch_size`, `new_classes`). Only the
            presence of `base` counts. Unknown names are ignored.

    Raises:
        RequestRejected: a value outside its limits, or options that exclude each other.
    """
    Schedule(**{name: value for name, value in options.items() if name in Schedule.__dataclass_fields__}).check()
    for name, choices in _CHOICES.items():
        if name in options and options[name] not in choices:
            raise RequestRejected(f"{name} {options[name]!r:.20} is not one of {', '.join(choices)}")
    if not MIN_COLOURS <= options.get("colours", MAX_COLOURS) <= MAX_COLOURS:
        limits = f"{MIN_COLOURS} to {MAX_COLOURS}"
        raise RequestRejected(f"colours {options['colours']}: must be from {limits}, transparent included")
    if options.get("base"):
        refuse_beside_base(options)
        return
    if options.get("palette") == "keep":
        raise RequestRejected("palette keep: needs a base")
    resolved = {**from_scratch_defaults(options), **options}
    get_preset(resolved["model"], resolved["preset"])
    check_codec(resolved["model"], resolved["codec"])
