"""Bits per dimension on held-out pictures, and how much the context lowers the bits in holes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.images.masks import everything, named_hole, seam
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel, scale_of_pixels
from pixelart.progress import OnProgress
from pixelart.training.data.picture_store import EncodedSet


@dataclass(frozen=True)
class HoleBits:
    """Bits per sub-pixel over hidden pixels and over seam pixels, with the context and without it.

    None if the masks have no such pixel.
    """

    hole_bits: float | None
    hole_bits_without_context: float | None
    seam_bits: float | None
    seam_bits_without_context: float | None

    @property
    def seam_ratio(self) -> float | None:
        """The seam's bits with context, divided by those without."""
        if self.seam_bits is None or not self.seam_bits_without_context:
            return None
        return self.seam_bits / self.seam_bits_without_context

    def values(self) -> dict[str, float]:
        """All values that could be measured, by name."""
        named = {**self.__dict__, "seam_ratio": self.seam_ratio}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class HoleSums:
    """Sums behind HoleBits: `nats` float64 (4,) in its order, and `sub_pixels` (2,), the counts of holes and of
    seams."""

    nats: Tensor
    sub_pixels: NDArray[np.int64]

    def __add__(self, other: HoleSums) -> HoleSums:
        return HoleSums(self.nats + other.nats, self.sub_pixels + other.sub_pixels)

    def to_json(self) -> list[list[Any]]:
        """The sums as JSON values, exactly."""
        return [self.nats.tolist(), self.sub_pixels.tolist()]

    @classmethod
    def from_json(cls, values: Any) -> HoleSums:
        """The sums of `to_json`."""
        nats, sub_pixels = values
        return cls(torch.tensor(nats, dtype=torch.float64), np.array(sub_pixels, np.int64))

    def bits(self) -> HoleBits:
        """Bits per sub-pixel."""
        pairs = zip(self.nats.tolist(), self.sub_pixels.repeat(2).tolist(), strict=True)
        return HoleBits(*(nats / (count * math.log(2)) if count else None for nats, count in pairs))


@torch.no_grad()
def nats_per_image(
    model: AutoregressiveModel,
    x: Tensor | EncodedSet,
    class_weights: Tensor,
    *,
    palettes: Tensor | None = None,
    batch_size: int = 16,
    progress: OnProgress | None = None,
) -> Tensor:
    """-log p in nats of each whole picture without known pixels, (N,) on the CPU.

    x (N, C, H, W), class_weights (N, K), palettes (N, K, 4) if they are an input.
    """
    options = {"palettes": palettes, "batch_size": batch_size, "progress": progress}
    return nats_per_stage(model, x, class_weights, **options).sum(1)


@torch.no_grad()
def nats_per_stage(
    model: AutoregressiveModel,
    x: Tensor | EncodedSet,
    class_weights: Tensor,
    *,
    palettes: Tensor | None = None,
    batch_size: int = 16,
    progress: OnProgress | None = None,
) -> Tensor:
    """-log p in nats of the pixels that each stage draws, (N, stages).

    The first stage draws the smallest picture, each further stage is conditioned on the one before.
    """
    stages = model.scales
    scale = scale_of_pixels(stages, height=x.shape[2], width=x.shape[3])
    hidden = torch.from_numpy(everything(*x.shape[2:])).expand(len(x), -1, -1)
    parts = []
    for start in range(0, len(x), batch_size):
        rows = slice(start, start + batch_size)
        part = x[rows].to(class_weights.device)
        context = Context(
            class_weights[rows], part, hidden[rows].to(part.device), palette=_palettes_of(palettes, rows, part.device)
        )
        log_prob = model.log_prob(part, context)
        nats = -log_prob.cpu().double()
        parts.append(torch.stack([nats[..., scale == index].flatten(1).sum(1) for index in range(stages)], dim=1))
        if progress:
            progress(min(start + batch_size, len(x)), len(x))
    return torch.cat(parts)


def _palettes_of(palettes: Tensor | None, rows: slice, device: torch.device) -> Tensor | None:
    return None if palettes is None else palettes[rows].to(device)


def stage_bits(model: AutoregressiveModel, nats: Tensor) -> list[dict[str, Any]]:
    """Bits of the pictures of each stage, from `nats_per_stage` (N, stages).

    bits_per_dim: over all sub-pixels of the stage's picture, as in the Multi-Scale PixelRNN paper; pixels copied from
    the stage before cost nothing. bits_per_drawn: over the other pixels.
    """
    stages, before = [], 0
    for index, stage in enumerate(model.stages()):
        size, channels = (stage.config.width, stage.config.height), stage.config.channels
        pixels, mean = size[0] * size[1], float(nats[:, index].mean()) / (channels * math.log(2))
        stages.append(
            {"size": list(size), "bits_per_dim": mean / pixels, "bits_per_drawn": mean / max(1, pixels - before)}
        )
        before = pixels
    return stages


def bits_per_dim(nats: Tensor, *, dimensions: int) -> float:
    """Mean bits per sub-pixel of pictures of `dimensions` = C*H*W sub-pixels, from nats (N,)."""
    return float(nats.mean()) / (dimensions * math.log(2))


def pooled_bits(nats: Tensor, dimensions: Tensor) -> float:
    """Bits per sub-pixel over pictures of several sizes, from nats (N,) and numbers of sub-pixels (N,)."""
    return float(nats.sum() / dimensions.sum()) / math.log(2)


@torch.no_grad()
def hole_sums(
    model: AutoregressiveModel,
    x: Tensor | EncodedSet,
    class_weights: Tensor,
    *,
    holes: str,
    palettes: Tensor | None = None,
    batch_size: int = 16,
    progress: OnProgress | None = None,
    seed: int = 0,
) -> HoleSums:
    """Nats in the holes `holes` (a name of HOLES) of x (N, C, H, W); picture i gets the brush of `seed` + i.

    With context, a pixel is conditioned on all pixels before it and on all known pixels. "Without context" uses the
    same weights and class, but the encoder sees every pixel as unknown.
    """
    totals, sizes = torch.zeros(4, dtype=torch.float64), np.zeros(2, np.int64)
    for start in range(0, len(x), batch_size):
        rows = slice(start, start + batch_size)
        part = x[rows].to(class_weights.device)
        seeds = range(seed + start, seed + start + len(part))
        masks = torch.from_numpy(np.stack([named_hole(holes, *x.shape[2:], seed=seed) for seed in seeds]))
        context = Context(
            class_weights[rows], part, masks.to(part.device), palette=_palettes_of(palettes, rows, part.device)
        )
        given = [-model.log_prob(part, c).cpu().double().sum(1) for c in (context, context.without_pixels())]
        regions = (masks, seam(masks))
        sizes += [int(region.sum()) for region in regions]
        totals += torch.stack([nll[region].sum() for region in regions for nll in given])
        if progress:
            progress(min(start + batch_size, len(x)), len(x))
    return HoleSums(totals, sizes * x.shape[1])


def hole_bits(model: AutoregressiveModel, x: Tensor | EncodedSet, class_weights: Tensor, **options: Any) -> HoleBits:
    """The bits of `hole_sums`; takes the same arguments."""
    return hole_sums(model, x, class_weights, **options).bits()
