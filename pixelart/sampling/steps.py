"""The steps of incremental decoding on a device, in memory that is the same for all drawings of a shape."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import groupby
from threading import Lock
from typing import Any, TypeVar

import torch
from torch import Tensor

from pixelart.layers.context import Conditioning
from pixelart.layers.device_memory import DeviceMemory
from pixelart.layers.device_program import DeviceProgram, Pixels
from pixelart.layers.incremental import TrunkDecoder
from pixelart.layers.palette import forbid
from pixelart.layers.program import AFTER_CHOICE, BEFORE_CHOICE, FROM_LEFT, KNOWN_PIXELS
from pixelart.layers.program_decoder import context_tensors, program_of
from pixelart.layers.recording import Recordable, RepeatedStep
from pixelart.models import RasterModel
from pixelart.sampling.loop import SamplingState

KEPT_SHAPES = 2
"""Shapes of drawings whose steps are kept for a network."""


class Steps:
    """Draws rows of pictures with the program of a network. Each kind of step is recorded once and then repeated: the
    row and the column are numbers on the device, and pictures, noise and the rest are copied into memory of its own.
    """

    def __init__(self, state: SamplingState, noise: Tensor) -> None:
        model, given = state.model, state.given
        parts = [state.x, noise, state.temperature, state.context.mask]
        x, self.noise, temperature, mask = (part.clone(memory_format=torch.contiguous_format) for part in parts)
        self.allowed = None if given.allowed is None else given.allowed.clone()
        own = {"x": x, "temperature": temperature, "log_prob": state.log_prob.clone()}
        # A proxy, because what is kept for a network must not keep the network.
        self.state = replace(state, **own, model=weakref.proxy(model), context=replace(state.context, mask=mask))
        self.memory = DeviceMemory(program_of(model, given), len(x), context_tensors(given))
        self.device = DeviceProgram(self.memory, x, model.mixture.levels)
        self.column = torch.zeros(1, dtype=torch.int64, device=x.device)
        self.by_row, self.passes = model.unit == "row", x.shape[1] if model.unit == "channel" else 1
        self._repeated: dict[tuple[Any, ...], RepeatedStep] = {}
        self._begin(model, given)

    def load(self, state: SamplingState, noise: Tensor) -> None:
        """Begin another drawing of the same `shape_of`."""
        pairs = [(self.state.x, state.x), (self.state.log_prob, state.log_prob), (self.noise, noise)]
        pairs += [(self.state.temperature, state.temperature), (self.state.context.mask, state.context.mask)]
        if self.allowed is not None and state.given.allowed is not None:
            pairs.append((self.allowed, state.given.allowed))
        for own, new in pairs:
            own.copy_(new)
        self.state.masked = state.masked
        self.memory.load(context_tensors(state.given))
        self._begin(state.model, state.given)

    def _begin(self, model: RasterModel, given: Conditioning) -> None:
        self._reached: int | None = None  # the first column of the last begun row that is not computed
        self._outputs: Callable[[int], Tensor] | None = None
        if self.by_row:
            trunk, width = TrunkDecoder(model.trunk, model.vote, model.readout, given, unit="row"), self.width
            self._outputs = lambda row: trunk.trunk_outputs(self.state.x, row, slice(0, width))[:, :, 0].mT

    def release(self) -> None:
        """Forget the network."""
        self._outputs = None

    @property
    def width(self) -> int:
        """Columns of the pictures."""
        return self.state.x.shape[3]

    def begin_row(self, row: int) -> None:
        """Compute what depends only on the rows above. Rows come in order, the first one first."""
        if row and self._reached is not None and self.memory.program.is_whole:
            self._known(row - 1, self._reached, self.width)
        self.device.row.fill_(row)
        if self._outputs is not None:
            self.memory.put_rows(self._outputs(row))
        alike = self.device.row_alike(row)
        self._repeat(("begin", alike), partial(self.device.begin_row, alike))
        self._reached = 0

    def _known(self, row: int, start: int, stop: int) -> None:
        """Compute known pixels of the begun row, or of the one before."""
        self.device.row.fill_(row)
        if any(entry.order == FROM_LEFT and entry.looped for entry in self.memory.program.operations):
            for column in self._columns(start, stop):
                alike = self.device.alike(row, column)
                self._repeat(("known", *alike), partial(self._known_pixel, *alike))
        else:
            self.device.run_part(int(KNOWN_PIXELS), self.device.span(row, start, stop))

    def draw(self, row: int, columns: slice, drawn: Sequence[int]) -> None:
        """Draw columns of the begun row, of which the `drawn` ones are masked in any picture."""
        if self.by_row:
            self._repeat(("row",), self._draw_whole_row)
        else:
            for is_drawn, some in groupby(range(columns.start, columns.stop), key=drawn.__contains__):
                if is_drawn:
                    self._draw_columns(row, list(some))
                else:
                    known = list(some)
                    self._known(row, known[0], known[-1] + 1)
        self._reached = columns.stop

    def _draw_columns(self, row: int, columns: Sequence[int]) -> None:
        for column in self._columns(columns[0], columns[-1] + 1):
            alike = self.device.alike(row, column)
            self._repeat(("draw", *alike), partial(self._draw_pixel, *alike))

    def _columns(self, start: int, stop: int) -> Iterator[int]:
        """The columns, for steps that move to the next one on the device."""
        self.column.fill_(start)
        yield from range(start, stop)

    def _repeat(self, kind: tuple[Any, ...], step: Recordable) -> None:
        if kind not in self._repeated:
            self._repeated[kind] = RepeatedStep(step, self.column.device)
        self._repeated[kind]()

    def _draw_pixel(self, row: int, column: int) -> None:
        pixel = self.device.pixel(self.column, row, column)
        self._choose(pixel)
        self.device.run_part(int(AFTER_CHOICE), pixel)
        self._leave(pixel)

    def _known_pixel(self, row: int, column: int) -> None:
        pixel = self.device.pixel(self.column, row, column)
        self.device.run_part(int(KNOWN_PIXELS), pixel)
        self._leave(pixel)

    def _leave(self, pixel: Pixels) -> None:
        self.device.put_back(pixel)
        self.column.add_(1)

    def _draw_whole_row(self) -> None:
        self._choose(self.device.span(0, 0, self.width))

    def _choose(self, pixels: Pixels) -> None:
        """Compute what pixels are drawn from, and draw them."""
        rows, columns = self.device.row[:, None], pixels.columns[None]
        for channel in range(self.state.x.shape[1]):
            if channel < self.passes:
                self.device.run_part(int(BEFORE_CHOICE), pixels)
            maps = forbid(self.device.outputs(pixels).mT[:, :, None], self.allowed, rows, columns)
            self.state.draw(maps, self.noise, channel=channel, rows=rows, columns=columns)


def shape_of(state: SamplingState) -> tuple[Any, ...]:
    """What must be equal for two drawings to have the same steps: sizes, and numbers that are parts of the steps."""
    given, params = state.given, state.params
    parts = [*context_tensors(given).values(), *([] if given.allowed is None else [given.allowed])]
    numbers = (params.top_k, params.top_p, params.guidance, params.allowed.tobytes(), state.is_tempered)
    return state.x.shape, len(state.log_prob), state.x.device, *(part.shape for part in parts), numbers


_Kind = TypeVar("_Kind", bound=Steps)
_KEPT: weakref.WeakKeyDictionary[RasterModel, list[tuple[tuple[Any, ...], Steps]]] = weakref.WeakKeyDictionary()
_LOCK = Lock()


@contextmanager
def steps_for(kind: type[_Kind], state: SamplingState, noise: Tensor) -> Iterator[_Kind]:
    """The steps of a drawing: those of an earlier one if it had the same shape and nothing else uses them."""
    model = state.model
    program, key = program_of(model, state.given), (kind, *shape_of(state))
    with _LOCK:
        kept = _KEPT.setdefault(model, [])
        found = [one for one in kept if one[0] == key and one[1].memory.program is program]
        if found:
            kept.remove(found[0])
    if found:
        steps: Any = found[0][1]
        steps.load(state, noise)
    else:
        steps = kind(state, noise)
    try:
        yield steps
    finally:
        steps.release()
        with _LOCK:
            kept.append((key, steps))
            del kept[:-KEPT_SHAPES]
