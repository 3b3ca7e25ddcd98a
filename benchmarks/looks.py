"""The look of the tiles that benchmarks measure."""

from __future__ import annotations

from pixelart.engine import CheckpointInfo
from pixelart.images.class_names import NO_LOOK

LOOK_OF_TILES = "dungeon-crawl"
"""The look of the pictures of examples/dungeon.zip."""


def look_for(info: CheckpointInfo) -> str:
    """The look in which a checkpoint is measured on those tiles: theirs, if it knows it."""
    return LOOK_OF_TILES if LOOK_OF_TILES in info.looks else NO_LOOK
