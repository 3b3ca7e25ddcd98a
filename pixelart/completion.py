"""Masks to pictures: every unmasked pixel is kept bit for bit, and candidates come most probable first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.codec import Codec, Picture
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel
from pixelart.sampling import AUTO, SAMPLERS, Controls, draw_noise, pick_sampler
from pixelart.sampling.loop import OnRow


@dataclass(frozen=True)
class Candidate:
    """A completed picture (H, W, 4), the seed that drew it, and log p of the whole picture in nats."""

    picture: Picture
    seed: int
    log_prob: float


def context_of(
    codec: Codec, picture: Picture, mask: NDArray[np.bool_], class_weights: Tensor, *, count: int
) -> Context:
    """The same context `count` times: class_weights (classes,), picture (H, W, 4), mask (H, W) True = repaint."""
    pixels = codec.encode(picture[None]).to(class_weights.device)
    hidden = torch.from_numpy(np.ascontiguousarray(mask)).to(class_weights.device)[None]
    return Context(
        class_weights.expand(count, -1),
        pixels.expand(count, -1, -1, -1).contiguous(),
        hidden.expand(count, -1, -1).contiguous(),
    )


@torch.no_grad()
def whole_log_prob(model: AutoregressiveModel, x: Tensor, class_weights: Tensor) -> Tensor:
    """log p of whole pictures x (n, C, H, W) in nats, (n,) float64, given the class alone: fit to rank candidates.

    class_weights: (classes,) of all pictures, or (n, classes).
    """
    hidden = torch.ones(len(x), *x.shape[2:], dtype=torch.bool, device=x.device)
    context = Context(class_weights.expand(len(x), -1), x, hidden)
    return model.log_prob(x, context).flatten(1).cpu().double().sum(1)


def complete(
    model: AutoregressiveModel,
    codec: Codec,
    picture: Picture,
    mask: NDArray[np.bool_],
    class_weights: Tensor,
    *,
    count: int,
    seed: int,
    controls: Controls,
    sampler: str = AUTO,
    on_row: OnRow | None = None,
    cancel: Callable[[], bool] | None = None,
) -> list[Candidate]:
    """`count` ways to draw the masked pixels of `picture` (H, W, 4), in order of seed: seed, seed + 1, ...

    The known pixels condition every hidden one, on all sides; colours outside the codec condition by the nearest one
    inside it and are returned as they came. class_weights (classes,) lies on the model's device.
    `sampler`: all draw the same pictures.

    Raises:
        RequestRejected: controls that cannot be used, or no such sampler.
        Cancelled: `cancel` answered True.
    """
    draw = SAMPLERS[pick_sampler(sampler, model, class_weights.device)]
    context = context_of(codec, picture, mask, class_weights, count=count)
    channels, height, width = context.pixels.shape[1:]
    noise = draw_noise(seed, count=count, channels=channels, height=height, width=width)
    x = draw(model, context, controls=controls, noise=noise, on_row=on_row, cancel=cancel).x
    log_prob = whole_log_prob(model, x, class_weights)
    drawn = paste(codec.decode(x), picture, mask)
    return [Candidate(drawn[i], seed + i, float(log_prob[i])) for i in range(count)]


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """A mask (H, W) as the lengths of its runs in raster order: kept, repainted, kept, ...; the first may be 0."""
    edges = np.flatnonzero(np.diff(mask.reshape(-1), prepend=False, append=~mask[-1, -1]))
    return np.diff(edges, prepend=0).tolist()


def paste(drawn: Picture, picture: Picture, mask: NDArray[np.bool_]) -> Picture:
    """`drawn` (n, H, W, 4) where `mask` (H, W) is True, `picture` (H, W, 4) bit for bit elsewhere."""
    return np.where(mask[..., None], drawn, picture)
