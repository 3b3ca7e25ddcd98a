"""Convert what callers pass to the engine (arrays, tensors, PIL images, files) to its own types."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.formats.decoding import facts_of, rgba
from pixelart.images.io import Facts, mask_of, read_facts, read_file, read_picture
from pixelart.settings import SETTINGS

PictureLike = Picture | NDArray[Any] | Image.Image | Tensor | str | os.PathLike[str] | list[Any]
"""A picture (H, W, 4) RGBA or (H, W, 3) RGB, as integers 0 to 255 or floats 0 to 1; or a PIL image or a file."""
MaskLike = NDArray[Any] | Image.Image | Tensor | str | os.PathLike[str] | list[Any]
"""A mask (H, W) of booleans, 0 and 1, or 0 and 255; or a picture or file in which masked pixels are light."""
_PICTURE = "needs (height, width, 4) RGBA or (height, width, 3) RGB of 0 to 255"
_MAP = "needs a number, or a map (height, width)"
_MASK = "needs (height, width) of True and False, of 0 and 1, or of 0 and 255"
ClassBlend = Mapping[str, float] | str | None
"""Class weights by name, or one class name; None or empty = any class."""


def as_picture(given: PictureLike, *, name: str = "picture") -> Picture:
    """Convert to a picture, uint8 RGBA (H, W, 4); `name` is used in errors.

    Raises:
        RequestRejected: the value is not a picture, or is ambiguous.
        ImageRejected: the file is not a picture within the limits.
    """
    if isinstance(given, str | os.PathLike):
        return read_picture(Path(given))
    if isinstance(given, Image.Image):
        return rgba(given)
    values = _array(given, name, _PICTURE)
    if values.ndim != 3 or values.shape[2] not in (3, 4) or not values.size:
        raise RequestRejected(f"{name} of {_described(values)}: {_PICTURE}")
    values = _bytes(values, name)
    if values.shape[2] == 4:
        return values
    return np.concatenate([values, np.full_like(values[..., :1], 255)], axis=2)


def as_facts(given: PictureLike) -> Facts:
    """The metadata of the file or PIL image that `as_picture` accepts."""
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        return read_facts(read_file(path, name=path.name), name=path.name)
    return facts_of(given) if isinstance(given, Image.Image) else Facts()


def as_mask(given: MaskLike, *, name: str = "mask") -> NDArray[np.bool_]:
    """Convert to a mask, bool (H, W), True = repaint; `name` is used in errors.

    Raises:
        RequestRejected: the value is not a mask, or is ambiguous.
        ImageRejected: the file is not a picture within the limits.
    """
    if isinstance(given, str | os.PathLike | Image.Image):
        return mask_of(as_picture(given, name=name))
    values = _array(given, name, _MASK)
    if values.ndim == 3 and values.shape[2] in (3, 4) and values.dtype == np.uint8:
        return mask_of(as_picture(values, name=name))
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise RequestRejected(f"{name} of {_described(values)}: {_MASK}")
    if values.dtype == np.bool_:
        return values
    found = np.unique(values)
    if not (np.isin(found, (0, 1)).all() or np.isin(found, (0, 255)).all()):
        odd = found[~np.isin(found, (0, 1, 255))]
        held = f"{odd[0]:g}" if len(odd) else "1 and 255"
        raise RequestRejected(f"{name} of {_described(values)} that holds {held}: {_MASK}")
    return values != 0


def mask_for(picture: Picture, given: MaskLike) -> NDArray[np.bool_]:
    """Convert to a mask of `picture` (H, W, 4), with at least one masked pixel.

    Raises:
        RequestRejected: no mask, or one of another size, or an empty one.
        ImageRejected: the file is not a picture within the limits.
    """
    mask = as_mask(given)
    if mask.shape != picture.shape[:2]:
        found = " x ".join(map(str, mask.shape[::-1]))
        raise RequestRejected(f"mask is {found}; the picture is {picture.shape[1]} x {picture.shape[0]}")
    if not mask.any():
        raise RequestRejected("the mask is empty: mark the pixels to repaint")
    return mask


def as_blend(given: ClassBlend) -> Mapping[str, float]:
    """Convert to class weights by name: a name becomes that class alone, None any class.

    Raises:
        RequestRejected: something else.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        return {given: 1.0}
    if not isinstance(given, Mapping):
        raise RequestRejected(
            f"class_weights {given!r:.40}: needs the name of a class, or names and weights such as {{'hero': 1}}"
        )
    return given


