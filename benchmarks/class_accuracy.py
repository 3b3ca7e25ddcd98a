"""How often is the most probable class of a held-out picture its own? The second table of benchmarks/RESULTS.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pixelart.engine import Checkpoint
from pixelart.engine.completion import palette_of
from pixelart.engine.inspection import class_probabilities
from pixelart.errors import RequestRejected
from pixelart.images.palette_choice import palette_fitting
from pixelart.training.data.pictures import PictureSet

HEADING = "## Class of a picture"
COLUMNS = ("checkpoint", "classes", "pictures", "class accuracy", "standard error", "by chance")
NOTES = """\
p(class | picture) is as `python -m pixelart classify` says it: by Bayes' rule from the likelihood of the picture under
each class, with equal prior probabilities. Class accuracy: the share of held-out pictures, chosen at random, whose most
probable class is the folder they come from. No checkpoint was trained to tell classes apart.
"""


def class_accuracy(loaded: Checkpoint, pictures: PictureSet, *, count: int) -> dict[str, Any]:
    """The figures of a checkpoint, on at most `count` pictures of its classes.

    Raises:
        RequestRejected: it has no two classes, or none of the pictures is of one.
    """
    classes = loaded.info.classes
    known = np.flatnonzero([name in classes for name in pictures.class_names])
    if len(classes) < 2 or not len(known):
        raise RequestRejected(f"{loaded.info.name}: no pictures of its classes")
    chosen, right = np.random.default_rng(0).permutation(known)[:count], 0
    for i in chosen.tolist():
        codec = palette_fitting(loaded.codec, pictures.pictures[i])
        x = codec.encode(pictures.pictures[i : i + 1]).to(loaded.device)
        palette = palette_of(codec, loaded.device, count=1)
        found = class_probabilities(loaded.model, x, classes, palette)
        right += next(iter(found)) == pictures.class_names[i]
    return {"checkpoint": loaded.info.name, "classes": len(classes), "pictures": len(chosen), "right": right}


def class_table(rows: Sequence[Mapping[str, Any]], command: str, machine: str) -> str:
    """The section of RESULTS.md."""
    lines = [f"{HEADING}\n\n    {command}\n\nMeasured on {machine}.\n"]
    lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for found in rows:
        share = found["right"] / found["pictures"]
        error = math.sqrt(share * (1 - share) / found["pictures"])
        cells = [found["checkpoint"], str(found["classes"]), str(found["pictures"])]
        cells += [f"{share:.3f}", f"{error:.3f}", f"{1 / found['classes']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", NOTES])


def with_class_table(text: str, table: str) -> str:
    """The content of RESULTS.md with another section on classes."""
    return text.split(HEADING)[0].rstrip() + "\n\n" + table
