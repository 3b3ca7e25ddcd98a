"""What may be said of a schedule, in words: name, kind and meaning, with what it is where nothing is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pixelart.training.starting import FINE_TUNING

SCHEDULE_OPTIONS: list[tuple[str, Callable[[str], Any], str]] = [
    ("steps", int, "how many steps to train"),
    ("minutes", float, "or how many minutes"),
    ("batch_size", int, "pictures at a time (16)"),
    ("accumulate", int, "times that many in a step: the same as larger batches, in less memory (1)"),
    ("learning_rate", float, f"the highest of the schedule (0.0015; of a base {FINE_TUNING['learning_rate']:g})"),
    ("context_first", float, "share of the schedule in which the context encoder learns alone (0)"),
    ("validation_share", float, "share of the pictures, by content, that is only measured on (0.1)"),
    ("flip", float, "share of the pictures shown mirrored left to right, and said to be (0)"),
    ("class_dropout", float, "share of the pictures shown without their class (0.1)"),
    ("weight_decay", float, "of AdamW (0.01)"),
    ("ema", float, "decay of the averaged weights (0.999)"),
    ("seed", int, "of weights, order and masks (0)"),
    ("save_every", int, f"steps between checkpoints (500; of a base {FINE_TUNING['save_every']})"),
    ("keep", str, f"export the last save, or the best on the validation part (last; of a base {FINE_TUNING['keep']})"),
    ("sample_every", int, "steps between samples (as often as checkpoints)"),
    ("precision", str, "bf16 or fp32 (bf16)"),
    ("threads", int, "CPU threads (all)"),
]
SCHEDULE_SWITCHES = [
    ("compile", "compile the step first: slower to start, faster to train; needs a C++ compiler"),
    ("gradient_checkpointing", "for large pictures: less memory, slower, the same result"),
]
