"""The listing of a file: read back as written, and refused before anything large is made of it."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from pixelart.compression.archive import SUFFIX, read_header
from pixelart.compression.binary import ByteReader, ByteWriter
from pixelart.compression.listing import Listing, OddPixel, Size, check_names, check_picture_name, parse_listing
from pixelart.errors import DataRejected

SOME = Listing(
    (Size(8, 8, 2), Size(16, 4, 1)),
    ("hero/1.png", "hero/2.png", "wide ü.png"),
    (0, -1, 254),
    np.array([[1, 2, 3], [0, 0, 0]], np.uint8),
    (OddPixel(0, 5, b"abcd"), OddPixel(0, 63, b"abed"), OddPixel(2, 0, b"\0\0\0\1")),
)


def test_it_is_read_back() -> None:
    back = parse_listing(SOME.to_bytes())
    assert np.array_equal(back.colours, SOME.colours)
    assert [getattr(back, key) for key in ("sizes", "names", "classes", "odd")] == [
        SOME.sizes, SOME.names, SOME.classes, SOME.odd,
    ]  # fmt: skip


def test_every_cut_is_refused() -> None:
    data = SOME.to_bytes()
    for end in range(len(data)):
        with pytest.raises(DataRejected):
            parse_listing(data[:end])
    with pytest.raises(DataRejected):
        parse_listing(data + b"\0")


def numbers(*values: int) -> bytes:
    out = ByteWriter()
    for value in values:
        out.number(value)
    return bytes(out.data)


@pytest.mark.parametrize(
    "data",
    [
        numbers(0),
        numbers(1, 0, 8, 1),
        numbers(1, 8, 8, 2**40),
        numbers(1, 1024, 1024, 100_000),
        numbers(2**60),
        b"\xff" * 40,
        numbers(1, 8, 8, 1, 3),
        numbers(1, 8, 8, 1, 0, 2**30),
        numbers(1, 8, 8, 1, 0, 5) + b"a.png" + b"\0" + numbers(2**18),
        numbers(1, 8, 8, 1, 0, 5) + b"a.png" + b"\0" + numbers(0, 2**20),
        numbers(1, 8, 8, 1, 0, 5) + b"a.png" + b"\0" + numbers(0, 1, 1, 0) + b"abcd",
        numbers(1, 8, 8, 1, 0, 5) + b"a.png" + b"\0" + numbers(0, 1, 0, 64) + b"abcd",
        numbers(1, 8, 8, 1, 0, 5) + b"a\xff.pn" + b"\0" + numbers(0, 0),
        numbers(1, 8, 8, 2, 0, 5) + b"a.png" + numbers(0, 5) + b"A.png" + b"\0\0" + numbers(0, 0),
    ],
)
def test_lies_are_refused(data: bytes) -> None:
    with pytest.raises(DataRejected):
        parse_listing(data)


@pytest.mark.parametrize(
    "name",
    ["/a.png", "../a.png", "a/../b.png", "a//b.png", "a\\b.png", "c:a.png", "a.exe", ".png", "con.png", "a\n.png",
     "a /b.png", "a./b.png", "", "..png/", f"{'a' * 1000}.png", "\u202ea.png"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(DataRejected, match="not a plain name"):
        check_picture_name(name)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("a.png", "b/A.png", "b/a.PNG.png", "b/a.png"), "two pictures would be b/a.png"),
        (("\u00e9.png", "e\u0301.png"), "two pictures would be e\u0301.png"),  # a Mac has one file of these names
        (("x/A.png/b/c.png", "x/a.png"), "x/a.png would be a picture and a folder"),
    ],
)
def test_names_that_no_folder_holds_together_are_refused(names: tuple[str, ...], told: str) -> None:
    with pytest.raises(DataRejected, match=told):
        check_names(names)
    with pytest.raises(DataRejected, match=told):
        parse_listing(Listing((Size(8, 8, len(names)),), names, (-1,) * len(names)).to_bytes())
    check_names(names[:1])


def test_what_inflates_to_more_than_it_says_is_refused() -> None:
    out = ByteWriter()
    out.number(10)
    out.block(zlib.compress(bytes(10**7)))
    with pytest.raises(DataRejected, match="damaged"):
        ByteReader(bytes(out.data)).packed(100)
    with pytest.raises(DataRejected, match="the limit there is 5"):
        ByteReader(bytes(out.data)).packed(5)


@pytest.mark.parametrize("data", [b"", b"PNG", b"PXC", b"\x89PNG\r\n\x1a\n"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(DataRejected, match=f"not a file of compressed pictures .{SUFFIX}."):
        read_header(data)
    with pytest.raises(DataRejected, match="version 9 of the format"):
        read_header(b"PXC\x09")
