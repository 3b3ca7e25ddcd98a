"""Estimate the memory that drawing a picture takes, before drawing it."""

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
"""Side lengths of the square pictures that a network is measured on. Fixed-width networks vary the rows."""
SCRATCH_FACTOR = 1.25
"""Factor for memory that libraries use besides the visible tensors, from measured processes."""
SQUARES = 4
"""Number of tensors over pairs of pixels that attention holds at once."""


class _Growth(NamedTuple):
    """Bytes: constant per picture, per pixel, per pair of pixels, and per pixel in the decode state."""

    fixed: float
    pixel: float
    pair: float
    kept: float


_known: weakref.WeakKeyDictionary[AutoregressiveModel, _Growth] = weakref.WeakKeyDictionary()


def bytes_of_drawing(model: AutoregressiveModel, height: int, width: int) -> int:
    """Approximate peak bytes of all tensors, besides the weights, while one picture (height, width) is drawn and
    scored.

    The network is measured once, on small pictures.
    """
    if model not in _known:
        _known[model] = _measured(model)
    growth, pixels = _known[model], height * width
    scoring = growth.fixed + growth.pixel * pixels + SQUARES * growth.pair * pixels**2
    return int(SCRATCH_FACTOR * (scoring + 2 * growth.kept * pixels))  # known rows are prefilled in parts, then joined


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
    # For every row the decode state holds the context map and the inputs of the masked convolutions.
    kept = sum(_inputs(layer) for layer in last.modules()) + 4 * last.config.context.hidden
    return _Growth(max(0.0, most - pixel * many), pixel, pair, kept)


def _device(model: AutoregressiveModel) -> torch.device:
    return next(model.parameters()).device


def _inputs(layer: Any) -> int:
    """Bytes per pixel that a layer's input takes in the decode state."""
    return 4 * layer.weight.shape[1] if isinstance(layer, MaskedConv2d) and layer.weight[0, 0].numel() > 1 else 0


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
