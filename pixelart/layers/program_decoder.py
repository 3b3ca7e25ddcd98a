"""Incremental decoding with a pixel program: rows are drawn by the interpreter, on a CPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pixelart.layers.context import Conditioning
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.incremental import RowKernel, TrunkDecoder, Unit
from pixelart.layers.interpreter import Machine, draw_row
from pixelart.layers.kernels import SamplingParams
from pixelart.layers.program import Program

_POOL = ThreadPoolExecutor(thread_name_prefix="draw-row")


class Programmed(Protocol):
    """A network that can express the computation of one pixel as a program."""

    @property
    def vote(self) -> nn.Module: ...

    unit: ClassVar[Unit]

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor: ...

    def readout(
        self, outputs: Tensor, given: Conditioning, rows: slice = slice(None), columns: slice = slice(None)
    ) -> Tensor: ...

    def program(self, given: Conditioning) -> Program:
        """The operations of one pixel, up to its logits."""
        ...

    def row_inputs(self, x: Tensor, given: Conditioning, state: DecodeState) -> list[Tensor]:
        """Inputs from the rows above and the context to the pixels of the state's row: (B or 1, W, n) each, in the
        order in which `program` allocates `rows`."""
        ...

    def kept(self, state: DecodeState) -> list[Tensor]:
        """Keys and values (B, 2, heads, places, size) that the prefill cached, one tensor per attention."""
        ...


class ProgramDecoder(TrunkDecoder):
    """Decodes with the network's program; the slow twin is the network's trunk."""

    def __init__(self, network: Programmed, given: Conditioning) -> None:
        super().__init__(network.trunk, network.vote, network.readout, given, unit=network.unit)
        self.network = network
        self._machine: Machine | None = None
        self._is_compiled = False
        self._reached = (-1, 0)  # the last begun row, and the column up to which it is drawn
        on_cpu = given.allowed if given.map.device.type == "cpu" else None  # the trunk needs none
        self._allowed = None if on_cpu is None else on_cpu.contiguous().numpy()

    def row_kernel(self) -> RowKernel | None:
        if self.given.map.device.type != "cpu" or self.given.map.dtype != torch.float32:
            return None
        self._is_compiled = True
        return self._draw

    def begin_row(self, x: Tensor, row: int) -> None:
        if not self._is_compiled:
            super().begin_row(x, row)
            return
        machine = self._machine = self._machine or self._make(x)
        before, column = self._reached
        if len(machine.kept) and before == row - 1:  # attention needs all of the previous row
            self._run(x, before, _known(x), (column, self.state.width))
        self.state.move(slice(row, row + 1), slice(0, self.state.width))
        start = 0
        for part in self.network.row_inputs(x, self.given, self.state):
            machine.rows[:, :, start : start + part.shape[2]] = part.numpy()
            start += part.shape[2]
        self._reached = row, 0

    def _draw(
        self,
        x: Tensor,
        row: int,
        mask: Tensor,
        noise: Tensor,
        temperature: Tensor,
        log_prob: Tensor,
        params: SamplingParams,
        columns: slice,
    ) -> None:
        line = log_prob[:, :, row].contiguous()
        given = (params, *(t.contiguous().numpy() for t in (mask[:, row], noise[:, :, row], temperature[:, row], line)))
        self._run(x, row, given, (columns.start, columns.stop))
        log_prob[:, :, row] = line
        self._reached = row, columns.stop

    def _run(self, x: Tensor, row: int, given: tuple[Any, ...], columns: tuple[int, int]) -> None:
        """Run the program for columns of a row; `given`: its params, mask, noise, temperature and log p."""
        assert self._machine is not None
        line = x[:, :, row].contiguous()
        params, mask, noise, temperature, log_prob = given
        arrays = (mask, noise, temperature, self._allowed_in(row), log_prob)
        pictures, threads = len(mask), min(len(mask), torch.get_num_threads())
        bounds = [pictures * i // threads for i in range(threads + 1)]
        run = partial(draw_row, self._machine, params, line.numpy(), row, *arrays, columns)
        if threads == 1:
            run(0, pictures)
        else:
            list(_POOL.map(run, bounds[:-1], bounds[1:]))
        x[:, :, row] = line

    def _allowed_in(self, row: int) -> NDArray[np.bool_]:
        """The levels that pixels of a row may have, (B or 1, K, W or 1); size 0 = all."""
        if self._allowed is None:
            return np.empty((0, 0, 0), np.bool_)
        return np.ascontiguousarray(self._allowed[:, :, min(row, self._allowed.shape[2] - 1)])

    def _make(self, x: Tensor) -> Machine:
        program, (batch, width) = self.network.program(self.given), (len(x), self.state.width)
        kept = np.zeros((0, 0, 0, 0, 1, 1), np.float32)
        if program.attentions:
            heads, size, stride = program.attentions[0]
            places = -(-self.state.height // stride) * -(-width // stride)
            kept = np.zeros((len(program.attentions), batch, 2, heads, places, size), np.float32)
            for number, past in enumerate(self.network.kept(self.state)):
                kept[number] = past.numpy()
        return Machine(
            program.operations(),
            program.weights(),
            program.picture_tables(),
            np.zeros((batch, program.state.size), np.float32),
            np.zeros((batch, width, program.rows.size), np.float32),
            np.zeros((batch, width, program.past.size), np.float32),
            kept,
            program.logits.start,
        )


def _known(x: Tensor) -> tuple[Any, ...]:
    """Arguments to run a row of pictures x (B, C, H, W) without drawing any pixel."""
    batch, channels, _, width = x.shape
    params = SamplingParams(0, 1.0, 1.0, np.ones(1, np.bool_))
    nothing = np.zeros((batch, channels, width))
    return params, np.zeros((batch, width), np.bool_), nothing, np.ones((batch, width)), nothing.copy()
