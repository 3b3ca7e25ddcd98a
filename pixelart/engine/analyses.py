"""Analyses of a picture by the likelihood: its bits, class, faults, and the colours of a pixel. Nothing is drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pixelart.checkpoint.library import Checkpoint, Library
from pixelart.engine.drawing import log_likelihood
from pixelart.engine.faults import Fault, find_faults
from pixelart.engine.inspection import Inspection, PixelColours, bits_of_pixels, colours_at, inspect_picture
from pixelart.engine.local import LocalBackend
from pixelart.images.codec import Codec, Picture
from pixelart.images.coercion import ClassBlend, PictureLike, as_picture
from pixelart.images.palette_choice import palette_fitting
from pixelart.progress import Cancel, OnProgress, ignore_progress, never


class Analyses:
    """The questions that an engine answers about a picture."""

    library: Library
    _local: LocalBackend

    def log_likelihood(self, checkpoint: str, picture: PictureLike, *, class_weights: ClassBlend = None) -> float:
        """log p of a whole picture (H, W, 4) in nats given the class alone. Colours are snapped first, see `snap`.
        Raises as `inspect`."""
        loaded, codec, picture, _, _ = self._load_for(checkpoint, picture, class_weights)
        return log_likelihood(loaded, codec, picture, loaded.class_weights(class_weights))

    def inspect(self, checkpoint: str, picture: PictureLike, *, class_weights: ClassBlend = None) -> Inspection:
        """Bits of each pixel of a picture (H, W, 4) given the class alone, which sum to -log2 p, and p(class |
        picture).

        The class probabilities follow Bayes' rule with a uniform prior. Colours are snapped first, see `snap`.

        Raises:
            RequestRejected: a wrong size or an unknown class.
        """
        loaded, codec, picture, weights, at_once = self._load_for(checkpoint, picture, class_weights)
        return inspect_picture(loaded.model, codec, picture, weights, classes=loaded.info.classes, at_once=at_once)

    def bits(self, checkpoint: str, picture: PictureLike, *, class_weights: ClassBlend = None) -> NDArray[np.float64]:
        """The `bits` of `inspect` alone, (H, W), in one pass. Raises as `inspect`."""
        loaded, codec, picture, weights, _ = self._load_for(checkpoint, picture, class_weights)
        return bits_of_pixels(loaded.model, codec, picture, weights)[0]

    def colours_at(
        self,
        checkpoint: str,
        picture: PictureLike,
        *,
        row: int,
        column: int,
        top: int = 5,
        class_weights: ClassBlend = None,
    ) -> PixelColours:
        """The `top` most probable colours of one pixel of a picture (H, W, 4), and the probability of its current
        colour.

        They are conditioned on the class and on all other pixels, before and after it. Colours are snapped first, see
        `snap`. If the palette is an input, candidates are the picture's own colours.

        Raises:
            RequestRejected: a wrong size, an unknown class, a pixel outside the picture, or `top` not 1 to 256.
        """
        loaded, codec, picture, weights, at_once = self._load_for(checkpoint, picture, class_weights)
        return colours_at(loaded.model, codec, picture, weights, row=row, column=column, top=top, at_once=at_once)

    def faults(
        self,
        checkpoint: str,
        picture: PictureLike,
        *,
        count: int | None = None,
        class_weights: ClassBlend = None,
        on_progress: OnProgress = ignore_progress,
        cancel: Cancel = never,
    ) -> list[Fault]:
        """The pixels of a picture (H, W, 4) that are least probable given the class and all other pixels, worst first:
        dust and single-pixel faults. See `engine.faults` for what is computed.

        `count`: so many, whatever their bits; None = those that take at least FAULT_BITS more bits than the most
        probable colour there.

        Raises:
            RequestRejected: a wrong size, an unknown class, or `count` not 1 to MAX_FAULTS.
            Cancelled: `cancel` returned True.
        """
        loaded, codec, picture, weights, at_once = self._load_for(checkpoint, picture, class_weights)
        return find_faults(
            loaded.model, codec, picture, weights, count=count, at_once=at_once, on_progress=on_progress, cancel=cancel
        )

    def _load_for(
        self, checkpoint: str, given: PictureLike, class_weights: ClassBlend
    ) -> tuple[Checkpoint, Codec, Picture, Tensor, int]:
        """The checkpoint, its codec for the picture, the picture, the class weights, how many fit in memory."""
        loaded, picture = self.library.load(checkpoint), as_picture(given)
        loaded.info.check_size(*picture.shape[:2])
        codec, weights = palette_fitting(loaded.codec, picture), loaded.class_weights(class_weights)
        return loaded, codec, picture, weights, self._local.at_once(loaded, *picture.shape[:2])
