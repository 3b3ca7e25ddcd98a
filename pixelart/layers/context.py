"""Conditioning on class, known pixels and a low-resolution picture: an encoder makes a map that biases every layer.

The encoder need not be causal, because it sees only known pixels (spatial conditioning of Gated PixelCNN, 1606.05328
section 2.3, and of Multi-Scale PixelRNN, 1601.06759 section 3.6). Its map enters each layer by a 1x1 convolution, is
added to the skip sum, and enters the logits through the context head. Networks tend to ignore conditioning, so the
context head alone is also trained to predict the masked pixels (the conditioning network's own loss of Pixel Recursive
Super Resolution, 1702.00783 section 3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.colours import ColourEmbedding
from pixelart.layers.palette import PaletteEmbedding, PaletteEncoder, grey_ramp, is_used
from pixelart.layers.resizable import resizable


@dataclass(frozen=True)
class Context:
    """What B pictures are conditioned on.

    class_weights: (B, classes), a blend of classes; a row of zeros = any class.
    pixels: int64 (B, C, H, W); read only where `mask` is False.
    mask: bool (B, H, W), True = repaint (unknown).
    small: int64 (B, C, h, w), the low-resolution picture to enlarge, or None.
    fine, fine_mask: pixels and mask of the full-size picture if this one is a subsample of it, or None. They give the
        known pixels in between.
    palette: float (B, K, 4), the colour of each level: Oklab, and opacity (1, or 0 for the transparent colour, below 0
        for an unused slot); None = the levels have the fixed meaning the network was trained with.
    allowed: bool (B, K, 1, 1) or, per pixel, (B, K, H, W), the levels that may be drawn; None = all.
    beside: int64 (B, 1, H, W), another view of the pictures, or None. A network that colours a sketch gets the whole
        sketch; one that draws the sketch gets the known colours, with K where unknown.
    mirrored: bool (B,), which pictures are flipped left-right, or None. Set in training (Distribution Augmentation, Jun
        et al. 2020, ICML: the augmentation is a condition), so mirror images help training but are never drawn.
    """

    class_weights: Tensor
    pixels: Tensor
    mask: Tensor
    small: Tensor | None = None
    fine: Tensor | None = None
    fine_mask: Tensor | None = None
    palette: Tensor | None = None
    allowed: Tensor | None = None
    beside: Tensor | None = None
    mirrored: Tensor | None = None

    def without_class(self) -> Context:
        """The context without its class (any class)."""
        return replace(self, class_weights=torch.zeros_like(self.class_weights))

    def without_pixels(self) -> Context:
        """The context with every pixel unknown."""
        fine_mask = None if self.fine_mask is None else torch.ones_like(self.fine_mask)
        return replace(self, mask=torch.ones_like(self.mask), fine_mask=fine_mask)

    def used(self) -> Tensor | None:
        """`allowed`, minus unused palette slots; None = all levels."""
        if self.palette is None:
            return self.allowed
        used = is_used(self.palette)[:, :, None, None]
        return used if self.allowed is None else used & self.allowed

    def subsample(self, factor: int) -> Context:
        """Every `factor`-th row and column of the context; known pixels in between go to `fine`."""
        if factor == 1:
            return self
        pixels, mask = self.pixels[..., ::factor, ::factor], self.mask[:, ::factor, ::factor]
        allowed = self.allowed
        if allowed is not None and allowed.shape[2:] != (1, 1):
            allowed = allowed[..., ::factor, ::factor]
        return replace(self, pixels=pixels, mask=mask, fine=self.pixels, fine_mask=self.mask, allowed=allowed)

    def with_low_res(self, small: Tensor) -> Context:
        """The context with the pixels of `small` (B, C, h, w) known at every second row and column, and as `small`."""
        pixels, mask = self.pixels.clone(), self.mask.clone()
        pixels[..., ::2, ::2], mask[:, ::2, ::2] = small, False
        return replace(self, pixels=pixels, mask=mask, small=small)

    def to(self, device: torch.device) -> Context:
        """The context on `device`."""
        return self._each(lambda part: part.to(device))

    def select(self, pictures: slice | Tensor) -> Context:
        """The context of some of the pictures, by slice or indices."""
        return self._each(lambda part: part[pictures])

    def repeat(self, count: int) -> Context:
        """The context of one picture, repeated `count` times."""
        return self._each(lambda part: part.expand(count, *part.shape[1:]))

    def is_shared(self) -> bool:
        """Whether all pictures have the same context."""
        return all(bool((part == part[:1]).all()) for part in vars(self).values() if part is not None)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Context:
        given = {name: part for name, part in vars(self).items() if part is not None}
        return replace(self, **{name: change(part) for name, part in given.items()})


@dataclass(frozen=True)
class Conditioning:
    """An encoded context: all that a network needs to decode B pictures.

    map: (B, F, H, W), which biases every layer.
    codes: (B, K, M), one per palette colour, or None.
    allowed: bool (B, K, H, W) or (B, K, 1, 1), the levels that a pixel may have; None = all.
    """

    map: Tensor
    codes: Tensor | None = None
    allowed: Tensor | None = None

    def select(self, pictures: slice | Tensor) -> Conditioning:
        """The conditioning of some of the pictures, by slice or indices."""
        return self._each(lambda part: part[pictures])

    def expand(self, count: int) -> Conditioning:
        """The conditioning of one picture, expanded to `count` without copying."""
        return self._each(lambda part: part.expand(count, *part.shape[1:]))

    @classmethod
    def cat(cls, parts: Sequence[Conditioning]) -> Conditioning:
        """Concatenate along the batch."""
        names = [name for name, part in vars(parts[0]).items() if part is not None]
        return cls(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})

    def _each(self, change: Callable[[Tensor], Tensor]) -> Conditioning:
        return Conditioning(**{name: change(part) for name, part in vars(self).items() if part is not None})


@dataclass(frozen=True)
class ContextConfig:
    """Sizes of a `ContextEncoder`.

    hidden: features. dilations: one gated 3x3 block for each. upscale: size / low-resolution size, 0 = none.
    detail: full size / size, 0 = none. codes: features per palette colour, 0 = a fixed palette.
    sketch, colours: number of levels of the other view, `Context.beside`; 0 = none.
    """

    hidden: int = 96
    embedding: int = 16
    dilations: tuple[int, ...] = (1, 2, 1, 4, 1, 2)
    upscale: int = 0
    detail: int = 0
    codes: int = 0
    sketch: int = 0
    colours: int = 0


SMALL_CONTEXT = ContextConfig(hidden=64, dilations=(1, 2, 1, 4))
"""A third of the weights, for models with a costlier trunk or with several networks."""


class ContextBlock(nn.Module):
    """x + 1x1(tanh(a) * sigmoid(b)), (a, b) = dilated 3x3(x) + a class bias; not causal."""

    def __init__(self, hidden: int, dilation: int, labels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(hidden, 2 * hidden, 3, padding=dilation, dilation=dilation)
        self.class_bias = resizable(nn.Linear(labels, 2 * hidden, bias=False), "class", axis=1)
        self.out = nn.Conv2d(hidden, hidden, 1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        a, b = (self.conv(x) + self.class_bias(labels)[:, :, None, None]).chunk(2, dim=1)
        return x + self.out(torch.tanh(a) * torch.sigmoid(b))


class ContextEncoder(nn.Module):
    """(class weights, known pixels, mask, low-resolution picture, position) -> map (B, hidden, H, W)."""

    def __init__(self, config: ContextConfig, *, channels: int, levels: int, num_classes: int) -> None:
        super().__init__()
        self.config, self.channels, self.levels = config, channels, levels
        self.palette = PaletteEncoder(config.codes) if config.codes else None
        self.palette_bias = nn.Linear(config.codes, config.hidden, bias=False) if config.codes else None
        of_palette = config.codes and not config.colours
        self.colours = (  # the last level means unknown
            PaletteEmbedding(config.codes, config.embedding, unknown=True)
            if of_palette
            else ColourEmbedding(channels, levels + 1, config.embedding)
        )
        self.beside: nn.Module | None = None
        if config.sketch:
            self.beside = ColourEmbedding(1, config.sketch, config.embedding)
        elif config.colours:
            self.beside = PaletteEmbedding(config.codes, config.embedding, unknown=True)
        inputs = channels * config.embedding * (2 if config.upscale else 1) + 1 + 4
        inputs += 0 if self.beside is None else config.embedding
        self.stem = nn.Conv2d(inputs, config.hidden, 5, padding=2)
        cells = channels * config.embedding * config.detail**2
        self.detail = nn.Conv2d(cells, config.hidden, 1, bias=False) if config.detail else None
        labels = num_classes + 1  # the last one means mirrored
        self.class_bias = resizable(nn.Linear(labels, config.hidden, bias=False), "class", axis=1)
        self.blocks = nn.ModuleList(ContextBlock(config.hidden, d, labels) for d in config.dilations)

    def forward(self, context: Context) -> Conditioning:
        palette = self._palette(context)
        codes = self.palette(palette) if self.palette is not None and palette is not None else None
        known = torch.where(context.mask[:, None], self.levels, context.pixels)
        dtype = self.stem.weight.dtype
        parts = [self.colours(known, codes), context.mask[:, None].to(dtype), self._position(context.mask)]
        if self.config.upscale:
            parts.insert(1, self.colours(self._enlarged(context), codes))
        if self.beside is not None:
            assert context.beside is not None, "this network needs another view of the picture"
            parts.append(self.beside(context.beside, codes))
        labels = self._labels(context)
        x = self.stem(torch.cat(parts, dim=1)) + self.class_bias(labels)[:, :, None, None]
        if self.palette_bias is not None and codes is not None and palette is not None:
            x = x + self.palette_bias(mean_code(codes, palette))[:, :, None, None]
        if self.detail is not None:
            x = x + self.detail(F.pixel_unshuffle(self.colours(self._fine(context), codes), self.config.detail))
        for block in self.blocks:
            x = block(x, labels)
        return Conditioning(x, codes)

    def _palette(self, context: Context) -> Tensor | None:
        """The palettes (B, K, 4); a grey ramp if none is given."""
        if self.palette is None or context.palette is not None:
            return context.palette
        return grey_ramp(self.config.colours or self.levels).to(context.mask.device).expand(len(context.mask), -1, -1)

    def _labels(self, context: Context) -> Tensor:  # (B, classes + 1)
        weights = context.class_weights
        mirrored = weights.new_zeros(len(weights)) if context.mirrored is None else context.mirrored.to(weights.dtype)
        return torch.cat([weights, mirrored[:, None]], dim=1)

    def _enlarged(self, context: Context) -> Tensor:
        batch, height, width = context.mask.shape
        if context.small is None:
            return torch.full((batch, self.channels, height, width), self.levels, device=context.mask.device)
        factor = self.config.upscale
        large = context.small.repeat_interleave(factor, -2).repeat_interleave(factor, -1)
        return large[..., :height, :width]  # for an odd side the low-resolution picture is rounded up

    def _fine(self, context: Context) -> Tensor:
        """Known pixels at full size, (B, C, f * H, f * W); the last level where unknown or outside."""
        (batch, height, width), factor = context.mask.shape, self.config.detail
        shape = (batch, self.channels, factor * height, factor * width)
        cells = torch.full(shape, self.levels, device=context.mask.device)
        if context.fine is not None and context.fine_mask is not None:
            rows, columns = context.fine.shape[2:]
            cells[..., :rows, :columns] = torch.where(context.fine_mask[:, None], self.levels, context.fine)
        return cells

    def _position(self, mask: Tensor) -> Tensor:
        """Row and column in -1..1 and their squares, (B, 4, H, W), to tell borders from the centre."""
        batch, height, width = mask.shape
        dtype = self.stem.weight.dtype
        rows = torch.linspace(-1, 1, height, device=mask.device, dtype=dtype)[:, None].expand(height, width)
        columns = torch.linspace(-1, 1, width, device=mask.device, dtype=dtype).expand(height, width)
        return torch.stack([rows, columns, rows**2, columns**2]).expand(batch, 4, height, width)


def mean_code(codes: Tensor, palette: Tensor) -> Tensor:
    """(B, M): the mean code (B, K, M) over the used colours of palettes (B, K, 4)."""
    used = is_used(palette)[..., None].to(codes.dtype)
    return (codes * used).sum(1) / used.sum(1).clamp(min=1)
