"""More like this: a result of which a random part is masked."""

from __future__ import annotations

from typing import Any

import numpy as np

from pixelart.errors import ImageRejected, RequestRejected
from pixelart.images.io import decode_picture
from pixelart.images.masks import blocks
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.uploaded import uploaded_file

SHARES, REDRAWN_BLOCK = (25, 50, 75), 4
"""Per cent of a result that its variants redraw, in squares of so many pixels a side."""


def partly_masked(asked: Any) -> Canvas:
    """The result that the page sent, with a random mask on the share of it to redraw.

    Raises:
        ImageRejected: not a picture.
        RequestRejected: the share is not one of SHARES.
    """
    if not isinstance(asked, dict):
        raise ImageRejected("result: expected the bytes of a picture and a share")
    name, data = uploaded_file({**asked, "name": "result.png"})
    share = asked.get("share")
    if share not in SHARES:
        raise RequestRejected(f"share {share!r:.20}: must be one of {', '.join(map(str, SHARES))}")
    picture = decode_picture(data, name=name)
    mask = blocks(*picture.shape[:2], share=share / 100, size=REDRAWN_BLOCK, random=np.random.default_rng())
    return Canvas(picture, mask)
