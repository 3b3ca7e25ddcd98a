"""Models whose every connection shows, and what each of their outputs depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel, create_model, get_variant
from pixelart.sampling import draw_noise
from tests.models.coverage import SubPixel, seen_by

CLASSES = 3
ROUNDS = 16
"""Sets of weights that a dependence may show in: a ReLU may be dead under one of them."""
Pairs = list[tuple[SubPixel, SubPixel]]
"""(seen, seeing)."""


def depths(name: str) -> tuple[int, ...]:
    """The numbers of channels that a variant is for."""
    return (1,) if get_variant(name).codecs == ("palette",) else (1, 3)


def noise_for(model: AutoregressiveModel, seed: int, *, count: int, shape: tuple[int, int]) -> Tensor:
    """What `count` pictures of a model are drawn by."""
    return draw_noise(seed, count=count, channels=model.noise_channels, height=shape[0], width=shape[1])


def lively_model(
    name: str, *, channels: int, levels: int, shape: tuple[int, int], seed: int = 7, **config: Any
) -> AutoregressiveModel:
    """A debug model whose weights are all random and large enough that every connection shows."""
    height, width = shape
    data = {"channels": channels, "levels": levels, "height": height, "width": width, "num_classes": CLASSES}
    model = create_model(name, preset="debug", **data, **config)
    random = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        inputs = parameter[0].numel() if parameter.ndim > 1 else 1
        size = 0.4 * min(1.0, (24 / inputs) ** 0.5)  # or many layers make logits that rounding shows in
        parameter.requires_grad_(False).copy_(torch.randn(parameter.shape, generator=random) * size)
    return model.eval()


def random_pixels(count: int, channels: int, levels: int, shape: tuple[int, int], *, seed: int = 0) -> Tensor:
    return torch.randint(0, levels, (count, channels, *shape), generator=torch.Generator().manual_seed(seed))


def painted_temperatures(height: int, width: int) -> Tensor:
    """A map float64 (H, W) in which neighbours, in a row and in a column, differ."""
    steps = torch.tensor([0.5, 0.7, 1.0, 1.3, 1.6], dtype=torch.float64)
    return steps[(torch.arange(height)[:, None] + 2 * torch.arange(width)) % len(steps)]


def nothing_known(x: Tensor, class_weights: Tensor | None = None) -> Context:
    weights = torch.zeros(len(x), CLASSES, dtype=torch.get_default_dtype()) if class_weights is None else class_weights
    return Context(weights, x, torch.ones(len(x), *x.shape[2:], dtype=torch.bool))


def leaks_and_gaps(
    name: str,
    *,
    channels: int,
    shape: tuple[int, int],
    training: bool = False,
    change: Callable[[AutoregressiveModel], object] = lambda model: None,
    **config: Any,
) -> tuple[Pairs, Pairs]:
    """(what a variant sees and is not to see, what it is to see and does not), of its debug preset with `config`.

    Each sub-pixel of a picture is changed in turn, and the tables of all are compared. `change` is done to every model
    first.
    """
    order = [(r, q, c) for r in range(shape[0]) for q in range(shape[1]) for c in range(channels)]
    past = torch.tensor([[seen_by(name, one, other) for other in order] for one in order])
    seen = torch.zeros_like(past)  # (input, output), both in drawing order
    for seed in range(ROUNDS):
        model = lively_model(name, channels=channels, levels=4, shape=shape, seed=seed, **config)
        change(model)
        seen |= _dependence(model.double().train(training), order, shape)
        if seed and (seen | ~past).all():
            break
    leaks, gaps = (
        [(order[i], order[j]) for i, j in pairs.nonzero().tolist()] for pairs in (seen & ~past, past & ~seen)
    )
    return leaks, gaps


@torch.no_grad()
def _dependence(model: AutoregressiveModel, order: list[SubPixel], shape: tuple[int, int]) -> Tensor:
    """bool (input, output): which tables of the sub-pixels in `order` move when one of them changes."""
    channels, levels = model.config.channels, model.config.levels
    x = random_pixels(1, channels, levels, shape)
    changed = x.expand(len(order), -1, -1, -1).clone()
    for i, (row, column, channel) in enumerate(order):
        changed[i, channel, row, column] = (changed[i, channel, row, column] + 1) % levels
    every = torch.cat([x, changed])
    maps = model(every, nothing_known(every, torch.zeros(len(every), CLASSES, dtype=torch.float64))).movedim(1, -1)
    tables = [model.likelihood.to_table(maps, every.movedim(1, -1), channel=c) for c in range(channels)]
    # More than rounding, which may differ between the places of a batch.
    moved = [~torch.isclose(t[1:], t[:1], rtol=1e-9, atol=1e-9).all(-1) for t in tables]
    return torch.stack([moved[c][:, r, q] for r, q, c in order], dim=1)