def as_map(given: Any, name: str) -> Any:
    """A map (H, W) of numbers as an array, from lists, a tensor, an array or `map_settings`; an array without axes as
    its number; any other value unchanged.

    Raises:
        RequestRejected: lists, an array or settings that are not a map; the message starts with `name`.
    """
    if isinstance(given, Mapping):
        return _map_of_settings(given, name)
    if not isinstance(given, list | tuple | Tensor | np.ndarray):
        return given
    values = _array(given, name, _MAP)
    if values.ndim not in (0, 2):
        raise RequestRejected(f"{name} of {_described(values)}: {_MAP}")
    return values if values.ndim else values.item()


def map_settings(given: Any) -> Any:
    """A map (H, W) as JSON types for the settings of a picture: its width, and runs [value, length] in raster order.
    `as_map` reads them. Any other value is unchanged."""
    if not isinstance(given, np.ndarray):
        return given
    values = given.reshape(-1)
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    lengths = np.diff(starts, append=len(values)).tolist()
    runs = [[value, length] for value, length in zip(values[starts].tolist(), lengths, strict=True)]
    return {"width": given.shape[1], "runs": runs}


def percent_of(picture: Picture, *, name: str = "temperature_percent") -> NDArray[np.uint8]:
    """The percents (H, W) painted in `picture` (H, W, 4): its gray values, and 100 where it is transparent.

    Raises:
        RequestRejected: it has colours.
    """
    grays, visible = picture[..., :3], picture[..., 3] >= 128
    if (grays[visible] != grays[visible][:, :1]).any():
        raise RequestRejected(f"{name}: has colours; needs grays, each the percent of the temperature at its pixel")
    return np.where(visible, grays[..., 0], np.uint8(100))


def _map_of_settings(given: Mapping[Any, Any], name: str) -> NDArray[np.float64]:
    try:
        values, lengths = zip(*((float(value), int(length)) for value, length in given["runs"]), strict=True)
        if not 0 < sum(lengths) <= SETTINGS.max_side**2 or min(lengths) < 1:
            raise ValueError(lengths)
        return np.repeat(values, lengths).reshape(-1, int(given["width"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RequestRejected(f"{name} {given!r:.40}: {_MAP}, or its width and runs") from error


def _array(given: Any, name: str, needed: str) -> NDArray[Any]:
    try:
        values = given.detach().cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
    except (ValueError, TypeError) as error:  # lists of unequal lengths
        raise RequestRejected(f"{name}: a {type(given).__name__} that is not an array; {needed}") from error
    if values.dtype.kind not in "biuf":
        raise RequestRejected(f"{name}: a {type(given).__name__}; {needed}")
    return values


def _bytes(values: NDArray[Any], name: str) -> Picture:
    """Convert to uint8, if the range of the values is unambiguous."""
    if values.dtype == np.uint8:
        return values
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind in "iu" and low >= 0 and high <= 255:
        return values.astype(np.uint8)
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.rint(values * 255).astype(np.uint8)
    if values.dtype.kind == "f" and low >= 0 and high <= 255 and np.array_equal(values, np.rint(values)):
        return values.astype(np.uint8)
    raise RequestRejected(
        f"{name} of {_described(values)} from {low:g} to {high:g}: needs integers from 0 to 255, or floats from 0 to 1"
    )


def _described(values: NDArray[Any]) -> str:
    return f"{values.dtype} {values.shape}"
