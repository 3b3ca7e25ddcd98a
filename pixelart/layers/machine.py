"""What the interpreter of pixel programs works on: a program with its memory, and pixels."""

from __future__ import annotations

from typing import Any, NamedTuple

from pixelart.layers.kernels import I64


class Machine(NamedTuple):
    """A program with its memory for B pictures of width W.

    operations: those of all parts, see Operation. runs (n, 3): order, first, end. parts (5,): where the runs of each
    part begin: those when a row begins, before each choice, after the last choice of a pixel, and both for known
    pixels. attentions: see Attention. The other memories are addresses of numbers, with the distance of two pictures
    (`_of_picture`) and of two pixels (`_of_pixel`). All numbers are of the type of `zero`."""

    operations: I64
    runs: I64
    parts: I64
    attentions: I64
    maps: I64  # (n, 10): features that rows are computed from, see `fill_rows`
    width: int
    reach: int
    outputs: int  # their start in the state
    passes: int  # how often the program runs for a pixel
    weights: int
    state: int
    state_of_pixel: int
    rows: int
    rows_of_pixel: int
    rows_of_picture: int  # 0 = shared, as of tables
    grid: int
    grid_of_pixel: int
    kept: int
    kept_of_picture: int
    tables: int
    tables_of_picture: int
    zero: Any  # float32 or float64


class Streams(NamedTuple):
    """Pixels that an operation runs for: of `pictures` pictures from number `first` on, `columns` of them, `step` apart
    from column `start` on. state: where that of the first begins; by_picture, by_column: distances, in numbers of the
    type of `zero`."""

    first: int
    pictures: int
    start: int
    columns: int
    step: int
    state: int
    by_picture: int
    by_column: int
    zero: float
