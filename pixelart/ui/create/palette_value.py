"""The choice of allowed colours that the page and Python exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.engine import CheckpointInfo
from pixelart.errors import PixelArtError
from pixelart.images.codec import ALPHA_THRESHOLD, Picture, normalise, parse_hex_colours
from pixelart.images.palettes import MAX_COLOURS, nearest_colours

ALL_COLOURS, CUSTOM = "All colours", "Custom"
"""The palette choices besides the palettes by name."""


@dataclass(frozen=True)
class AllowedColours:
    """A model's colours as hexadecimal text ("" = transparent), and which of them may be drawn."""

    colours: tuple[str, ...]
    allowed: tuple[bool, ...]

    def indices(self) -> tuple[int, ...] | None:
        """The value of `Request.allowed`: palette indices, or None if every colour is allowed."""
        return None if all(self.allowed) else tuple(i for i, on in enumerate(self.allowed) if on)


def hex_colours(colours: NDArray[np.uint8] | None) -> tuple[str, ...]:
    """Hexadecimal text of RGBA (K, 4), "" for a transparent one; empty for None."""
    if colours is None:
        return ()
    return tuple(bytes(c[:3]).hex() if c[3] >= ALPHA_THRESHOLD else "" for c in colours.tolist())


def hex_names(rgb: NDArray[np.uint8]) -> list[str]:
    """Hexadecimal text of each colour of RGB (N, 3)."""
    return [bytes(colour).hex() for colour in rgb.tolist()]


def everything_allowed(colours: NDArray[np.uint8] | None) -> AllowedColours:
    """Allow all of RGBA (K, 4); None has no colours."""
    names = hex_colours(colours)
    return AllowedColours(names, (True,) * len(names))


def is_palette_for(info: CheckpointInfo, chosen: AllowedColours) -> bool:
    """Whether these form a visitor's palette that the model accepts: clear, then distinct opaque colours.

    Raises:
        PixelArtError: a text that is not a colour.
    """
    clear, *opaque = chosen.colours or ("",)
    distinct = np.unique(parse_hex_colours(opaque), axis=0)
    return info.takes_palettes and not clear and 1 < len(distinct) == len(opaque) <= info.most_colours


def only_colours_of(picture: Picture, colours: NDArray[np.uint8]) -> AllowedColours:
    """Allow the colours of RGBA (K, 4) (entry 0 is transparent) that occur in `picture` (H, W, 4), and the nearest one
    to each of its most frequent other colours, at most MAX_COLOURS."""
    seen, wanted = (normalise(part).view(np.uint32) for part in (picture, colours))
    found, count = np.unique(seen, return_counts=True)
    frequent = found[np.argsort(-count, kind="stable")[: MAX_COLOURS + 1]]
    rgb = frequent[frequent != wanted.flat[0]].view(np.uint8).reshape(-1, 4)[:, :3]
    allowed = np.array([(found == colour).any() for colour in wanted.reshape(-1)])
    if len(rgb):
        allowed[1 + nearest_colours(rgb, colours[1:, :3])] = True
    return AllowedColours(hex_colours(colours), tuple(allowed.tolist()))


def nearest_allowed(rgb: NDArray[np.uint8], colours: NDArray[np.uint8]) -> AllowedColours:
    """Allow the colour of RGBA (K, 4) nearest to each of RGB (N, 3). Entry 0 is transparent and stays allowed."""
    allowed = {0, *(1 + nearest_colours(rgb, colours[1:, :3])).tolist()}
    return AllowedColours(hex_colours(colours), tuple(i in allowed for i in range(len(colours))))


def shown_from_payload(payload: Any) -> NDArray[np.uint8] | None:
    """RGB (N, 3) of the colours that the panel locks, or None if it unlocks.

    Raises:
        PixelArtError: anything else, no colour, or more than MAX_COLOURS.
    """
    on, colours = (payload.get(k) if isinstance(payload, dict) else None for k in ("on", "colours"))
    if on is False:
        return None
    if on is not True or not isinstance(colours, list) or not all(isinstance(c, str) for c in colours):
        raise PixelArtError("palette: expected on, and colours")
    if not 0 < len(colours) <= MAX_COLOURS:
        raise PixelArtError(f"palette: {len(colours)} colours to draw in; must be from 1 to {MAX_COLOURS}")
    return parse_hex_colours(colours)


def allowed_to_payload(value: AllowedColours) -> dict[str, Any]:
    """The value as JSON for palette.js."""
    return {"colours": list(value.colours), "allowed": list(value.allowed)}


def allowed_from_payload(payload: Any) -> AllowedColours:
    """The choice that a page posted.

    Raises:
        PixelArtError: not two lists of the same length, of texts and booleans.
    """
    colours, allowed = (payload.get(k) if isinstance(payload, dict) else None for k in ("colours", "allowed"))
    if not isinstance(colours, list) or not isinstance(allowed, list) or len(colours) != len(allowed):
        raise PixelArtError("palette: expected colours and allowed, of the same length")
    if len(colours) > MAX_COLOURS:
        raise PixelArtError(f"palette: {len(colours)} colours; the limit is {MAX_COLOURS}")
    if not all(isinstance(c, str) and len(c) <= 6 for c in colours) or not all(isinstance(a, bool) for a in allowed):
        raise PixelArtError("palette: expected texts of six digits, and true or false")
    return AllowedColours(tuple(colours), tuple(allowed))
