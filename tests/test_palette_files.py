"""Palette files of three kinds, and what is no palette."""

from __future__ import annotations

import numpy as np
import pytest

from pixelart.errors import RequestRejected
from pixelart.palette_files import KNOWN, read_palette

COLOURS = [[255, 0, 68], [1, 2, 3], [0, 0, 0]]
GOOD = {
    "hex": "ff0044\n010203\n000000\n",
    "hex with marks, a comment and Windows lines": "\ufeff; mine\r\n#FF0044\r\n\r\n#010203\r\n000000\r\nff0044",
    "gpl": "GIMP Palette\nName: Mine\nColumns: 2\n#\n255   0  68\tRed 12\n  1 2 3\n0 0 0 Black\n",
    "gpl with alpha": "GIMP Palette\nChannels: RGBA\n255 0 68 255 Red\n9 9 9 0 Clear\n1 2 3 200\n0 0 0 255\n",
    "pal": "JASC-PAL\r\n0100\r\n3\r\n255 0 68\r\n1 2 3\r\n0 0 0\r\n",
}
BAD = {
    "nothing": b"",
    "no colour": b"GIMP Palette\nName: x\n",
    "a PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "RIFF": b"RIFF\x10\0\0\0PAL data",
    "short hex": b"fff\n",
    "256 of 255": b"JASC-PAL\n0100\n1\n256 0 0\n",
    "two numbers": b"GIMP Palette\n1 2\n",
    "negative": b"JASC-PAL\n0100\n1\n-1 0 0\n",
    "no count": b"JASC-PAL\n0100\n",
    "other digits": "GIMP Palette\n\u00b2 2 2\n".encode(),
    "too many": b"\n".join(f"{i:06x}".encode() for i in range(257)),
    "too large": b"000000\n" * 10_000,
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_file_is_its_distinct_colours_in_order(kind: str) -> None:
    assert read_palette(GOOD[kind].encode(), name="mine").tolist() == COLOURS


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_palette_is_refused_in_one_plain_line(kind: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        read_palette(BAD[kind], name="mine.pal")
    assert str(caught.value).startswith("mine.pal: ") and "\n" not in str(caught.value)


def test_the_palettes_of_the_program_are_distinct_colours_with_names_and_origins() -> None:
    assert len({palette.name for palette in KNOWN}) == len(KNOWN) >= 5
    for palette in KNOWN:
        assert len(np.unique(palette.colours, axis=0)) == len(palette.colours) >= 2 and palette.origin
