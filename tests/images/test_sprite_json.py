"""Sprite sheets with the JSON of Aseprite's "hash" form."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.io import decode_picture
from pixelart.images.sprite_json import sprite_sheet

WRITTEN_BY_ASEPRITE = """{ "frames": {
   "walk_0.png": {
    "frame": { "x": 0, "y": 0, "w": 30, "h": 20 },
    "rotated": false,
    "trimmed": false,
    "spriteSourceSize": { "x": 0, "y": 0, "w": 30, "h": 20 },
    "sourceSize": { "w": 30, "h": 20 },
    "duration": 100
   },
   "walk_1.png": {
    "frame": { "x": 30, "y": 0, "w": 30, "h": 20 },
    "rotated": false,
    "trimmed": false,
    "spriteSourceSize": { "x": 0, "y": 0, "w": 30, "h": 20 },
    "sourceSize": { "w": 30, "h": 20 },
    "duration": 100
   },
   "walk_2.png": {
    "frame": { "x": 0, "y": 20, "w": 30, "h": 20 },
    "rotated": false,
    "trimmed": false,
    "spriteSourceSize": { "x": 0, "y": 0, "w": 30, "h": 20 },
    "sourceSize": { "w": 30, "h": 20 },
    "duration": 100
   }
 },
 "meta": {
  "app": "https://www.aseprite.org/",
  "version": "1.3.2-x64",
  "image": "walk.png",
  "format": "RGBA8888",
  "size": { "w": 60, "h": 40 },
  "scale": "1",
  "frameTags": [
   { "name": "walk", "from": 0, "to": 2, "direction": "forward" }
  ]
 }
}"""
"""In the layout that `aseprite --sheet walk.png --data walk.json --format json-hash --list-tags` writes."""


def _pictures(count: int, height: int = 20, width: int = 30) -> list[Picture]:
    return list(np.random.default_rng(1).integers(0, 256, (count, height, width, 4), np.uint8))


def test_the_json_is_that_of_aseprite_but_for_the_program() -> None:
    names = ["walk_0.png", "walk_1.png", "walk_2.png"]
    written: Any = json.loads(sprite_sheet(_pictures(3), names).json(image="walk.png", tag="walk"))
    expected: Any = json.loads(WRITTEN_BY_ASEPRITE)
    for told in (written, expected):
        del told["meta"]["app"], told["meta"]["version"]
    assert written == expected and list(written["frames"]) == list(expected["frames"])


@pytest.mark.parametrize(
    ("count", "columns", "shape"), [(1, 0, (1, 1)), (5, 0, (2, 3)), (7, 7, (1, 7)), (3, 9, (1, 3))]
)
@pytest.mark.parametrize("scale", [1, 3])
def test_each_frame_is_found_where_the_json_says(count: int, columns: int, shape: tuple[int, int], scale: int) -> None:
    pictures = _pictures(count)
    sheet = sprite_sheet(pictures, [f"hero_{i}" for i in range(count)], columns=columns)
    assert (sheet.rows, sheet.columns) == shape
    pixels = decode_picture(sheet.png(scale=scale), name="sheet.png")
    told = json.loads(sheet.json(image="sheet.png", scale=scale))
    assert told["meta"]["size"] == {"w": pixels.shape[1], "h": pixels.shape[0]} and told["meta"]["frameTags"] == []
    for picture, frame in zip(pictures, told["frames"].values(), strict=True):
        x, y, w, h = (frame["frame"][side] for side in "xywh")
        assert frame["sourceSize"] == {"w": w, "h": h}
        assert np.array_equal(pixels[y : y + h, x : x + w], picture.repeat(scale, 0).repeat(scale, 1))


def test_equal_names_get_numbers() -> None:
    sheet = sprite_sheet(_pictures(4), ["hero_7", "hero_7", "hero_7_2", "hero_7"])
    assert sheet.names == ("hero_7", "hero_7_2", "hero_7_2_2", "hero_7_3")


def test_no_picture_and_several_sizes_are_refused() -> None:
    with pytest.raises(RequestRejected, match="there is no picture"):
        sprite_sheet([], [])
    with pytest.raises(RequestRejected, match="several sizes: 30 x 20, 8 x 21"):
        sprite_sheet(_pictures(1) + _pictures(1, 21, 8), ["a", "b"])
