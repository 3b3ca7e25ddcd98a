"""Mistakes in pixel programs: what a wrong lowering or interpreter would do, put into the tables of operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from pixelart.layers.program import (
    AFTER,
    ATTEND,
    EMBED,
    FILL,
    GRID_PRODUCT,
    GROW,
    KEEP,
    MUL,
    PIXEL,
    PRODUCT,
    SIGMOID,
    STORE,
    TANH,
    Operation,
    Program,
)

Change = Callable[[Operation], Operation]


def taps_a_column_too_far(program: Program) -> None:
    """Products with pixels to the left read one further left."""
    _change(program, PRODUCT, lambda one: one._replace(dx=one.dx - 1) if one.dx < 0 else one)


def taps_of_the_row_itself(program: Program) -> None:
    """Products with rows above read one row too low."""
    _change(program, GRID_PRODUCT, lambda one: one._replace(dy=one.dy + 1))


def taps_above_mirrored(program: Program) -> None:
    """Products with rows above read the other side."""
    _change(program, GRID_PRODUCT, lambda one: one._replace(dx=-one.dx))


def no_bias(program: Program) -> None:
    """Sums begin with zeros."""
    zeros = program.vector(torch.zeros(4096))
    _change(program, FILL, lambda one: one._replace(weights=zeros))


def gates_in_another_order(program: Program) -> None:
    """The sigmoid and the tanh of a gate change places."""
    names = {SIGMOID: TANH, TANH: SIGMOID}
    program.operations = [
        entry._replace(operation=entry.operation._replace(code=names.get(entry.operation.code, entry.operation.code)))
        for entry in program.operations
    ]


def gate_forgotten(program: Program) -> None:
    """A product of two values is the square of the first."""
    _change(program, MUL, lambda one: one._replace(other=one.src))


def rows_kept_too_short(program: Program) -> None:
    """The ring of rows is one shorter than the furthest row that is read."""
    program.reach -= 1


def nothing_stored(program: Program) -> None:
    """Rows below read zeros."""
    _drop(program, [STORE])


def keys_not_kept(program: Program) -> None:
    """Attention finds zeros."""
    _drop(program, [KEEP])


def keys_before_the_choice(program: Program) -> None:
    """Keys are made of a pixel whose last channel is not drawn."""
    stages = {AFTER: PIXEL}
    program.operations = [entry._replace(stage=stages.get(entry.stage, entry.stage)) for entry in program.operations]


def attention_without_its_query(program: Program) -> None:
    """The query is read where the result is written."""
    _change(program, ATTEND, lambda one: one._replace(src=one.dst))


def grown_at_the_same_place(program: Program) -> None:
    """All four pixels of a larger map take the matrix of the first."""
    _change(program, GROW, lambda one: one._replace(other=one.other + 16))


def embedding_of_the_next_pixel(program: Program) -> None:
    """Windows of pixels begin one too far right in rows above."""
    _change(program, EMBED, lambda one: one._replace(dx=one.dx + 1) if one.dy < 0 else one)


def no_initial_state(program: Program) -> None:
    """Recurrences begin with zeros."""
    program.starts, program.above = [], []


def recurrence_from_the_left_at_once(program: Program) -> None:
    """Known pixels of a row are computed operation by operation, though each needs the one before it."""
    program.operations = [entry._replace(looped=False) for entry in program.operations]


def _change(program: Program, code: int, change: Change) -> None:
    program.operations = [
        entry._replace(operation=change(entry.operation)) if entry.operation.code == code else entry
        for entry in program.operations
    ]


def _drop(program: Program, codes: Sequence[int]) -> None:
    program.operations = [entry for entry in program.operations if entry.operation.code not in codes]
