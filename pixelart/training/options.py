"""What may be said of a training: the options of a schedule, in words, and what is refused before data is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from pixelart.errors import RequestRejected
from pixelart.models import check_codec, get_preset
from pixelart.training.config import PaletteOf, Schedule
from pixelart.training.data.archives import Frames
from pixelart.training.data.pictures import Fit
from pixelart.training.initialization import CODECS, FINE_TUNING, NewClasses, from_scratch_defaults, refuse_beside_base

MIN_COLOURS, MAX_COLOURS = 2, 256
"""Of a palette, transparent included."""
_CHOICES = {"palette": get_args(PaletteOf), "new_classes": get_args(NewClasses), "fit": get_args(Fit), "codec": CODECS}
_CHOICES["frames"] = get_args(Frames)
SCHEDULE_OPTIONS: list[tuple[str, Callable[[str], Any], str]] = [
    ("steps", int, "how many steps to train"),
    ("minutes", float, "or how many minutes"),
    ("batch_size", int, "pictures at a time (16)"),
    ("accumulate", int, "times that many in a step: the same as larger batches, in less memory (1)"),
    ("learning_rate", float, f"the schedule's highest (of the variant; of a base {FINE_TUNING['learning_rate']:g})"),
    ("context_rate", float, "the context encoder's learning rate, relative to the trunk's (3)"),
    ("context_first", float, "share of the schedule in which the context encoder learns alone (0)"),
    ("validation_share", float, "share of the pictures, by content, that is only measured on (0.1)"),
    ("held_out_share", float, "share of the pictures, by content, that the run leaves out altogether (0)"),
    ("recolour", float, "share of the pictures shown in turned hues, where the palette is an input (0)"),
    ("balance", float, "0: pictures as often as there are, 1: every class as often (0)"),
    ("dropout", float, "share of the gated features left out while training (0)"),
    ("flip", float, "share of the pictures shown mirrored left to right, and said to be (0)"),
    ("class_dropout", float, "share of the pictures shown without their class (0.1)"),
    ("optimizer", str, "adamw, or muon: learns kernels in fewer steps, a little slower a step (adamw)"),
    ("weight_decay", float, "of the weights at each step, relative to the learning rate (0.01)"),
    ("ema", float, "decay of the averaged weights (0.999)"),
    ("seed", int, "of weights, order and masks (0)"),
    ("save_every", int, f"steps between checkpoints (500; of a base {FINE_TUNING['save_every']})"),
    ("keep", str, f"export the last save, or the best on the validation part (last; of a base {FINE_TUNING['keep']})"),
    ("sample_every", int, "steps between samples (as often as checkpoints)"),
    ("precision", str, "fp32, bf16, or auto: what is faster on this machine, timed at the start (auto)"),
    ("memory_format", str, "of weights: channels_last, contiguous, or auto, by the same timing (auto)"),
    ("threads", int, "CPU threads; 0: as many as are fastest (0)"),
]
SCHEDULE_SWITCHES = [
    ("compile", "compile the step first: slower to start, faster to train; needs a C++ compiler"),
    ("gradient_checkpointing", "for large pictures: less memory, slower, the same result"),
]


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
    decided = {**from_scratch_defaults(options), **options}
    get_preset(decided["model"], decided["preset"])
    check_codec(decided["model"], decided["codec"])
