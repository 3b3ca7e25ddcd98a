"""The list of models on the page: sorted by purpose, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from pixelart.engine import CheckpointInfo
from pixelart.images.kept_kinds import KEEP_SKETCH
from pixelart.training.initialization import FROM_SCRATCH
from pixelart.ui.status import counted

FOR_DRAWING, FOR_ENLARGING, FOR_COMPARING = "Draw", "Enlarge", "Compare"
_PURPOSES = (FOR_DRAWING, FOR_ENLARGING, FOR_COMPARING)


def purpose(info: CheckpointInfo) -> str:
    """The main purpose of a model.

    The default network draws fastest; one that draws sketches draws best; a multiscale chain also enlarges; other
    networks are there for comparison.
    """
    if info.enlarges:
        return FOR_ENLARGING
    draws = info.model == FROM_SCRATCH["model"] or KEEP_SKETCH in info.keeps
    return FOR_DRAWING if draws else FOR_COMPARING


def model_choices(infos: Sequence[CheckpointInfo]) -> list[tuple[str, str]]:
    """(line, name) of each model, sorted by purpose, those to draw with first. The sort is stable."""
    ordered = sorted(infos, key=lambda info: _PURPOSES.index(purpose(info)))
    return [(_line(info), info.name) for info in ordered]


def _line(info: CheckpointInfo) -> str:
    size, classes = f"{info.width} x {info.height}", counted(len(info.classes), "class", "classes")
    about = {
        FOR_DRAWING: f"{'any palette and size' if info.takes_palettes and info.any_size else size}, {classes}",
        FOR_ENLARGING: f"to {2 * info.width} x {2 * info.height} and more; draws {size} too",
        FOR_COMPARING: f"{info.model.replace('_', ' ')}, slower; {size}",
    }[purpose(info)]
    return f"{info.name} · {purpose(info)}: {about}"
