"""More like this: a result of which a random part is masked, and what it shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from pixelart.engine import CheckpointInfo
from pixelart.errors import ImageRejected, RequestRejected
from pixelart.images.io import decode_picture
from pixelart.images.masks import blocks
from pixelart.ui.browser_storage import settings_of
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.form import Values, labels_in, request_from
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


def labels_shown(asked: Any, info: CheckpointInfo) -> Values:
    """The class, look and kind that the result which the page sent was drawn with; nothing if another model drew it, or
    if the model does not know them any more."""
    try:
        settings = settings_of(asked.get("settings"))
        labels = labels_in(settings, info)
        if request_from(labels, info).look:
            info.look_number(labels["look"])
    except (ValueError, TypeError, RecursionError, RequestRejected):
        return {}
    return labels if settings.get("checkpoint") == info.name else {}
