"""Incremental decoding with a pixel program: rows are computed and drawn by the interpreter, on a CPU."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
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
from pixelart.layers.kernels import Mixture, SamplingParams
from pixelart.layers.lowering import lower
from pixelart.layers.palette import forbid
from pixelart.layers.program import AFTER_CHOICE, BEFORE_CHOICE, KNOWN_PIXELS, Program
from pixelart.layers.program_memory import Memory
from pixelart.layers.row_kernel import draw_row, run_columns
from pixelart.layers.threads import share_pictures
from pixelart.layers.tracing import Deferred, Drawn, Recorder, Traced

KEPT_SIZES = 4
"""Picture sizes for which the program of a network is kept."""
_PROGRAMS: WeakKeyDictionary[nn.Module, tuple[Any, dict[tuple[torch.Size, torch.dtype], Program]]] = WeakKeyDictionary()
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


class ProgramDecoder(TrunkDecoder):
    """Decodes with the program of the network's trunk, on a CPU in single or double precision; its slow twin is the
    trunk itself, which decodes everywhere else."""

    def __init__(self, network: Programmed, given: Conditioning) -> None:
        super().__init__(network.trunk, network.vote, network.readout, given, unit=network.unit)
        self.network = network
        self._program: Program | None = None
        self._memory: Memory | None = None
        self._reached: int | None = None  # the first column of the last begun row that is not computed
        self._begins = False
        self._open: tuple[int, int] | None = None  # the columns whose parameters were asked for last in the row
        on_cpu = given.allowed if given.map.device.type == "cpu" else None  # the trunk needs none
        self._allowed = None if on_cpu is None else on_cpu.contiguous().numpy()

    def use_program(self) -> bool:
        given = self.given.map
        if given.device.type == "cpu" and given.dtype in (torch.float32, torch.float64):
            self._program = program_of(self.network, self.given)
        return self._program is not None

    def row_kernel(self) -> RowKernel | None:
        return self._draw if self.use_program() else None

    def maps(self, x: Tensor, row: int, columns: slice) -> Tensor:
        if self._program is None:
            return super().maps(x, row, columns)
        here, begun = (columns.start, columns.stop), self._begun(x)
        if self._open not in (None, here):
            self._run_columns(x, row, AFTER_CHOICE, -1, *self._open)
        self._open = here
        self._run_columns(x, row, BEFORE_CHOICE, begun, *here)
        self._begins, self._reached = False, columns.start
        return self._outputs(row, *here)

    def known_row(self, x: Tensor, row: int) -> Tensor:
        if self._program is None:
            return super().known_row(x, row)
        self._run_columns(x, row, KNOWN_PIXELS, self._begun(x), 0, x.shape[3])
        self._begins, self._reached = False, x.shape[3]
        return self._outputs(row, 0, x.shape[3])

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
        self._begins, self._open = True, None

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
        memory = self._memory
        assert memory is not None and x.is_contiguous()
        params, mask, noise, temperature, log_prob = given
        arrays = (mask, noise, temperature, self._allowed_in(row), log_prob)
        given = (self.network.mixture, params, x.numpy(), row, self._begun(x), *arrays, columns)
        share_pictures(lambda low, high: draw_row(memory.machine, *given, low, high), len(mask))
        self._begins, self._reached = False, columns[1]

    def _run_columns(self, x: Tensor, row: int, part: Any, begun: int, first: int, end: int) -> None:
        """Run a part of the program for columns [first, end) of a row."""
        memory = self._memory
        assert memory is not None and x.is_contiguous()
        given = (part, x.numpy(), row, begun, first, end)
        share_pictures(lambda low, high: run_columns(memory.machine, *given, low, high), len(x))

    def _begun(self, x: Tensor) -> int:
        """The argument `begun` of `draw_row`."""
        is_whole = self._program is not None and self._program.is_whole
        reached = self._reached if is_whole and self._reached is not None else x.shape[3]
        return reached if self._begins else -1

    def _outputs(self, row: int, first: int, end: int) -> Tensor:
        """The parameters (B, P, 1, n) of columns [first, end) that the program has computed."""
        assert self._program is not None and self._memory is not None
        start, size = self._program.outputs
        found = torch.tensor(self._memory.state[:, first + 1 : end + 1, start : start + size])
        return forbid(found.mT[:, :, None], self.given.allowed, slice(row, row + 1), slice(first, end))

    def _allowed_in(self, row: int) -> NDArray[np.bool_]:
        """The levels that pixels of a row may have, (B or 1, K, W or 1); size 0 = all."""
        if self._allowed is None:
            return np.empty((0, 0, 0), np.bool_)
        return np.ascontiguousarray(self._allowed[:, :, min(row, self._allowed.shape[2] - 1)])


def program_of(network: Programmed, given: Conditioning) -> Program:
    """The program of a network for the size and type of `given`, made again when the weights have changed."""
    assert isinstance(network, nn.Module)
    key = (given.map.shape[2:], given.map.dtype)
    version = tuple(_version(one) for one in (*network.parameters(), *network.buffers()))
    with _LOCK:
        if network not in _PROGRAMS or _PROGRAMS[network][0] != version:
            _PROGRAMS[network] = version, {}
        known = _PROGRAMS[network][1]
        program = known.pop(key, None)
        if program is None:
            program = _traced(_on_cpu(network), context_tensors(given))
            program.share_weights(known.values())
        known[key] = program
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
    recorder = Recorder(*one.map.shape[2:], dtype=one.map.dtype)
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
