"""Complete a masked picture or enlarge a small one. Known pixels are kept bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.engine.windows import Window, watch_window, whole_window
from pixelart.errors import RequestRejected
from pixelart.images.codec import Codec, EachPalette, Indexed, Paletted, Picture
from pixelart.images.kept_kinds import KindOf, allowed_by_kind
from pixelart.layers.context import Context
from pixelart.layers.interruption import cancel_between_layers
from pixelart.models import AutoregressiveModel, RasterModel
from pixelart.sampling import AUTO, SAMPLERS, Controls, draw_noise, pick_sampler
from pixelart.sampling.loop import OnRows


@dataclass(frozen=True)
class Candidate:
    """A drawn picture (H, W, 4), its seed, and the log p in nats that ranks it: of the whole picture, or, for an
    enlarged picture, of the added pixels given the others."""

    picture: Picture
    seed: int
    log_prob: float


def context_of(
    codec: Codec, picture: Picture, mask: NDArray[np.bool_], class_weights: Tensor, *, count: int
) -> Context:
    """One context repeated `count` times: picture (H, W, 4), mask (H, W) True = repaint. class_weights: (labels,), or
    one row for each."""
    pixels = codec.encode(picture[None]).to(class_weights.device)
    hidden = torch.from_numpy(np.ascontiguousarray(mask)).to(class_weights.device)[None]
    return Context(
        class_weights.expand(count, -1),
        pixels.expand(count, -1, -1, -1).contiguous(),
        hidden.expand(count, -1, -1).contiguous(),
        palette=palette_of(codec, class_weights.device, count=count),
    )


def palette_of(codec: Codec, device: torch.device, *, count: int) -> Tensor | None:
    """The codec's palette repeated `count` times, (count, K, 4); None if the palette is not an input of the network."""
    if not isinstance(codec, Paletted | EachPalette):
        return None
    return codec.palette().to(device).expand(count, -1, -1)


@torch.no_grad()
def whole_log_prob(
    model: AutoregressiveModel,
    x: Tensor,
    class_weights: Tensor,
    palette: Tensor | None = None,
    *,
    cancel: Callable[[], bool] | None = None,
) -> Tensor:
    """log p of whole pictures x (n, C, H, W) in nats, (n,) float64, given the class alone. Ranks candidates.

    class_weights: (labels,) shared by all pictures, or (n, labels). palette: (n, K, 4) if the palette is an input.

    Raises:
        RequestRejected: the probabilities are not finite.
        Cancelled: `cancel`, checked between layers, returned True.
    """
    hidden = torch.ones(len(x), *x.shape[2:], dtype=torch.bool, device=x.device)
    context = Context(class_weights.expand(len(x), -1), x, hidden, palette=palette)
    with cancel_between_layers(model, cancel):
        log_prob = model.log_prob(x, context)
    return finite(log_prob.flatten(1).cpu().double().sum(1))


def finite(values: Tensor) -> Tensor:
    """Return `values` unchanged. Raises RequestRejected if one is NaN or infinite, since it could not be ranked."""
    if not bool(torch.isfinite(values).all()):
        raise RequestRejected("the model's probabilities are not finite: its weights are damaged")
    return values


