"""Files of other formats are refused, whatever their names end with, and no plugin of Pillow sees them."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixelart.errors import ImageRejected
from pixelart.images.io import READABLE_FORMATS, read_picture
from tests.images.made_files import saved

SAVED_BY_PILLOW = ["BLP", "DDS", "DIB", "EPS", "ICNS", "ICO", "IM", "JPEG2000", "MSP", "PALM", "PCX", "PDF", "PPM"]
SAVED_BY_PILLOW += ["SGI", "SPIDER", "TGA", "TIFF", "XBM"]
MODES = {"BLP": "P", "MSP": "1", "PALM": "P", "XBM": "1", "SPIDER": "F", "EPS": "RGB", "PCX": "RGB", "PDF": "RGB"}
BY_HAND = {
    "PSD": b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + b"\0" * 40,
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>',
    "HTML": b"<html><script>alert(1)</script></html>",
    "FITS": b"SIMPLE  =                    T".ljust(2880),
    "CUR": b"\0\0\2\0\1\0" + b"\x08\x08\0\0\1\0\1\0" + struct.pack("<II", 40, 22) + b"\0" * 80,
    "QOI": b"qoif" + struct.pack(">IIBB", 8, 8, 4, 0) + b"\xfe\1\2\3" * 64 + b"\0" * 7 + b"\1",
    "XPM": b'/* XPM */\nstatic char *a[]={"1 1 1 1","a c #ff0000","a"};',
    "FLI": struct.pack("<IHHHHHHI", 128, 0xAF11, 1, 8, 8, 8, 0, 5).ljust(144, b"\0"),
    "WMF": b"\xd7\xcd\xc6\x9a".ljust(80, b"\0"),
    "SUN": struct.pack(">IIIIIIII", 0x59A66A95, 8, 8, 24, 192, 1, 0, 0) + b"\0" * 192,
    "HDF5": b"\x89HDF\r\n\x1a\n".ljust(100, b"\0"),
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf".ljust(200, b"\0"),
    "ZIP": b"PK\3\4".ljust(60, b"\0"),
    "nothing": b"",
    "text": b"hello",
    "zeros": b"\0" * 4096,
    "a lone PNG signature": b"\x89PNG\r\n\x1a\n",
    "a lone GIF signature": b"GIF89a",
    "a lone JPEG signature": b"\xff\xd8\xff",
    "a lone BMP signature": b"BM",
    "a lone WebP signature": b"RIFF\x10\0\0\0WEBP",
}


def foreign_file(kind: str) -> bytes:
    """A file of another format."""
    if kind in BY_HAND:
        return BY_HAND[kind]
    size = (64, 64) if kind in ("ICNS", "ICO") else (16, 16)
    return saved(kind, Image.new("RGBA", size, "red").convert(MODES.get(kind, "RGB")))


@pytest.fixture
def foreign_plugins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of Pillow plugins outside READABLE_FORMATS that were asked about a file since the test began."""
    Image.init()
    asked: list[str] = []
    for kind, (factory, accept) in list(Image.OPEN.items()):
        if kind not in READABLE_FORMATS:

            def spy(*arguments: Any, kind: str = kind, call: Callable[..., Any] | None = accept) -> Any:
                asked.append(kind)
                return True if call is None else call(*arguments)

            monkeypatch.setitem(Image.OPEN, kind, (factory, spy))
    return asked


def test_the_spy_sees_an_unguarded_open(foreign_plugins: list[str]) -> None:
    Image.open(io.BytesIO(foreign_file("TGA"))).close()
    assert "TGA" in foreign_plugins


@pytest.mark.parametrize("kind", [*SAVED_BY_PILLOW, *BY_HAND])
def test_other_formats_renamed_to_png_are_refused_by_name(
    kind: str, tmp_path: Path, foreign_plugins: list[str]
) -> None:
    path = tmp_path / "sprite.png"
    path.write_bytes(foreign_file(kind))
    with pytest.raises(ImageRejected, match=r"^sprite\.png: .*formats are PNG, GIF, JPEG, WEBP, BMP$"):
        read_picture(path)
    assert not foreign_plugins
