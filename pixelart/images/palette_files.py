"""Read palettes in several file formats, and hold a few built-in ones.

.hex lists colours in hexadecimal, on lines or between commas, with comments; .txt is paint.net's version with alpha
first; .gpl is GIMP's (docs.gimp.org), to which Aseprite may add a fourth column, alpha; .pal is JASC's (Paint Shop
Pro); a strip is a picture of the colours. The format is detected from the content, not the name. Palettes are written
as .gpl, which most programs read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import hexdigits

import numpy as np
from numpy.typing import NDArray

from pixelart.errors import ImageRejected, RequestRejected
from pixelart.images.codec import ALPHA_THRESHOLD, parse_hex_colours
from pixelart.images.formats.decoding import is_picture
from pixelart.images.io import decode_picture
from pixelart.images.palettes import MAX_COLOURS
from pixelart.settings import SETTINGS

_FILE_KINDS = ".hex, .txt (paint.net), .gpl (GIMP), .pal (JASC), and a picture of the colours"


@dataclass(frozen=True)
class KnownPalette:
    """A built-in palette: name, source, and colours as hexadecimal text."""

    name: str
    origin: str
    text: str

    @property
    def colours(self) -> NDArray[np.uint8]:
        """RGB (N, 3)."""
        return parse_hex_colours(self.text.split())


KNOWN = (
    KnownPalette("Black and white", "one bit a pixel", "000000 ffffff"),
    KnownPalette("Four greys", "two bits a pixel, evenly spaced", "000000 555555 aaaaaa ffffff"),
    KnownPalette("Game Boy", "the greens its first screen is usually shown in", "0f380f 306230 8bac0f 9bbc0f"),
    KnownPalette("Teletext", "World System Teletext, 1976", "000000 ff0000 00ff00 ffff00 0000ff ff00ff 00ffff ffffff"),
    KnownPalette(
        "ZX Spectrum",
        "Sinclair, 1982",
        "000000 0000d7 d70000 d700d7 00d700 00d7d7 d7d700 d7d7d7 0000ff ff0000 ff00ff 00ff00 00ffff ffff00 ffffff",
    ),
    KnownPalette(
        "CGA",
        "IBM colour display 5153, 1983",
        "000000 0000aa 00aa00 00aaaa aa0000 aa00aa aa5500 aaaaaa "
        "555555 5555ff 55ff55 55ffff ff5555 ff55ff ffff55 ffffff",
    ),
    KnownPalette(
        "HTML",
        "the sixteen named colours of HTML 4.01",
        "000000 808080 c0c0c0 ffffff 800000 ff0000 808000 ffff00 "
        "008000 00ff00 008080 00ffff 000080 0000ff 800080 ff00ff",
    ),
)


def read_palette(data: bytes, *, name: str) -> NDArray[np.uint8]:
    """The distinct colours, RGB (N, 3), of a palette file, in order and without transparent ones; `name` is for errors.

    Raises:
        RequestRejected: too large, not one of the known kinds, no colour, or more than MAX_COLOURS.
    """
    if len(data) > SETTINGS.max_palette_bytes:
        raise RequestRejected(f"{name}: {len(data)} bytes; the limit of a palette is {SETTINGS.max_palette_bytes}")
    found = _colours_of_picture(data, name) if is_picture(data) else _colours(_lines(data), name)
    colours = list(dict.fromkeys(found))
    if not 1 <= len(colours) <= MAX_COLOURS:
        raise RequestRejected(
            f"{name}: {len(colours)} colours; a palette has 1 to {MAX_COLOURS}. The kinds are {_FILE_KINDS}"
        )
    return np.array(colours, np.uint8)


def read_palette_file(path: Path) -> NDArray[np.uint8]:
    """`read_palette` on a file. Raises RequestRejected, also if it cannot be read."""
    try:
        with path.open("rb") as file:
            return read_palette(file.read(SETTINGS.max_palette_bytes + 1), name=path.name)
    except OSError as error:
        raise RequestRejected(f"{path}: {error.strerror or 'cannot be read'}") from error


def gpl_palette(name: str, colours: NDArray[np.uint8]) -> bytes:
    """A GIMP palette file with the opaque colours of RGBA `colours` (N, 4), in order. `name` is one line of text."""
    rows = [f"{r:3} {g:3} {b:3}\t{r:02x}{g:02x}{b:02x}" for r, g, b, alpha in colours.tolist() if alpha]
    return "\n".join(["GIMP Palette", f"Name: {name}", "Columns: 8", "#", *rows, ""]).encode()


def _colours_of_picture(data: bytes, name: str) -> Iterator[tuple[int, ...]]:
    """The colours row by row: a strip may have one or several pixels per colour."""
    try:
        picture = decode_picture(data, name=name)
    except ImageRejected as error:
        raise RequestRejected(str(error)) from error
    seen, first = np.unique(picture.reshape(-1, 4), axis=0, return_index=True)
    for red, green, blue, alpha in seen[np.argsort(first)].tolist():
        if alpha >= ALPHA_THRESHOLD:
            yield red, green, blue


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    """(number, text) of the non-empty lines. UTF-16 from Windows programs is recognised by its byte order mark."""
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
    return ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def _colours(lines: Iterator[tuple[int, str]], name: str) -> Iterator[tuple[int, ...]]:
    kept = list(lines)
    head = kept[0][1] if kept else ""
    if head.startswith("GIMP Palette"):
        has_alpha = any(line.replace(" ", "").lower() == "channels:rgba" for _, line in kept)
        for number, line in kept[1:]:
            if line[0] in "-0123456789":
                yield from _numbers(line, 4 if has_alpha else 3, _place(name, number, line))
    elif head == "JASC-PAL":
        count = kept[2] if len(kept) > 2 else (3, "")
        if not (count[1].isascii() and count[1].isdigit() and len(count[1]) < 6):
            raise RequestRejected(f"{_place(name, *count)}: must be the number of colours")
        for number, line in kept[3 : 3 + int(count[1])]:
            yield from _numbers(line, 3, _place(name, number, line))
    else:
        alpha_first = _is_alpha_first([line for _, line in kept])
        for number, line in kept:
            for word in _words(line):
                yield from _hex_colour(word, _place(name, number, word), alpha_first=alpha_first)


def _place(name: str, number: int, text: str) -> str:
    return f"{name}: line {number}, {text!r:.40}"


def _numbers(line: str, count: int, place: str) -> Iterator[tuple[int, ...]]:
    """The colour of a line; nothing if it is transparent."""
    words = line.split()[:count]
    values = tuple(int(word) if word.isascii() and word.isdigit() and len(word) < 4 else 256 for word in words)
    if len(values) != count or max(values) > 255:
        raise RequestRejected(f"{place}: needs {count} numbers from 0 to 255")
    if count == 3 or values[3] >= ALPHA_THRESHOLD:
        yield values[:3]


def _words(line: str) -> list[str]:
    """The colours of a line without its comment, which starts with ; or //, or with a # not followed by a hex digit."""
    return re.sub(r"(;|//|#(?=\s|$)).*", "", line).replace(",", " ").split()


def _is_alpha_first(lines: list[str]) -> bool:
    """Whether eight-digit colours are AARRGGBB, as in paint.net, rather than RRGGBBAA: if a comment says so, or if all
    start like opaque colours and not all end like them."""
    if any(line.startswith(";") and "paint.net" in line.lower() for line in lines):
        return True
    long = [word.lower() for line in lines for word in _words(line) if len(word) == 8]
    return all(w.startswith("ff") for w in long) and not all(w.endswith("ff") for w in long)


def _hex_colour(word: str, place: str, *, alpha_first: bool) -> Iterator[tuple[int, ...]]:
    """The colour; nothing if it is transparent. After #, alpha is always last, and one digit may stand for two."""
    digits = word.removeprefix("#")
    is_css = word != digits
    if is_css and len(digits) in (3, 4):
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) not in (6, 8) or not set(digits) <= set(hexdigits):
        raise RequestRejected(f"{place}: not a colour such as ff0044; the kinds are {_FILE_KINDS}")
    values = tuple(bytes.fromhex(digits))
    if len(values) == 4 and alpha_first and not is_css:
        values = (*values[1:], values[0])
    if len(values) == 3 or values[3] >= ALPHA_THRESHOLD:
        yield values[:3]
