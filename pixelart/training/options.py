"""What may be said of a training: the options of a schedule, in words, and what is refused before data is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

from pixelart.errors import RequestRejected
from pixelart.images.palettes import MAX_COLOURS
from pixelart.models import check_codec, get_preset
from pixelart.training.config import OPTIONS, PaletteOf, Schedule
from pixelart.training.data.archives import Frames
from pixelart.training.data.pictures import Fit
from pixelart.training.initialization import CODECS, NewClasses, from_scratch_defaults, refuse_beside_base

MIN_COLOURS = 2
"""Of a palette, transparent included."""
_CHOICES = {"palette": get_args(PaletteOf), "new_classes": get_args(NewClasses), "fit": get_args(Fit), "codec": CODECS}
_CHOICES["frames"] = get_args(Frames)
OFFERED = {name: declared for name, declared in OPTIONS.items() if declared.text}
"""The options of a schedule that the command line offers."""
KINDS: dict[str, type] = {field.name: type(field.default) for field in dataclasses.fields(Schedule)}
"""The type of each option's value."""


def check_training_options(options: Mapping[str, Any]) -> None:
    """Refuse the options of a new training that cannot be used, whatever the pictures are.

    Args:
        options: what is said, by the names of the options of `python -m pixelart train` (`batch_size`, `new_classes`),
            each of its kind; of `base` only whether there is one. Others than those of a training are passed over.

    Raises:
        RequestRejected: a value outside its limits, or options that cannot be said together.
    """
    Schedule(**{name: value for name, value in options.items() if name in Schedule.__dataclass_fields__}).check()
    for name, choices in _CHOICES.items():
        if name in options and options[name] not in choices:
            raise RequestRejected(f"{name} {options[name]!r:.20} is not one of {', '.join(choices)}")
    if not MIN_COLOURS <= options.get("colours", MAX_COLOURS) <= MAX_COLOURS:
        limits = f"{MIN_COLOURS} to {MAX_COLOURS}"
        raise RequestRejected(f"colours {options['colours']}: must lie in {limits}, transparent included")
    if options.get("base"):
        refuse_beside_base(options)
        return
    if options.get("palette") == "keep":
        raise RequestRejected("palette keep: there is no base whose palette could be kept")
    resolved = {**from_scratch_defaults(options), **options}
    get_preset(resolved["model"], resolved["preset"])
    check_codec(resolved["model"], resolved["codec"])
