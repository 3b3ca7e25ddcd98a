"""What masked pixels keep of the picture: its shape (transparent or opaque), or its sketch (also the lightness level).

Each masked pixel is limited to colours of the same kind. So a silhouette or a grey sketch can be coloured, and a
finished picture can be recoloured. The model does not see the old colour of a masked pixel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pixelart.images.codec import ALPHA_THRESHOLD, EachPalette, Indexed, Picture
from pixelart.images.palettes import oklab

KEEP_NOTHING, KEEP_SHAPE, KEEP_SKETCH = "", "shape", "sketch"
KEEPS = (KEEP_NOTHING, KEEP_SHAPE, KEEP_SKETCH)
"""The allowed values of `Request.keep`."""
_OTHER_SHAPE, _UNUSABLE = 1_000, 1_000_000
KindOf = Callable[[Tensor], Tensor]
"""Maps colours float (..., 4), Oklab and opacity, to kinds int64 (...)."""


def opacity_of(colours: Tensor) -> Tensor:
    """The kinds of "shape": 1 opaque, 0 transparent."""
    return (colours[..., 3] > 0).long()


def allowed_by_kind(
    codec: Indexed | EachPalette, picture: Picture, kind: KindOf, *, count: int, allowed: tuple[int, ...] | None
) -> Tensor:
    """bool (count, K, H, W): the levels of `codec` with the same kind as the pixel of `picture` (H, W, 4).

    If the palette has no colour of that kind, the nearest kinds are allowed. A transparent pixel becomes opaque, or the
    reverse, only if nothing else can be drawn. `allowed`: the levels that may be drawn, None = all.
    """
    palettes = codec.palette()
    palettes = palettes.expand(count, -1, -1) if palettes.ndim == 2 else palettes
    usable = palettes[..., 3] >= 0
    if allowed is not None:
        usable &= torch.isin(torch.arange(palettes.shape[1]), torch.tensor(allowed))
    pixels = colours_of(picture)
    distance, other_shape = ((of(palettes)[:, :, None, None] - of(pixels)).abs() for of in (kind, opacity_of))
    distance = distance + _OTHER_SHAPE * other_shape
    distance = distance.masked_fill(~usable[:, :, None, None], _UNUSABLE)
    return distance == distance.amin(1, keepdim=True)


def colours_of(picture: Picture) -> Tensor:
    """float32 (H, W, 4): Oklab and opacity, 1 or 0, of the pixels of a picture (H, W, 4)."""
    lab = torch.from_numpy(oklab(picture[..., :3].reshape(-1, 3)).reshape(*picture.shape[:2], 3)).float()
    opacity = torch.from_numpy(np.where(picture[..., 3:] >= ALPHA_THRESHOLD, 1, 0)).float()
    return torch.cat([lab, opacity], dim=-1)
