"""Incremental decoding with a pixel program: rows are computed and drawn by the interpreter, on a CPU."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any, ClassVar, Protocol
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pixelart.layers.context import Conditioning
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.incremental import RowKernel, TrunkDecoder, Unit
from pixelart.layers.interpreter import fill_rows
from pixelart.layers.kernels import Mixture, SamplingParams
from pixelart.layers.lowering import lower
from pixelart.layers.machine import Machine
from pixelart.layers.program import Attention, Program, RowInput, aligned
from pixelart.layers.row_kernel import draw_row
from pixelart.layers.threads import share_pictures
from pixelart.layers.tracing import Deferred, Drawn, Recorder, Traced, recompute

KEPT_SIZES = 4
"""Picture sizes for which the program of a network is kept."""
_PROGRAMS: WeakKeyDictionary[nn.Module, tuple[Any, dict[torch.Size, Program]]] = WeakKeyDictionary()
"""Network -> the version of its weights, and its programs by picture size, the latest used last."""
_LOCK = Lock()


class Programmed(Protocol):
    """A network whose trunk can be traced."""

    unit: ClassVar[Unit]

    @property
    def vote(self) -> nn.Module: ...

    @property
    def pointer(self) -> nn.Module | None: ...

    @property
    def mixture(self) -> Mixture:
        """What the outputs of a pixel mean."""
        ...

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor: ...

    def readout(
        self, outputs: Tensor, given: Conditioning, rows: slice = slice(None), columns: slice = slice(None)
    ) -> Tensor: ...


class Memory:
    """What a program reads and writes while it draws B pictures.

    state (B, W + 2, n): of each pixel of the row, and of one beyond each border. rows (B, W, n), or (1, W, n) if all
    pictures share them; grid (B, reach, W, n); kept (B, n): keys and values. `machine` holds addresses, so it is valid
    only as long as this object lives.
    """

    def __init__(self, program: Program, batch: int, given: Mapping[str, Tensor], *, passes: int) -> None:
        width = program.width
        self.maps = [
            (one, _channels_last(recompute(one.features, given))) for one in program.inputs if one.features is not None
        ]
        self.of_network = [one for one in program.inputs if one.features is None]
        shared = not self.of_network and all(len(features) == 1 for _, features in self.maps)
        self.weights, self.tables = program.weights, program.picture_tables(given)
        self.state = aligned(batch, width + 2, program.state.size)
        self.rows = aligned(1 if shared else batch, width, program.rows.size)
        self.grid = aligned(batch, program.reach, width, program.grid.size)
        self.kept = aligned(batch, program.kept)
        for slot, values, column in program.starts:
            self.state[:, column + 1, slot.start : slot.start + slot.size] = values.detach().numpy()
        for slot, values in program.above:
            self.grid[:, -1, :, slot.start : slot.start + slot.size] = values.detach().numpy()
        self.machine = self._machine(program, passes)

    def begin_row(self, row: int, outputs: Callable[[int], Tensor]) -> None:
        """Compute the inputs of a row that all pictures share, and `outputs` (B, W, n) of a row, by the network."""
        for one in self.of_network:
            self.rows[:, :, one.slot.start : one.slot.start + one.slot.size] = outputs(row).numpy()
        if len(self.rows) == 1:
            fill_rows(self.machine, row, 0, 1)

    def _machine(self, program: Program, passes: int) -> Machine:
        return Machine(
            *program.parts,
            np.array(program.attentions, np.int64).reshape(-1, len(Attention._fields)),
            np.array([_map_fields(*one) for one in self.maps], np.int64).reshape(-1, 10),
            width=program.width,
            reach=program.reach,
            outputs=program.outputs.start,
            passes=passes,
            weights=self.weights.ctypes.data,
            state=self.state.ctypes.data,
            state_of_pixel=program.state.size,
            rows=self.rows.ctypes.data,
            rows_of_pixel=program.rows.size,
            rows_of_picture=program.rows.size * program.width if len(self.rows) > 1 else 0,
            grid=self.grid.ctypes.data,
            grid_of_pixel=program.grid.size,
            kept=self.kept.ctypes.data,
            kept_of_picture=program.kept,
            tables=self.tables.ctypes.data,
            tables_of_picture=self.tables.shape[1] if len(self.tables) > 1 else 0,
        )


class ProgramDecoder(TrunkDecoder):
    """Decodes with the program of the network's trunk, on a CPU in single precision; its slow twin is the trunk itself,
    which decodes everywhere else."""

    def __init__(self, network: Programmed, given: Conditioning) -> None:
        super().__init__(network.trunk, network.vote, network.readout, given, unit=network.unit)
        self.network = network
        self._program: Program | None = None
        self._memory: Memory | None = None
        self._reached: int | None = None  # the first column of the last begun row that is not computed
        self._begins = False
        on_cpu = given.allowed if given.map.device.type == "cpu" else None  # the trunk needs none
        self._allowed = None if on_cpu is None else on_cpu.contiguous().numpy()

    def row_kernel(self) -> RowKernel | None:
        if self.given.map.device.type != "cpu" or self.given.map.dtype != torch.float32:
            return None
        self._program = program_of(self.network, self.given)
        return self._draw

    def prefill(self, x: Tensor, rows: int, pause: Callable[[], None] = lambda: None) -> None:
        if self._program is None:
            super().prefill(x, rows)
            return
        end = x.shape[3] if self._program.is_whole else 0
        for row in range(rows):
            self.begin_row(x, row)
            self._run(x, row, _known(x), (0, end))
            pause()

    def begin_row(self, x: Tensor, row: int) -> None:
        if self._program is None:
            super().begin_row(x, row)
            return
        if self._memory is None:
            passes = self.network.mixture.channels if self.network.unit == "channel" else 1
            self._memory = Memory(self._program, len(x), context_tensors(self.given), passes=passes)
        if self._begins:  # nothing was drawn in the row before
            self._run(x, row - 1, _known(x), (0, 0))
        self._memory.begin_row(row, lambda row: self.trunk_outputs(x, row, slice(0, x.shape[3]))[:, :, 0].mT)
        self._begins = True

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
        given = (t.contiguous().numpy() for t in (mask[:, row], noise[:, :, row], temperature[:, row], line))
        self._run(x, row, (params, *given), (columns.start, columns.stop))
        log_prob[:, :, row] = line

    def _run(self, x: Tensor, row: int, given: tuple[Any, ...], columns: tuple[int, int]) -> None:
        """Draw columns of a row; `given`: params, mask, noise, temperature and log p of the row."""
        assert self._program is not None and self._memory is not None and x.is_contiguous()
        begun = -1
        if self._begins:
            begun = x.shape[3] if self._reached is None or not self._program.is_whole else self._reached
        params, mask, noise, temperature, log_prob = given
        arrays = (mask, noise, temperature, self._allowed_in(row), log_prob)
        run = partial(_draw_row, self._memory, self.network.mixture, params, x.numpy(), row, begun, *arrays, columns)
        share_pictures(run, len(mask))
        self._begins, self._reached = False, columns[1]

    def _allowed_in(self, row: int) -> NDArray[np.bool_]:
        """The levels that pixels of a row may have, (B or 1, K, W or 1); size 0 = all."""
        if self._allowed is None:
            return np.empty((0, 0, 0), np.bool_)
        return np.ascontiguousarray(self._allowed[:, :, min(row, self._allowed.shape[2] - 1)])


def _draw_row(memory: Memory, *given: Any) -> None:
    """Draw a row. Holds the memory, since a thread may still be drawing when an exception, such as that of Ctrl+C, has
    ended the call that waited for it."""
    draw_row(memory.machine, *given)


def _channels_last(features: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(features.permute(0, 2, 3, 1).numpy())


def _map_fields(one: RowInput, features: NDArray[np.float32]) -> tuple[int, ...]:
    """A row of `Machine.maps`."""
    count, height, width, size = features.shape
    by_picture = height * width * size if count > 1 else 0
    shape = (features.ctypes.data, by_picture, size, height, width)
    return (*shape, one.dy, one.step, one.weights, one.slot.size, one.slot.start)


def program_of(network: Programmed, given: Conditioning) -> Program:
    """The program of a network for pictures of the size of `given`, made again when the weights have changed."""
    assert isinstance(network, nn.Module)
    size = given.map.shape[2:]
    version = tuple(_version(one) for one in (*network.parameters(), *network.buffers()))
    with _LOCK:
        if network not in _PROGRAMS or _PROGRAMS[network][0] != version:
            _PROGRAMS[network] = version, {}
        known = _PROGRAMS[network][1]
        program = known.pop(size, None)
        if program is None:
            program = _traced(_on_cpu(network), context_tensors(given))
            program.share_weights(known.values())
        known[size] = program
        if len(known) > KEPT_SIZES:
            known.pop(next(iter(known)))
        return program


def _version(tensor: Tensor) -> tuple[Any, ...]:
    """What changes if a weight changes."""
    address = tensor.data_ptr() if tensor.device.type in ("cpu", "cuda") else 0  # others may have none
    return id(tensor), tensor._version, tensor.device, address


def _on_cpu(network: Programmed) -> Programmed:
    """A copy with the weights on the CPU; the network itself if they are there."""
    assert isinstance(network, nn.Module)
    weights = [one for one in (*network.parameters(), *network.buffers()) if one.device.type != "cpu"]
    copies = {id(one): nn.Parameter(one.detach().cpu(), requires_grad=False) for one in weights}
    return copy.deepcopy(network, copies) if copies else network


def context_tensors(given: Conditioning) -> dict[str, Tensor]:
    """The tensors of an encoded context, with a batch of one if all pictures share it."""
    parts = {"map": given.map} if given.codes is None else {"map": given.map, "codes": given.codes}
    return {name: part if part.stride(0) else part[:1] for name, part in parts.items()}


@torch.no_grad()
def _traced(network: Programmed, given: Mapping[str, Tensor]) -> Program:
    # Values do not matter here, and a program must not keep the map of the first drawing.
    zeros = {name: torch.zeros((), dtype=part.dtype).expand(1, *part.shape[1:]) for name, part in given.items()}
    one = Conditioning(**{name: Deferred.of(part, name) for name, part in zeros.items()})
    recorder = Recorder(*one.map.shape[2:])
    outputs: Any = network.vote(recorder.cut(one.map))
    if network.unit == "row":
        outputs = Traced(recorder, "rows", outputs.size) + outputs
    else:
        trunk: Callable[..., Traced] = network.trunk  # pyright: ignore[reportAssignmentType]
        outputs = trunk(Drawn(recorder), one, recorder) + outputs
    if network.pointer is not None:
        outputs = network.pointer(outputs, one.codes)
    return lower(outputs, recorder)


def _known(x: Tensor) -> tuple[Any, ...]:
    """Arguments to run a row of pictures x (B, C, H, W) without drawing any pixel."""
    batch, channels, _, width = x.shape
    params = SamplingParams(0, 1.0, 1.0, np.ones(1, np.bool_))
    nothing = np.zeros((batch, channels, width))
    return params, np.zeros((batch, width), np.bool_), nothing, np.ones((batch, width)), nothing.copy()
