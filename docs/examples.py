"""Draws the example pictures of the page, and the settings that a click on one chooses: `python -m docs.examples`.

Writes pixelart/ui/static/examples/examples.png (side by side) and examples.json. Seeds are fixed, so the same
checkpoint draws the same pictures. The first example is what a new visitor finds on the canvas.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pixelart.engine import Engine
from pixelart.images.codec import ALPHA_THRESHOLD, Picture
from pixelart.images.io import encode_png
from pixelart.images.kept_kinds import KEEP_SHAPE, KEEP_SKETCH
from pixelart.images.palette_files import KNOWN
from pixelart.ui.create.examples import EXAMPLES_FOLDER, EXAMPLES_SHEET, EXAMPLES_TABLE
from pixelart.ui.create.palette_panel import ALL_COLOURS

CHECKPOINT = "studio"
PRESS = "Press Complete mask"
WHOLE, MIDDLE = [[0, 0, 32, 32]], [[8, 8, 16, 16]]
DARK = (46, 46, 48, 255)
GAME_BOY = "Game Boy"


@dataclass(frozen=True)
class Recipe:
    """How an example is made; see `Example`. `values`: fields of `Request`. `flat`: only its silhouette is shown."""

    name: str
    class_name: str
    seed: int
    about: str
    mask: list[list[int]] = field(default_factory=lambda: MIDDLE)
    keep: str = ""
    seamless: list[str] = field(default_factory=list)
    palette: str = ALL_COLOURS
    flat: bool = False

    def table(self) -> dict[str, Any]:
        """The entry of examples.json."""
        names = ("name", "about", "class_name", "mask", "keep", "seamless", "palette")
        return {name: getattr(self, name) for name in names}


SEEDS = {
    "armour": 5, "building": 3, "character": 4, "creature": 4, "effect": 6, "feature": 6, "floor": 4, "food": 3,
    "furniture": 2, "icon": 3, "item": 5, "plant": 3, "portrait": 2, "prop": 3, "spell": 5, "terrain": 3, "unit": 1,
    "vehicle": 0, "wall": 3, "weapon": 6,
}  # fmt: skip
"""Class -> seed of its example."""
RECIPES = (
    Recipe("Hero", "hero", 6, f"{PRESS}: the model redraws the marked part.", [[9, 0, 14, 17]]),
    Recipe(
        "Tile",
        "floor",
        5,
        "A floor that tiles. Press Generate for more, or redraw the marked part.",
        [[8, 8, 16, 16]],
        seamless=["x", "y"],
    ),
    Recipe(
        "Palette",
        "hero",
        4,
        f"{PRESS}: shapes and shading stay, drawn in the Game Boy's four greens.",
        WHOLE,
        keep=KEEP_SKETCH,
        palette=GAME_BOY,
    ),
    Recipe(
        "Silhouette",
        "hero",
        7,
        f"{PRESS}: the silhouette stays, the model colours it.",
        WHOLE,
        keep=KEEP_SHAPE,
        flat=True,
    ),
    *(
        Recipe(name.capitalize(), name, seed, f"{PRESS} to redraw the marked part, or Generate for more of this class.")
        for name, seed in SEEDS.items()
    ),
)


def drawn(engine: Engine, recipe: Recipe) -> Picture:
    """The picture of an example (32, 32, 4)."""
    request = engine.request(
        CHECKPOINT, class_weights=recipe.class_name, seed=recipe.seed, seamless="".join(recipe.seamless)
    )
    picture = engine.generate(request)[0].picture
    if recipe.flat:
        return np.where(picture[..., 3:] >= ALPHA_THRESHOLD, np.array(DARK, np.uint8), np.uint8(0))
    return picture


def main() -> None:
    """Draw all."""
    assert any(palette.name == GAME_BOY for palette in KNOWN)
    engine = Engine()
    pictures = [drawn(engine, recipe) for recipe in RECIPES]
    EXAMPLES_FOLDER.mkdir(exist_ok=True)
    (EXAMPLES_FOLDER / EXAMPLES_SHEET).write_bytes(encode_png(np.concatenate(pictures, axis=1)))
    table = {"checkpoint": CHECKPOINT, "examples": [recipe.table() for recipe in RECIPES]}
    (EXAMPLES_FOLDER / EXAMPLES_TABLE).write_text(json.dumps(table, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
