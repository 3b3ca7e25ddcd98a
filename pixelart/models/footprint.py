"""How much memory drawing a picture takes, before one is drawn: size x network."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pixelart.layers.context import Context
from pixelart.layers.masked import MaskedConv2d
from pixelart.models.base import AutoregressiveModel

SIDES = (16, 24)
"""Pixels a side of the pictures that a network is measured on; of one for a single width, rows."""
SCRATCH = 1.25
"""What libraries take beside the tensors that are seen, by processes that were measured."""
SQUARES = 4
"""Of attention, the tensors of all pairs of pixels that are there at once."""


class _Growth(NamedTuple):
    """Bytes: of a picture without pixels, for each pixel, for each pair of pixels, and for each that drawing keeps."""

    fixed: float
    pixel: float
    pair: float
    kept: float


_known: weakref.WeakKeyDictionary[AutoregressiveModel, _Growth] = weakref.WeakKeyDictionary()


def bytes_of_drawing(model: AutoregressiveModel, height: int, width: int) -> int:
    """About how many bytes the tensors of one picture (height, width) take at once, beside the weights, while it is
    drawn and its log p is computed. The network is measured on small pictures, once."""
    if model not in _known:
        _known[model] = _measured(model)
    growth, pixels = _known[model], height * width
    judging = growth.fixed + growth.pixel * pixels + SQUARES * growth.pair * pixels**2
    return int(SCRATCH * (judging + 2 * growth.kept * pixels))  # the rows that are known are taken in, and put together


@torch.no_grad()
def _measured(model: AutoregressiveModel) -> _Growth:
    last, peaks = model.stages()[-1], []
    for side in SIDES:
        height, width = side, side if last.any_size else last.config.width
        x = torch.zeros(1, last.config.channels, height, width, dtype=torch.long, device=_device(model))
        classes = torch.zeros(1, last.config.num_classes, device=x.device)
        with _Peak() as peak:
            model.log_prob(x, Context(classes, x, torch.ones_like(x[:, 0], dtype=torch.bool)))
        peaks.append((height * width, peak.most, peak.largest))
    (few, least, small), (many, most, large) = peaks
    pixel = (most - least) / (many - few)
    # Only a tensor of pairs of pixels grows faster than they do.
    pair = large / many**2 if large / small > 1.5 * many / few else 0.0
    # Of every row drawing keeps the map of the context, and what the masked convolutions are given.
    kept = sum(_inputs(layer) for layer in last.modules()) + 4 * last.config.context.hidden
    return _Growth(max(0.0, most - pixel * many), pixel, pair, kept)


def _device(model: AutoregressiveModel) -> torch.device:
    return next(model.parameters()).device


def _inputs(layer: Any) -> int:
    """Bytes a pixel of what a layer is given, where drawing keeps it."""
    return 4 * layer.weight.shape[1] if isinstance(layer, MaskedConv2d) and layer.weight[0, 0].numel() > 1 else 0


class _Peak(TorchDispatchMode):
    """The most bytes of all tensors that were there at once, and of a single one."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self.largest = 0
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}

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
