"""The list of models on the page: sorted by purpose, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from pixelart.engine import CheckpointInfo
from pixelart.training.initialization import FROM_SCRATCH
from pixelart.ui.status import counted

DRAW, ENLARGE, COMPARE = "Draw", "Enlarge", "Compare"
_PURPOSES = (DRAW, ENLARGE, COMPARE)


def purpose(info: CheckpointInfo) -> str:
    """The main purpose of a model.

    The default network draws fastest; a multiscale chain also enlarges; other networks are there for comparison.
    """
    if info.enlarges:
        return ENLARGE
    return DRAW if info.model == FROM_SCRATCH["model"] else COMPARE


def model_choices(infos: Sequence[CheckpointInfo]) -> list[tuple[str, str]]:
    """(line, name) of each model, sorted by purpose, those to draw with first. The sort is stable."""
    ordered = sorted(infos, key=lambda info: _PURPOSES.index(purpose(info)))
    return [(_line(info), info.name) for info in ordered]


def _line(info: CheckpointInfo) -> str:
    size, classes = f"{info.width} x {info.height}", counted(len(info.classes), "class", "classes")
    about = {
        DRAW: f"{size}, {classes}",
        ENLARGE: f"to {2 * info.width} x {2 * info.height} and more; draws {size} too",
        COMPARE: f"{info.model.replace('_', ' ')}, slower; {size}",
    }[purpose(info)]
    return f"{info.name} · {purpose(info)}: {about}"
