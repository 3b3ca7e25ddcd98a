"""The example pictures: the strip below the canvas, and the first one as the first view of a new visitor.

static/examples/ has them as one sheet (examples.png, side by side) and their settings (examples.json).
`python -m docs.examples` draws both with the checkpoint that examples.json names.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.engine import CheckpointInfo
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.io import decode_picture, encode_png
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.form import ANY_CLASS
from pixelart.ui.scripts import STATIC, read_static

EXAMPLES_FOLDER = STATIC / "examples"
EXAMPLES_SHEET, EXAMPLES_TABLE = "examples.png", "examples.json"


@dataclass(frozen=True)
class Example:
    """One example: a picture, the mask on it, and fitting settings.

    about: the status line. class_name, keep, seamless, palette: values of the page's inputs.
    """

    name: str
    about: str
    picture: Picture
    mask: NDArray[np.bool_]
    class_name: str
    keep: str
    seamless: tuple[str, ...]
    palette: str

    @property
    def canvas(self) -> Canvas:
        """The picture with its mask."""
        return Canvas(self.picture, self.mask)


@cache
def examples() -> tuple[str, Sequence[Example]]:
    """The name of the checkpoint that drew the examples, and the examples."""
    table, sheet = (
        json.loads(read_static(f"examples/{EXAMPLES_TABLE}")),
        (EXAMPLES_FOLDER / EXAMPLES_SHEET).read_bytes(),
    )
    pictures = decode_picture(sheet, name=EXAMPLES_SHEET)
    side, found = pictures.shape[0], list[Example]()
    for number, values in enumerate(table["examples"]):
        mask = np.zeros((side, side), np.bool_)
        for left, top, width, height in values["mask"]:
            mask[top : top + height, left : left + width] = True
        own = {name: values[name] for name in ("name", "about", "class_name", "keep", "palette")}
        picture = pictures[:, number * side : (number + 1) * side]
        found.append(Example(picture=picture, mask=mask, seamless=tuple(values["seamless"]), **own))
    return table["checkpoint"], found


def examples_for(info: CheckpointInfo | None) -> Sequence[Example]:
    """The examples that a model drew; empty for other models."""
    name, found = examples()
    return found if info and info.name == name and (info.height, info.width) == found[0].picture.shape[:2] else ()


def first_class(info: CheckpointInfo | None) -> str:
    """The class that the page starts with: that of the first example if the model has it, else its first one."""
    classes = info.classes if info else ()
    usual = examples()[1][0].class_name
    return usual if usual in classes else next(iter(classes), ANY_CLASS)


def example_at(data: Any, info: CheckpointInfo) -> Example:
    """The example that a page asked for by number. Raises RequestRejected."""
    known, number = examples_for(info), data.get("number") if isinstance(data, dict) else None
    if type(number) is not int or not 0 <= number < len(known):
        raise RequestRejected("This example is not there.")
    return known[number]


def strip_html() -> str:
    """The buttons of the strip."""
    return "".join(_button(number, example) for number, example in enumerate(examples()[1]))


def _button(number: int, example: Example) -> str:
    title = html.escape(example.about, quote=True)
    source = "data:image/png;base64," + base64.b64encode(encode_png(example.picture)).decode()
    name = html.escape(example.name)
    return (
        f'<button type="button" data-number="{number}" title="{title}"><img src="{source}" alt="" width="32" '
        f'height="32"><span>{name}</span></button>'
    )
