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

PictureLike = Picture | NDArray[Any] | Image.Image | Tensor | str | os.PathLike[str] | list[Any]
"""A picture (H, W, 4) RGBA or (H, W, 3) RGB, as integers 0 to 255 or floats 0 to 1; or a PIL image or a file."""
MaskLike = NDArray[Any] | Image.Image | Tensor | str | os.PathLike[str] | list[Any]
"""A mask (H, W) of booleans, 0 and 1, or 0 and 255; or a picture or file in which masked pixels are light."""
_PICTURE = "needs (height, width, 4) RGBA or (height, width, 3) RGB of 0 to 255"
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


def as_temperature(given: Any) -> Any:
    """A temperature map as an array; any other value unchanged."""
    return _array(given, "temperature", "needs a number, or a map (height, width)") if _is_map(given) else given


def _is_map(given: Any) -> bool:
    return isinstance(given, list | tuple) or (isinstance(given, Tensor) and given.ndim > 0)


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
