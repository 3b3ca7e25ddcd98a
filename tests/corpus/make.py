"""Writes the small files of this folder: `python -m tests.corpus.make`. They are files that programs of artists make,
and that are easily misread; what each should be read as is said by the tests that read it.
"""

from __future__ import annotations

import base64
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.corpus.encoders import (
    apng,
    archive,
    chunk,
    exif,
    gif,
    jpeg_with_exif,
    png,
    riff,
    run,
    stored,
    webp,
)  # fmt: skip

FOLDER = Path(__file__).parent
KEYED = 464
"""Pixels of the grey that is transparent, as in tbbn0g04 of PngSuite."""
RGB_ROWS = [[0xFF0000, 0x00FF00, 0x0000FF], [0xFFFF00, 0xFF00FF, 0x00FFFF]]
"""Six colours, as an upright picture shows them."""
CONTAINED = 2 * 2**20 // 258 * 258 + 1
"""Bytes that a chunk beside the pixels unpacks to, over the 1 MiB that decoders allow."""
PROFILE = b"\0" * 16 + b"RGB XYZ " + b"\0" * 12 + b"acsp" + b"profile of the test".ljust(88, b"\0")
PALETTE = (0x204060, 0xFF0044, 0x204060, 0x00FF88, 0x010203, 0xFFFFFF)
"""In an order that no program would sort them in, one of them twice."""
_JPEG = base64.b64decode(  # RGB_ROWS, each a block of 8 x 8
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQ"
    "YEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAQABgD"
    "AREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABgf/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFwEAAwEAAAAAAAAAAAAAAAAABQcIBv/EABQR"
    "AQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AD4MZJcEJ5TQ+WxXlNowmp8tiWhCeX//2Q=="
)
_VP8L = {  # a lossless picture inside a WebP: RGB_ROWS, and squares of 4 x 4
    "rows": "LwJAAAAvIBBI2h96jfkXEBT5P9r8Bx9EAoNAgAzx4khE/yMW",
    "red": "LwPAAAAHEP2P/gciov8B",
    "lime": "LwPAAAAH0P+I/gciov8B",
    "blue": "LwPAAAAHENH//gciov8B",
}


def rgb(colours: list[list[int]]) -> NDArray[np.uint8]:
    """(H, W, 3) of colours written as numbers."""
    return np.array([[list(colour.to_bytes(3, "big")) for colour in row] for row in colours], np.uint8)


def keyed_grey(depth: int) -> NDArray[np.int64]:
    """(32, 32) greys of `depth` bits, of which the lightest but one is transparent: KEYED pixels."""
    lightest = 2**depth - 1
    others = np.resize(np.delete(np.arange(lightest + 1), max(lightest - 1, 0)), 1024 - KEYED)
    greys = np.concatenate([np.full(KEYED, max(lightest - 1, 0)), others])
    return greys[np.arange(1024) * 389 % 1024].reshape(32, 32)  # all of them, in another order


def keyed_rgb16() -> NDArray[np.int64]:
    """(8, 8, 3) values of 16 bits: half the pixels are of the transparent colour, the others differ in a low byte."""
    values = np.tile(np.array([0x1234, 0xABCD, 0x0080]), (8, 8, 1))
    values[::2, :, 2] += 1 + np.arange(8)
    return values


def _square(colour: int, side: int = 4, alpha: int = 255) -> NDArray[np.uint8]:
    return np.full((side, side, 4), (*colour.to_bytes(3, "big"), alpha), np.uint8)


def _pictures() -> dict[str, bytes]:
    files = dict[str, bytes]()
    for depth in (1, 2, 4, 8, 16):
        greys = keyed_grey(depth)
        key = chunk(b"tRNS", max(2**depth - 2, 0).to_bytes(2, "big"))
        files[f"grey{depth}-clear.png"] = png(greys, kind=0, depth=depth, before=[key])
    key = chunk(b"tRNS", bytes.fromhex("1234abcd0080"))
    for name, interlaced in (("rgb16-clear", False), ("rgb16-clear-interlaced", True)):
        files[f"{name}.png"] = png(keyed_rgb16(), kind=2, depth=16, before=[key], interlaced=interlaced)
    key = chunk(b"tRNS", bytes.fromhex("00ff000000ff"))
    files["rgb8-clear.png"] = png(rgb(RGB_ROWS), kind=2, before=[key])
    for way in range(1, 9):
        files[f"way{way}.png"] = png(rgb(RGB_ROWS), kind=2, before=[chunk(b"eXIf", exif(way))])
        files[f"way{way}.jpg"] = jpeg_with_exif(_JPEG, way)
        still = riff(b"VP8L", base64.b64decode(_VP8L["rows"]))
        files[f"way{way}.webp"] = webp((3, 2), 8, still, riff(b"EXIF", exif(way)))
    for name, extra in {
        "large-ztxt": chunk(b"zTXt", b"note\0\0" + run(97, CONTAINED)),
        "large-itxt": chunk(b"iTXt", b"note\0\1\0\0\0" + run(97, CONTAINED)),
        "large-profile": chunk(b"iCCP", b"profile\0\0" + run(97, CONTAINED)),
    }.items():
        files[f"{name}.png"] = png(rgb(RGB_ROWS), kind=2, before=[extra])
    table = chunk(b"PLTE", b"".join(colour.to_bytes(3, "big") for colour in PALETTE))
    profile = chunk(b"iCCP", b"profile\0\0" + stored(PROFILE))
    indices = np.arange(64).reshape(8, 8) % 4 + 1
    files["palette-and-profile.png"] = png(indices, kind=3, before=[profile, table])
    return files


