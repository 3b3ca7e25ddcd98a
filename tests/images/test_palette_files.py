"""Palette files of three kinds, and what is no palette."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pixelart.errors import RequestRejected
from pixelart.images.io import encode_png
from pixelart.images.palette_files import KNOWN, read_palette
from tests.corpus import make

COLOURS = [[255, 0, 68], [1, 2, 3], [0, 0, 0]]
GOOD = {
    "hex": "ff0044\n010203\n000000\n",
    "hex with marks, a comment and Windows lines": "\ufeff; mine\r\n#FF0044\r\n\r\n#010203\r\n000000\r\nff0044",
    "gpl": "GIMP Palette\nName: Mine\nColumns: 2\n#\n255   0  68\tRed 12\n  1 2 3\n0 0 0 Black\n",
    "gpl with alpha": "GIMP Palette\nChannels: RGBA\n255 0 68 255 Red\n9 9 9 0 Clear\n1 2 3 200\n0 0 0 255\n",
    "pal": "JASC-PAL\r\n0100\r\n3\r\n255 0 68\r\n1 2 3\r\n0 0 0\r\n",
}
CORPUS = make.FOLDER / "palettes"
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


@pytest.mark.parametrize("path", sorted(CORPUS.glob("[!b]*")), ids=lambda path: path.name)
def test_files_as_programs_write_them_are_the_same_colours(path: Path) -> None:
    assert read_palette(path.read_bytes(), name=path.name).tolist() == COLOURS


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("ff112233\nff445566\n", ["112233", "445566"]),  # all begin as opaque ones: alpha is first
        ("112233ff\n445566ff\n", ["112233", "445566"]),
        ("ff1122ff\nff4455ff\n", ["ff1122", "ff4455"]),  # either may be: it is last, as in most files
        ("#ff112233\n#ff4455ff\n", ["ff4455"]),  # behind # it is always last, and 33 is not seen
        (";paint.net Palette File\nff1122ff\n", ["1122ff"]),
    ],
)
def test_alpha_is_first_or_last(text: str, colours: list[str]) -> None:
    found = read_palette(text.encode(), name="mine")
    assert [bytes(colour).hex() for colour in found.tolist()] == colours


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ((CORPUS / "bad-line.hex").read_text(), "line 3, '01020': not a colour such as ff0044; the kinds are .hex"),
        ("ff0044, 010203\nff0044, red", "line 2, 'red': not a colour"),
        ("#ff004\n", "line 1, '#ff004': not a colour"),
        ("GIMP Palette\n#\n1 2 3\n1 2 256\n", "line 4, '1 2 256': needs 3 numbers from 0 to 255"),
        ("GIMP Palette\nChannels: RGBA\n\n1 2 3\n", "line 4, '1 2 3': needs 4 numbers"),
        ("JASC-PAL\n0100\nmany\n1 2 3\n", "line 3, 'many': must be the number of colours"),
        (f"JASC-PAL\n0100\n{'9' * 5000}\n1 2 3\n", "line 3, '9999"),
        ("JASC-PAL\n0100\n2\n1 2 3\n1,2,3\n", "line 5, '1,2,3': needs 3 numbers"),
    ],
)
def test_a_refusal_names_the_line(text: str, told: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        read_palette(text.encode(), name="mine")
    assert str(caught.value).startswith(f"mine: {told}") and "\n" not in str(caught.value)


def test_a_picture_of_too_many_colours_is_no_palette() -> None:
    strip = np.zeros((1, 257, 4), np.uint8)
    strip[0, :, 0], strip[0, :, 1], strip[..., 3] = np.arange(257) % 256, np.arange(257) // 256, 255
    with pytest.raises(RequestRejected, match=r"^strip\.png: 257 colours; a palette has 1 to 256"):
        read_palette(encode_png(strip), name="strip.png")
    strip[0, 256] = 0  # transparent, so no colour
    assert len(read_palette(encode_png(strip), name="strip.png")) == 256


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_palette_is_refused_in_one_plain_line(kind: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        read_palette(BAD[kind], name="mine.pal")
    assert str(caught.value).startswith("mine.pal: ") and "\n" not in str(caught.value)


def test_the_palettes_of_the_program_are_distinct_colours_with_names_and_origins() -> None:
    assert len({palette.name for palette in KNOWN}) == len(KNOWN) >= 5
    for palette in KNOWN:
        assert len(np.unique(palette.colours, axis=0)) == len(palette.colours) >= 2 and palette.origin
