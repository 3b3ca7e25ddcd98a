"""The orientation in a picture's EXIF data."""

from __future__ import annotations

import struct

import numpy as np

from pixelart.images.codec import Picture

_ORIENTATION, _SHORT = 0x0112, 3


def orientation(exif: bytes) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) if it is missing or `exif` is damaged."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (first,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, first)
        for entry in range(first + 2, min(first + 2 + 12 * count, len(exif) - 11), 12):
            tag, kind, values, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if tag == _ORIENTATION:
                return value if (kind, values) == (_SHORT, 1) and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def upright(picture: Picture, exif: bytes) -> Picture:
    """The picture (h, w, 4) turned upright."""
    way = orientation(exif)
    if way >= 5:  # rows and columns are swapped
        picture = picture.transpose(1, 0, 2)
    if way in (3, 4, 7, 8):
        picture = picture[::-1]
    if way in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture)