def complete_picture(
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
    on_row: OnRows | None = None,
    cancel: Callable[[], bool] | None = None,
    kept: KindOf | None = None,
    windows: Sequence[Window] = (),
) -> list[Candidate]:
    """Draw the masked pixels of `picture` (H, W, 4) `count` times, with seeds seed, seed + 1, ..., in this order.

    Known pixels on all sides condition every masked pixel. A known colour outside the codec conditions through its
    nearest codec colour and is returned unchanged. class_weights, (labels,) or one row per picture, must be on the
    model's device. `codec` may hold one palette per picture. `kept`: what masked pixels keep of their colour, see
    `images.kept_kinds`.
    `windows`: of a picture larger than the model draws, see `plan_windows`; the log p is then the sum over the windows.
    The result does not depend on `sampler`.

    Raises:
        RequestRejected: invalid controls, or an unknown sampler.
        Cancelled: `cancel` returned True.
    """
    draw = SAMPLERS[pick_sampler(sampler, model, class_weights.device)]
    whole = context_of(codec, picture, mask, class_weights, count=count)
    x, hidden, (height, width) = whole.pixels.clone(), whole.mask.clone(), mask.shape
    controls.check(height=height, width=width, levels=model.likelihood.levels)
    noise = draw_noise(seed, count=count, channels=model.noise_channels, height=height, width=width)
    windows = windows or [whole_window(height, width)]
    for number, window in enumerate(windows):
        rows, columns = window.seen
        context = replace(whole, pixels=x[..., rows, columns].clone(), mask=hidden[..., rows, columns].clone())
        if kept and isinstance(codec, Indexed | EachPalette):
            allowed = allowed_by_kind(codec, picture[window.seen], kept, count=count, allowed=controls.allowed)
            context = replace(context, allowed=allowed.to(class_weights.device))
        own_noise, own_controls = noise[..., rows, columns].contiguous(), controls.cropped(rows, columns)
        watch = on_row and watch_window(on_row, x, windows, number)
        drawn = draw(model, context, controls=own_controls, noise=own_noise, on_row=watch, cancel=cancel).x
        (kept_rows, kept_columns), (inside_rows, inside_columns) = window.kept, window.kept_inside
        x[..., kept_rows, kept_columns] = drawn[..., inside_rows, inside_columns]
        hidden[..., kept_rows, kept_columns] = False
    log_prob = torch.zeros(count, dtype=torch.float64)
    for rows, columns in (window.seen for window in windows):
        log_prob += whole_log_prob(model, x[..., rows, columns], class_weights, whole.palette, cancel=cancel)
    pictures = paste(codec.decode(x), picture, mask)
    return [Candidate(pictures[i], seed + i, float(log_prob[i])) for i in range(count)]


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Run lengths of a mask (H, W) in raster order: kept, repainted, kept, ...; the first may be 0."""
    edges = np.flatnonzero(np.diff(mask.reshape(-1), prepend=False, append=~mask[-1, -1]))
    return np.diff(edges, prepend=0).tolist()


def mask_of_runs(lengths: Any, height: int, width: int) -> NDArray[np.bool_] | None:
    """The mask (height, width) that has these run lengths; None if it has not, or they are something else."""
    pixels = height * width
    if not isinstance(lengths, list) or len(lengths) > pixels + 1:
        return None
    if not all(type(length) is int and 0 <= length <= pixels for length in lengths) or sum(lengths) != pixels:
        return None
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(height, width)


def added_pixels(height: int, width: int, *, factor: int) -> NDArray[np.bool_]:
    """Mask (height, width) of the pixels that enlarging adds: all but every `factor`-th row and column."""
    mask = np.ones((height, width), np.bool_)
    mask[::factor, ::factor] = False
    return mask


def enlarge_picture(
    model: AutoregressiveModel,
    codec: Codec,
    picture: Picture,
    class_weights: Tensor,
    *,
    factor: int,
    count: int,
    seed: int,
    controls: Controls,
    sampler: str = AUTO,
    on_row: OnRows | None = None,
    cancel: Callable[[], bool] | None = None,
) -> list[Candidate]:
    """Enlarge `picture` (h, w, 4) to (factor * h, factor * w, 4) `count` times, in order of seed.

    `picture` becomes every `factor`-th row and column of the result. `factor` is a power of two; each stage of the
    multi-scale `model` doubles the size. A colour outside the codec conditions through its nearest codec colour and is
    returned unchanged. `on_row` reports the last stage only, which draws three quarters of the pixels. class_weights,
    (labels,) or one row per picture, must be on the model's device.

    Raises:
        RequestRejected: invalid controls, or an unknown sampler.
        Cancelled: `cancel` returned True.
    """
    draw = SAMPLERS[pick_sampler(sampler, model, class_weights.device)]
    small = codec.encode(picture[None]).to(class_weights.device).expand(count, -1, -1, -1)
    channels, height, width = small.shape[1], *(factor * side for side in picture.shape[:2])
    noise = draw_noise(seed, count=count, channels=channels, height=height, width=width)
    controls.check(height=height, width=width, levels=codec.levels)
    log_prob = torch.zeros(count, dtype=torch.float64)
    while (stride := height // small.shape[2]) > 1:
        stride //= 2
        size = (2 * small.shape[2], 2 * small.shape[3])
        blank = Context(
            class_weights.expand(count, -1),
            small.new_zeros(count, channels, *size),
            torch.ones(count, *size, dtype=torch.bool, device=small.device),
        )
        sample = draw(
            step_to(model, *size),
            blank.with_low_res(small),
            controls=controls.subsample(stride),
            noise=noise[..., ::stride, ::stride],
            on_row=on_row if stride == 1 else None,
            cancel=cancel,
        )
        small, log_prob = sample.x, finite(log_prob + sample.log_prob.flatten(1).sum(1).cpu())
    drawn = codec.decode(small)
    drawn[:, ::factor, ::factor] = picture
    return [Candidate(drawn[i], seed + i, float(log_prob[i])) for i in range(count)]


def step_to(model: AutoregressiveModel, height: int, width: int) -> RasterModel:
    """The upscaling network for (height, width): the one trained at the nearest size, measured in octaves.

    Raises:
        RequestRejected: the model is not multi-scale, or its network supports only another size.
    """
    steps = model.stages()[1:]
    if not steps:
        raise RequestRejected("this model does not enlarge: it is not a multi-scale model")

    def octaves(network: RasterModel) -> float:
        return abs(math.log(network.config.height / height)) + abs(math.log(network.config.width / width))

    nearest = min(steps, key=octaves)
    made_for = nearest.config.height, nearest.config.width
    if not nearest.any_size and made_for != (height, width):
        raise RequestRejected(f"this model enlarges only to {made_for[1]} x {made_for[0]}, not to {width} x {height}")
    return nearest


def paste(drawn: Picture, picture: Picture, mask: NDArray[np.bool_]) -> Picture:
    """`drawn` (n, H, W, 4) where `mask` (H, W) is True, and `picture` (H, W, 4) bit for bit elsewhere."""
    return np.where(mask[..., None], drawn, picture)
