"""Unusual pictures of a checked set: those that surprise the base model most, compared with others of their class.

They are looked for after the check, on a thread of their own, so that training can start meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from pixelart.engine import Engine
from pixelart.engine.outliers import Judged, judge_picture, with_surprise
from pixelart.errors import Cancelled, PixelArtError
from pixelart.images.class_names import find_class
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.progress import Cancel
from pixelart.training.data.pictures import read_pictures
from pixelart.ui.status import status_progress
from pixelart.ui.train.form import base_of
from pixelart.ui.train.report import picture_html
from pixelart.ui.train.uploads import Images, PreparedDataset
from pixelart.ui.worker import Worker

SECONDS = 20.0
"""Longest time of a search; it then judges by the pictures that it has seen, chosen at random."""
FEWEST_OF_CLASS = 8
"""Pictures of a class that a mean needs."""
SHOWN_UNUSUAL = 6
LEAST_SURPRISE = 2.5
"""In standard deviations."""
UNUSUAL_SIDE = 64
"""Largest side of a shown picture, in screen pixels."""
LOOKING = "Looking for unusual pictures"
SearchStep = tuple[int, int]


class Unusual(NamedTuple):
    """A picture (H, W, 4) that is shown, and the mean bits per visible pixel of its class."""

    picture: Picture
    judged: Judged
    mean: float


class UnusualHandlers:
    """The handlers of one page."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def show_unusual(self, images: Images, base: Any) -> Iterator[Any]:
        """The HTML of unusual pictures; nothing without checked pictures, or for a network that learns from scratch.

        It ends when other pictures are checked, another search begins, or Cancel is pressed."""
        ready, mine = images.ready, object()
        images.search = mine
        try:
            checkpoint = base_of(base)
        except PixelArtError:  # Start says what is wrong
            checkpoint = None
        if ready is None or checkpoint is None:
            yield ""
            return
        worker = Worker[list[Unusual], SearchStep](
            lambda tell, cancel: self._search(ready, checkpoint, tell, cancel),
            lambda: images.ready is not ready or images.search is not mine,
        )
        try:
            yield status_progress(LOOKING, done=0, rows=0)
            for step in worker.watch(interval=0.5):
                if images.search is not mine:
                    break
                if step:
                    yield status_progress(f"{LOOKING}: {step[0]:,} of {step[1]:,}", done=step[0], rows=step[1])
            if images.search is mine:
                yield unusual_html(worker.result())
            else:
                yield gr.skip() if images.search else ""  # another search has its own answer
        except (PixelArtError, OSError, Cancelled):  # the check says what is wrong with the pictures
            yield ""
        finally:  # also when the visitor has left
            worker.stop()

    def stop_search(self, images: Images) -> None:
        """End the search."""
        images.search = None

    def _search(
        self, ready: PreparedDataset, checkpoint: str, tell: Callable[[SearchStep], None], cancel: Cancel
    ) -> list[Unusual]:
        """The most surprising pictures, most unusual first. Raises Cancelled."""
        info = self.engine.info(checkpoint)
        info.check_size(*ready.size)
        found, judged = read_pictures(ready.path, size=ready.size), dict[int, Judged]()
        end = time.monotonic() + SECONDS
        for i in np.random.default_rng(0).permutation(len(found)).tolist():
            while self.engine.is_drawing and time.monotonic() < end and not cancel():  # drawings go first
                time.sleep(0.05)
            if cancel():
                raise Cancelled
            if time.monotonic() > end:
                break
            kind = find_class(found.class_names[i], info.classes)
            judged[i] = judge_picture(self.engine, checkpoint, found.pictures[i], str(i), kind)
            tell((len(judged), len(found)))
        return [Unusual(found.pictures[int(one.name)], one, mean) for one, mean in most_unusual([*judged.values()])]


def most_unusual(judged: list[Judged]) -> list[tuple[Judged, float]]:
    """The few pictures with the highest surprise, of classes that are large enough, and the mean of their class."""
    of_class: dict[str | None, list[float]] = {}
    for one in judged:
        of_class.setdefault(one.class_name, []).append(one.bits_per_pixel)
    known = [one for one in with_surprise(judged) if len(of_class[one.class_name]) >= FEWEST_OF_CLASS]
    first = sorted((one for one in known if one.surprise >= LEAST_SURPRISE), key=lambda one: -one.surprise)[
        :SHOWN_UNUSUAL
    ]
    return [(one, float(np.mean(of_class[one.class_name]))) for one in first]


def unusual_html(found: list[Unusual]) -> str:
    """The pictures, small, each with its bits beside those of its class."""
    if not found:
        return ""
    shown = "".join(_figure(one) for one in found)
    return f'<div class="survey"><p>Unusual pictures, for the base model. Are they what you want to train on?</p>\
<div class="unusual">{shown}</div></div>'


def _figure(one: Unusual) -> str:
    kind = one.judged.class_name or "any class"
    text = f"{kind}: {one.judged.bits_per_pixel:.1f} bits a pixel; mean {one.mean:.1f}"
    image = picture_html(encode_png(one.picture), alt=text, side=UNUSUAL_SIDE)
    return f"<figure>{image}<figcaption>{escape(text)}</figcaption></figure>"
