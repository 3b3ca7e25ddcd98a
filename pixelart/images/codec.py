"""Codecs: pictures to integers and back, exactly.

A picture is uint8 RGBA of shape (H, W, 4). A codec turns a batch of pictures into int64 indices (B, C, H, W) in
0..levels-1 and back; labels are never floats. Alpha is thresholded at `ALPHA_THRESHOLD`: a pixel is either opaque or
transparent, as in pixel art, GIF and indexed PNG.

Everywhere in this project a mask is bool, True = repaint.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.palettes import nearest_colours, oklab

ALPHA_THRESHOLD = 128
Picture = NDArray[np.uint8]


class Codec(ABC):
    """Abstract: pictures (B, H, W, 4) uint8 <-> indices (B, C, H, W) int64 in 0..levels-1."""

    name: ClassVar[str]
    channels: int
    levels: int

    @abstractmethod
    def encode(self, pictures: Picture) -> Tensor:
        """Indices (B, C, H, W) of `pictures` (B, H, W, 4); a colour outside the codec is snapped to the nearest."""

    @abstractmethod
    def decode(self, indices: Tensor) -> Picture:
        """Pictures (B, H, W, 4) of `indices` (B, C, H, W). `encode(decode(x)) == x` for every x."""

    @abstractmethod
    def to_config(self) -> dict[str, Any]:
        """A description in JSON types; `codec_from_config` reads it."""

    def snapped(self, pictures: Picture) -> NDArray[np.bool_]:
        """Where (B, H, W) encoding changes the visible colour. Transparent pixels never count."""
        there, back = normalise(pictures), self.decode(self.encode(pictures))
        return np.any(there != back, axis=-1) & (there[..., 3] > 0)


def normalise(pictures: Picture) -> Picture:
    """Threshold alpha to 0 or 255 and make transparent pixels black, so that pictures that look equal have equal
    bytes."""
    result = pictures.copy()
    opaque = pictures[..., 3] >= ALPHA_THRESHOLD
    result[..., 3] = np.where(opaque, 255, 0)
    result[~opaque] = 0
    return result


def visible_colours(pixels: Picture) -> Picture:
    """RGB (n, 3) of the visible pixels of `pixels` (..., 4)."""
    return pixels[pixels[..., 3] >= ALPHA_THRESHOLD][:, :3]


def over_background(pictures: Picture, background: tuple[int, int, int]) -> Picture:
    """RGB (..., 3) of `pictures` with transparent pixels replaced by `background`."""
    opaque = pictures[..., 3:] >= ALPHA_THRESHOLD
    return np.where(opaque, pictures[..., :3], np.asarray(background, np.uint8))


def _opaque(rgb: Picture) -> Picture:
    return np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], axis=-1)


def _to_tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64))


class Indexed(Codec):
    """One of at most 256 colours per pixel; index 0 is transparent, the others are opaque."""

    name = "indexed"
    channels = 1

    def __init__(self, colours: NDArray[np.uint8]) -> None:
        """`colours`: RGB (K-1, 3), distinct, for the indices 1..K-1.

        Raises:
            WeightsRejected: not 1..255 distinct colours.
        """
        colours = np.asarray(colours)
        if colours.ndim != 2 or colours.shape[1] != 3 or not 1 <= len(colours) <= 255:
            raise WeightsRejected(f"palette of shape {colours.shape}: needs 1 to 255 colours of 3 values")
        if not ((colours >= 0) & (colours <= 255)).all():
            raise WeightsRejected("palette holds a value outside 0 to 255")
        if len(np.unique(colours, axis=0)) != len(colours):
            raise WeightsRejected("palette holds the same colour twice")
        self.colours = colours.astype(np.uint8)
        self.levels = len(colours) + 1
        self.table = np.zeros((self.levels, 4), np.uint8)
        self.table[1:, :3], self.table[1:, 3] = self.colours, 255

    def encode(self, pictures: Picture) -> Tensor:
        opaque = pictures[..., 3] >= ALPHA_THRESHOLD
        unique, inverse = np.unique(pictures[opaque][:, :3], axis=0, return_inverse=True)
        indices = np.zeros(pictures.shape[:-1], np.int64)
        if len(unique):
            indices[opaque] = 1 + nearest_colours(unique, self.colours)[inverse.reshape(-1)]
        return _to_tensor(indices[:, None])

    def decode(self, indices: Tensor) -> Picture:
        return self.table[indices[:, 0].cpu().numpy()]

    def palette(self) -> Tensor:
        """float32 (levels, 4): Oklab and opacity of each colour, transparent first; opacity -1 in unused slots."""
        rows, count = torch.zeros(self.levels, 4), len(self.colours)
        rows[1 : count + 1, :3] = torch.from_numpy(oklab(self.colours)).float()
        rows[1 : count + 1, 3] = 1
        rows[count + 1 :, 3] = -1
        return rows

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name, "colours": [bytes(c).hex() for c in self.colours.tolist()]}


class Paletted(Indexed):
    """A palette that is an input of the network. `colours` are the default; `with_colours` replaces them by at most
    `levels` - 1 others, besides transparent."""

    name = "palette"

    def __init__(self, colours: NDArray[np.uint8], *, levels: int) -> None:
        """`colours`: as in Indexed. `levels`: how many colours the network takes, transparent included.

        Raises:
            WeightsRejected: as in Indexed, or more colours than fit.
        """
        super().__init__(colours)
        if not self.levels <= levels <= 256:
            raise WeightsRejected(
                f"palette of {len(self.colours)} colours: at most {levels - 1} fit besides transparent"
            )
        self.levels = levels

    def with_colours(self, colours: NDArray[np.uint8]) -> Paletted:
        """The codec with other colours, RGB (n, 3). Raises WeightsRejected."""
        return Paletted(colours, levels=self.levels)

    def to_config(self) -> dict[str, Any]:
        return {**super().to_config(), "levels": self.levels}


class EachPalette(Codec):
    """B pictures with one palette each. A single picture is encoded in each palette."""

    name = "palettes"
    channels = 1

    def __init__(self, codecs: Sequence[Paletted]) -> None:
        self.codecs, self.levels = codecs, codecs[0].levels

    def encode(self, pictures: Picture) -> Tensor:
        many = np.broadcast_to(pictures, (len(self.codecs), *pictures.shape[1:]))
        return torch.cat([codec.encode(picture[None]) for codec, picture in zip(self.codecs, many, strict=True)])

    def decode(self, indices: Tensor) -> Picture:
        pairs = zip(self.codecs, indices, strict=True)
        return np.concatenate([codec.decode(picture[None]) for codec, picture in pairs])

    def palette(self) -> Tensor:
        """The palettes, as in Paletted, per picture: (B, levels, 4)."""
        return torch.stack([codec.palette() for codec in self.codecs])

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name, "palettes": [codec.to_config()["colours"] for codec in self.codecs]}


class RGB(Codec):
    """Three channels of 256 levels, as in the papers; transparent pixels become `background`."""

    name = "rgb"
    channels = 3
    levels = 256

    def __init__(self, background: tuple[int, int, int] = (0, 0, 0)) -> None:
        self.background = background

    def encode(self, pictures: Picture) -> Tensor:
        return _to_tensor(np.moveaxis(over_background(pictures, self.background), -1, 1))

    def decode(self, indices: Tensor) -> Picture:
        return _opaque(np.moveaxis(indices.cpu().numpy().astype(np.uint8), 1, -1))

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name, "background": list(self.background)}


class Gray(Codec):
    """One channel of 256 levels: rounded Rec. 601 luma. Grey pictures are reproduced exactly."""

    name = "gray"
    channels = 1
    levels = 256

    def __init__(self, background: int = 0) -> None:
        self.background = background

    def encode(self, pictures: Picture) -> Tensor:
        rgb = over_background(pictures, (self.background, self.background, self.background)).astype(np.int64)
        luma = (rgb @ np.array([299, 587, 114]) + 500) // 1000
        return _to_tensor(luma[:, None])

    def decode(self, indices: Tensor) -> Picture:
        grey = indices[:, 0].cpu().numpy().astype(np.uint8)
        return _opaque(np.repeat(grey[..., None], 3, axis=-1))

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name, "background": self.background}


class Binary(Codec):
    """One channel of two levels: ink (luma >= 128) or not; the codec of binarised MNIST."""

    name = "binary"
    channels = 1
    levels = 2

    def encode(self, pictures: Picture) -> Tensor:
        return (Gray().encode(pictures) >= 128).long()

    def decode(self, indices: Tensor) -> Picture:
        return Gray().decode(indices * 255)

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name}


def codec_from_config(config: dict[str, Any]) -> Codec:
    """Rebuild a codec from the output of `Codec.to_config`.

    Raises:
        WeightsRejected: an unknown name or a value out of range.
    """
    try:
        kind = config["name"]
        if kind == "indexed":
            return Indexed(parse_hex_colours(config["colours"]))
        if kind == "palette":
            return Paletted(parse_hex_colours(config["colours"]), levels=_byte(config["levels"] - 1) + 1)
        if kind == "rgb":
            red, green, blue = (_byte(v) for v in config["background"])
            return RGB((red, green, blue))
        if kind == "gray":
            return Gray(_byte(config["background"]))
        if kind == "binary":
            return Binary()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsRejected(f"codec {config!r:.80}: {error}") from error
    raise WeightsRejected(f"codec {kind!r:.40} is not one of indexed, palette, rgb, gray, binary")


def parse_hex_colours(texts: list[str]) -> NDArray[np.uint8]:
    """RGB (N, 3) of colours written as six hexadecimal digits, with or without '#'.

    Raises:
        RequestRejected: a text is not a colour.
    """
    colours = []
    for text in texts:
        digits = text.strip().removeprefix("#")
        if len(digits) != 6 or any(c not in "0123456789abcdefABCDEF" for c in digits):
            raise RequestRejected(f"colour {text!r:.20}: write six hexadecimal digits such as ff0044")
        colours.append(list(bytes.fromhex(digits)))
    return np.array(colours, np.uint8).reshape(-1, 3)


def colour_word(colour: Sequence[int]) -> str:
    """An RGBA colour as six hexadecimal digits, or "transparent"."""
    return bytes(colour[:3]).hex() if colour[3] >= ALPHA_THRESHOLD else "transparent"


def _byte(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= 255:
        raise ValueError(f"{value!r:.20} is not a value of 0 to 255")
    return value
