"""Palettes that artists use: files of three text formats, and a few that are facts of machines and standards.

.hex is a colour a line; .gpl is GIMP's (docs.gimp.org), where Aseprite may add a fourth column, alpha; .pal is JASC's
(Paint Shop Pro). Which it is says the text, not the name. What is written is .gpl, which most programs read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelart.codec import ALPHA_THRESHOLD, parse_hex_colours
from pixelart.errors import RequestRejected
from pixelart.settings import SETTINGS

MAX_COLOURS = 256
KINDS = ".hex, .gpl (GIMP) and .pal (JASC)"


@dataclass(frozen=True)
class KnownPalette:
    """A palette of the program: its name, where it is from, and its colours as hexadecimal text."""

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
    """The distinct colours, RGB (N, 3), of a palette file in their order; `name` is used in errors.

    Raises:
        RequestRejected: too large, not one of KINDS, no colour, or more than MAX_COLOURS.
    """
    if len(data) > SETTINGS.max_palette_bytes:
        raise RequestRejected(f"{name}: {len(data)} bytes; the limit of a palette is {SETTINGS.max_palette_bytes}")
    lines = [line.strip() for line in data.decode("utf-8-sig", "replace").splitlines()]
    lines = [line for line in lines if line]
    try:
        colours = list(dict.fromkeys(_colours(lines)))
    except (ValueError, IndexError) as error:
        raise RequestRejected(f"{name}: not a palette that can be read; the kinds are {KINDS}") from error
    if not 1 <= len(colours) <= MAX_COLOURS:
        raise RequestRejected(f"{name}: {len(colours)} colours; a palette has 1 to {MAX_COLOURS}")
    return np.array(colours, np.uint8)


def gpl_palette(name: str, colours: NDArray[np.uint8]) -> bytes:
    """A palette file of GIMP: the opaque ones of RGBA `colours` (N, 4) in their order. `name` is one line of text."""
    rows = [f"{r:3} {g:3} {b:3}\t{r:02x}{g:02x}{b:02x}" for r, g, b, alpha in colours.tolist() if alpha]
    return "\n".join(["GIMP Palette", f"Name: {name}", "Columns: 8", "#", *rows, ""]).encode()


def _colours(lines: list[str]) -> Iterator[tuple[int, ...]]:
    if lines and lines[0].startswith("GIMP Palette"):
        has_alpha = any(line.replace(" ", "").lower() == "channels:rgba" for line in lines)
        for line in lines[1:]:
            if line[0].isdigit():
                yield from _numbers(line, 4 if has_alpha else 3)
    elif lines and lines[0] == "JASC-PAL":
        for line in lines[3 : 3 + int(lines[2])]:
            yield from _numbers(line, 3)
    else:
        for colour in parse_hex_colours([line for line in lines if not line.startswith(";")]).tolist():
            yield tuple(colour)


def _numbers(line: str, count: int) -> Iterator[tuple[int, ...]]:
    """The colour of a line, unless it is transparent."""
    values = tuple(int(word) for word in line.split()[:count])
    if len(values) != count or not all(0 <= v <= 255 for v in values):
        raise ValueError(line)
    if count == 3 or values[3] >= ALPHA_THRESHOLD:
        yield values[:3]
