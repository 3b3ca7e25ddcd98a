"""Estimate the memory that drawing a picture takes, before drawing it."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pixelart.layers.context import Conditioning, Context
from pixelart.layers.program_decoder import program_of
from pixelart.models.base import AutoregressiveModel, RasterModel

SIDES = (16, 24)
"""Side lengths of the square pictures that a network is measured on. Fixed-width networks vary the rows."""
TRACED_SIDE = 64
"""Largest side at which a network is traced, so that asking about a huge picture takes little memory itself."""
SCRATCH_FACTOR = 1.4
"""Factor for memory that libraries use besides the visible tensors, from measured processes."""
SQUARES = 4
"""Number of tensors over pairs of pixels that attention holds at once."""


class _Growth(NamedTuple):
    """Bytes of scoring: constant per picture, per pixel, per pair of pixels; and of drawing: per column, per pixel."""

    fixed: float
    pixel: float
    pair: float
    drawn_column: float
    drawn_pixel: float


_known: weakref.WeakKeyDictionary[AutoregressiveModel, _Growth] = weakref.WeakKeyDictionary()


def bytes_of_drawing(model: AutoregressiveModel, height: int, width: int) -> int:
    """Approximate peak bytes, besides the weights, while a model on the CPU draws one picture (height, width) and then
    scores it.

    Scoring is measured once, on small pictures; drawing takes what the pixel programs declare.
    """
    if model not in _known:
        _known[model] = _measured(model)
    growth, pixels = _known[model], height * width
    scoring = growth.fixed + growth.pixel * pixels + SQUARES * growth.pair * pixels**2
    drawing = growth.drawn_column * width + growth.drawn_pixel * pixels
    return int(SCRATCH_FACTOR * (scoring + drawing))  # what drawing frees is not always used again


def bytes_around_windows(model: AutoregressiveModel, height: int, width: int) -> int:
    """Bytes of a picture (height, width) that is drawn in windows, besides those of a window: levels as int64, before
    and while they are drawn and for previews; noise as float64, while it is made twice; and three pictures to show."""
    levels, noise = 3 * 8 * model.config.channels, 2 * 8 * model.noise_channels
    return height * width * (levels + noise + 3 * 4)


def bytes_while_drawn(network: RasterModel) -> tuple[float, float]:
    """Bytes per column and per pixel that a picture takes while the network's program draws it."""
    config, context = network.config, network.config.context
    height, width = min(config.height, TRACED_SIDE), min(config.width, TRACED_SIDE)
    features = torch.zeros(()).expand(1, context.hidden, height, width)
    codes = torch.zeros(1, context.colours or config.levels, context.codes) if context.codes else None
    program = program_of(network, Conditioning(features, codes))
    column = program.state.size + program.reach * program.grid.size + program.rows.size
    maps = [one.features.shape[1] / one.step**2 for one in program.inputs if one.features is not None]
    pixel = program.kept / (height * width) + sum(maps) + context.hidden
    return 4 * column, 4 * pixel


@torch.no_grad()
def _measured(model: AutoregressiveModel) -> _Growth:
    last, peaks = model.stages()[-1], []
    for side in SIDES:
        height, width = side, side if last.any_size else last.config.width
        x = torch.zeros(1, last.config.channels, height, width, dtype=torch.long, device=_device(model))
        classes = torch.zeros(1, last.config.num_classes, device=x.device)
        with Peak() as peak:
            model.log_prob(x, Context(classes, x, torch.ones_like(x[:, 0], dtype=torch.bool)))
        peaks.append((height * width, peak.most, peak.largest))
    (few, least, small), (many, most, large) = peaks
    pixel = (most - least) / (many - few)
    # Only tensors over pairs of pixels grow faster than linearly.
    pair = large / many**2 if large / small > 1.5 * many / few else 0.0
    drawn = [bytes_while_drawn(network) for network in model.stages()]  # one after another
    return _Growth(max(0.0, most - pixel * many), pixel, pair, *map(max, zip(*drawn, strict=True)))


def _device(model: AutoregressiveModel) -> torch.device:
    return next(model.parameters()).device


class Peak(TorchDispatchMode):
    """Records the peak bytes of all live tensors, and the largest single tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self.largest = 0
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """PyTorch would import its compiler to leave this class out of compiled code, which takes more than a second,
        but nothing is compiled while it measures."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self._live[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
                self.largest = max(self.largest, storage.nbytes())
        self._live = {key: (ref, size) for key, (ref, size) in self._live.items() if not ref.expired()}
        self.most = max(self.most, sum(size for _, size in self._live.values()))
        return made
