"""What the plug-in asks the app, and how it reads the answers, without Krita. The app's docs/editors.md has the
format."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

from .pixels import Box, extended_canvas, mask_rgba, png

LAST = ("models", "results", "error", "cancelled")
SIDES = ("left", "right", "up", "down")
RANDOM = -1
MAX_SEED = 2**31 - 1


class Settings(NamedTuple):
    """The values of the docker. Empty: any class, look or kind. `colours`: the only ones that are drawn; None = any."""

    model: str = ""
    class_name: str = ""
    look: str = ""
    kind: str = ""
    preset: str = "balanced"
    seed: int = RANDOM
    images: int = 4
    colours: list[str] | None = None

    def again(self) -> Settings:
        """The settings of the next pictures."""
        return self if self.seed == RANDOM else self._replace(seed=(self.seed + self.images) % MAX_SEED)


class Result(NamedTuple):
    """A picture (RGBA bytes) and what it is called."""

    name: str
    rgba: bytes


class Results(NamedTuple):
    """The pictures of one request; `box`: their place on the canvas."""

    box: Box
    pictures: list[Result]


def complete(settings: Settings, box: Box, rgba: bytes, selection: bytes) -> dict[str, Any]:
    """Ask for the selected pixels of a picture."""
    size = box.width, box.height
    return {
        "action": "complete",
        "picture": _text(png(*size, rgba)),
        "mask": _text(png(*size, mask_rgba(selection))),
        **_controls(settings),
    }


def extend(settings: Settings, box: Box, rgba: bytes, side: str, pixels: int) -> dict[str, Any]:
    """Ask for more pixels at a side of a picture."""
    picture = _text(png(box.width, box.height, rgba))
    return {"action": "extend", "picture": picture, side: pixels, **_controls(settings)}


def generate(settings: Settings, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """Ask for new pictures; `size`: (width, height), for models that draw any size."""
    more = {"size": f"{size[0]}x{size[1]}"} if size else {}
    return {"action": "generate", **more, **_controls(settings)}


def _controls(settings: Settings) -> dict[str, Any]:
    values = {**settings._asdict(), "raw": True}
    colours = values.pop("colours")
    return values if colours is None else {**values, "palette": colours}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def read_results(answer: dict[str, Any], box: Box) -> Results:
    """The pictures of an answer. `box`: the picture that was sent, or for new pictures the place to centre them in.

    Raises ValueError if a picture has another number of bytes than its size.
    """
    size = answer["width"], answer["height"]
    pictures = [_result(each) for each in answer["results"]]
    if any(len(picture.rgba) != 4 * size[0] * size[1] for picture in pictures):
        raise ValueError("the app has sent a picture of another size than it says")
    return Results(Box(box.x - answer["left"], box.y - answer["up"], *size), pictures)


def _result(each: dict[str, Any]) -> Result:
    return Result(f"seed {each['seed']} - {each['bits']:.0f} bits", base64.b64decode(each["rgba"]))


def placed(results: Results, place: Box) -> Results:
    """New pictures in the middle of a place."""
    return results._replace(box=results.box.centred_in(place))


def after_resize(results: Results, canvas: Box, side: str, pixels: int) -> Results:
    """The results with their box on the extended canvas, whose left upper corner is (0, 0) again."""
    larger = extended_canvas(canvas, side, pixels)
    return results._replace(box=results.box._replace(x=results.box.x - larger.x, y=results.box.y - larger.y))


def is_last(answer: dict[str, Any]) -> bool:
    """Whether no other answer follows."""
    return any(key in answer for key in LAST)


def progress_of(answer: dict[str, Any]) -> float | None:
    """The finished share of the drawing, 0 to 1; None if the answer tells none."""
    told = answer.get("progress")
    return told["done"] / max(1, told["rows"]) if isinstance(told, dict) else None


class Lines:
    """JSON objects from a stream, one a line, however its bytes arrive."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> list[dict[str, Any]]:
        """The objects that are complete now. Raises ValueError for a line that is none."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [json.loads(line) for line in lines if line.strip()]
        if not all(isinstance(each, dict) for each in found):
            raise ValueError("not a JSON object")
        return found


class Model(NamedTuple):
    """What the docker shows of a model. `kinds`: of each class that has some."""

    name: str
    width: int
    height: int
    classes: list[str]
    looks: list[str]
    kinds: dict[str, list[str]]
    presets: list[str]
    any_size: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)"""
        return self.width, self.height

    def size_for(self, box: Box) -> tuple[int, int] | None:
        """The size of new pictures for a place, if the model can choose it."""
        fits = min(box.width, box.height) >= 4 and max(box.width, box.height) <= 64
        return (box.width, box.height) if self.any_size and fits else None


def read_models(answer: dict[str, Any]) -> list[Model]:
    """The models of an answer."""
    return [Model(**{name: each[name] for name in Model._fields}) for each in answer["models"]]