def _animations() -> dict[str, bytes]:
    colours, part = (0x102030, 0xFF0000, 0x00FF00, 0x0000FF), np.full((4, 4), 1)
    three = [(part, 0, 0, 1, None), (part + 1, 4, 4, 2, None), (part + 2, 2, 2, 1, 0)]
    ms, square = b"\x64\0\0", {name: riff(b"VP8L", base64.b64decode(text)) for name, text in _VP8L.items()}
    side = b"\3\0\0"
    anmf = [riff(b"ANMF", b"\0" * 6 + side * 2 + ms + b"\0" + square[name]) for name in ("red", "lime", "blue")]
    frames = [
        (_square(0xFF0000, 8), 0, 0, 0, 0),
        (_square(0x00FF00), 4, 4, 1, 0),  # afterwards its area is clear
        (_square(0x0000FF, 4, 0), 0, 0, 0, 1),  # clear, laid over: nothing changes
        (_square(0x0000FF, 4, 0), 0, 0, 0, 0),  # clear, instead: a hole
    ]
    return {
        "small-frame.gif": gif((8, 8), colours, [(part, 2, 2, 0, None)]),
        "three-frames.gif": gif((8, 8), colours, three),
        "four-frames.png": apng(frames),
        "three-frames.webp": webp((4, 4), 2, riff(b"ANIM", b"\0" * 6), *anmf),
    }


def _dot(red: int) -> bytes:
    return png(np.full((4, 4, 3), (red, 255, 255), np.uint8), kind=2)


def _archives() -> dict[str, bytes]:
    umlauts = ["Zoë/1.png", "Zoë/2.png", "épée/1.png"]
    whole = archive({b"hero/1.png": _dot(1), b"hero/2.png": _dot(2)})
    names = {
        "backslashes": [b"Pack\\hero\\1.png", b"Pack\\hero\\2.png", b"Pack\\slime\\1.png"],
        "backslashes-unsafe": [b"hero\\1.png", b"..\\..\\evil.png", b"C:\\evil.png", b"\\evil.png"],
        "utf8-without-flag": [unicodedata.normalize("NFD", name).encode() for name in umlauts],
        "cp437": [name.encode("cp437") for name in umlauts],
        "stray-in-pack": [b"Pack/preview.png", b"Pack/hero/1.png", b"Pack/hero/2.png", b"Pack/slime/1.png"],
        "stray-at-root": [b"preview.png", b"Pack/hero/1.png", b"Pack/hero/2.png", b"Pack/slime/1.png"],
        "train-and-test": [b"train/1.png", b"train/2.png", b"test/1.png"],
        "any": [b"Any/1.png", b"Any/2.png", b"hero/1.png"],
        "dot-folders": [b"hero/1.png", b".old/1.png", b".old/deep/2.png", b"hero/.cache/3.png", b"hero/.4.png"],
    }
    files = {f"{k}.zip": archive({n: _dot(i) for i, n in enumerate(names[k])}) for k in names}
    return {**files, "cut-off.zip": whole[: len(whole) // 2]}


def _palettes() -> dict[str, bytes]:
    """All but the last are ff0044, 010203, 000000."""
    paint_net = ";paint.net Palette File\r\n;Colors: 4\r\nFFff0044\r\nFF010203\r\n00AABBCC\r\nFF000000\r\n"
    strip = png(rgb([[0xFF0044] * 2 + [0x010203] * 2 + [0] * 2] * 2), kind=2)
    return {
        "paint-net.txt": paint_net.encode(),
        "alpha-last.hex": b"ff0044ff\n010203ff\naabbcc00\n000000c0\n",
        "short.hex": b"#f04\n#010203\n#000f\n",
        "commas.txt": b"ff0044, 010203,\n#000000\n",
        "comments.hex": b"# my palette\nff0044 ; red\n// the dark ones\n010203\n\n#\n#000000 # black\n",
        "utf16.txt": b"\xff\xfe" + "ff0044\r\n010203\r\n000000\r\n".encode("utf-16-le"),
        "strip.png": strip,
        "bad-line.hex": b"; three\nff0044\n01020\n000000\n",
    }


def files() -> dict[str, bytes]:
    """Path inside this folder -> content."""
    groups = {"pictures": _pictures() | _animations(), "archives": _archives(), "palettes": _palettes()}
    return {f"{folder}/{name}": data for folder, group in groups.items() for name, data in group.items()}


if __name__ == "__main__":
    for path, data in files().items():
        (FOLDER / path).parent.mkdir(exist_ok=True)
        (FOLDER / path).write_bytes(data)
