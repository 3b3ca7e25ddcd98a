"""In which colours a model draws whose palette is an input: those that are said, or such as go together."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.codec import (
    ALPHA_THRESHOLD,
    Codec,
    EachPalette,
    Paletted,
    Picture,
    parse_hex_colours,
    visible_colours,
)
from pixelart.images.palettes import fit_palette

CLASS_PALETTES_FILE = "palettes.json"
"""Of a checkpoint whose palette is an input: palettes that pictures of each class have."""
AUTO, OF_PICTURE, OF_MODEL = "", "picture", "model"
WORDS = (AUTO, OF_PICTURE, OF_MODEL)
FEWEST = 2
"""Colours of a palette beside the transparent one: with one alone there is nothing to choose."""
ENOUGH = 4
"""A picture of fewer colours than this says too little of those that are wanted."""
MAX_BYTES = 4 << 20
PalettesOfClasses = Mapping[str, Sequence[NDArray[np.uint8]]]
CodecOf = Callable[[range], Codec]
"""The codec that the pictures of some seeds are drawn with."""
_PICKED = 0x9A1E77E


def codec_of(
    codec: Codec,
    palette: str | tuple[str, ...],
    *,
    picture: Picture,
    mask: NDArray[np.bool_],
    palettes: PalettesOfClasses,
    class_weights: Mapping[str, float],
    name: str,
) -> CodecOf:
    """The codecs of a request.

    Args:
        codec: of the checkpoint, which is called `name` in errors.
        palette: "picture", the colours of `picture` (H, W, 4) where `mask` (H, W) is False; "model", those of the
            checkpoint; colours as hexadecimal text; or "": those of the picture, and where it has fewer than ENOUGH
            those of one of the `palettes` of a class too, which the seed picks.
        class_weights: by which a class is picked; empty = any.

    Raises:
        RequestRejected: a palette for a model that has its own alone, or one that does not fit.
    """
    if not isinstance(codec, Paletted):
        if palette not in (AUTO, OF_MODEL):
            raise RequestRejected(f"palette: {name} draws in its own colours alone")
        return lambda seeds: codec
    if palette == OF_MODEL:
        return lambda seeds: codec
    if isinstance(palette, tuple):
        return _always(codec.with_colours(_checked(palette, most=codec.levels - 1)))
    visible = visible_colours(picture[~mask])
    own = np.unique(visible, axis=0)
    if palette == OF_PICTURE:
        if not FEWEST <= len(own) < codec.levels:
            raise RequestRejected(
                f"palette picture: it has {len(own)} colours; {name} draws in {FEWEST} to {codec.levels - 1}"
            )
        return _always(codec.with_colours(own))
    if len(own) >= codec.levels:
        own = fit_palette(visible, size=codec.levels - 1)
    if len(own) >= ENOUGH:
        return _always(codec.with_colours(own))
    return lambda seeds: EachPalette(
        [codec.with_colours(_filled(own, _picked(palettes, class_weights, codec, seed), codec)) for seed in seeds]
    )


def palette_fitting(codec: Codec, picture: Picture) -> Codec:
    """The codec in the colours of a picture (H, W, 4), reduced to as many as fit, where its palette is an input."""
    return _in_colours_of(picture, codec) if isinstance(codec, Paletted) else codec


def as_learned(codec: Codec, pictures: Picture) -> Picture:
    """The pictures (N, H, W, 4) as a network of this codec learns them: each in its own colours, reduced to as many as
    fit, where the palette is an input; else in those of the codec."""
    if not isinstance(codec, Paletted) or not len(pictures):
        return codec.decode(codec.encode(pictures))
    own = EachPalette([_in_colours_of(picture, codec) for picture in pictures])
    return own.decode(own.encode(pictures))


def colours_said(codec: Codec, number: int) -> dict[str, Any]:
    """What the settings of picture `number` of a drawing say of its palette, where that is an input."""
    if isinstance(codec, EachPalette):
        codec = codec.codecs[number]
    return {"colours": codec.to_config()["colours"]} if isinstance(codec, Paletted) else {}


def as_palette(given: Any) -> str | tuple[str, ...]:
    """A palette as a request holds it: a word, or colours as hexadecimal text.

    Args:
        given: one of WORDS, None for "", texts such as ff0044, or an array (N, 3) or RGBA (N, 4) of 0 to 255, of which
            transparent colours are left out.

    Raises:
        RequestRejected: something else.
    """
    if given is None or (isinstance(given, str) and given in WORDS):
        return given or AUTO
    if isinstance(given, str):
        raise RequestRejected(f"palette {given!r:.40}: needs picture, model, or a list of colours")
    if isinstance(given, Sequence) and all(isinstance(one, str) for one in given):
        return tuple(bytes(colour).hex() for colour in parse_hex_colours(list(given)).tolist())
    try:
        values = np.asarray(given)
    except ValueError:  # rows of several lengths
        values = np.zeros((0, 0))
    is_bytes = values.dtype.kind in "iu" and values.ndim == 2 and values.shape[1] in (3, 4)
    if not is_bytes or not ((values >= 0) & (values <= 255)).all():
        raise RequestRejected("palette: needs colours (N, 3) or (N, 4) of whole numbers of 0 to 255")
    opaque = values if values.shape[1] == 3 else values[values[:, 3] >= ALPHA_THRESHOLD]
    return tuple(bytes(colour).hex() for colour in opaque[:, :3].tolist())


def read_class_palettes(folder: Path, classes: Sequence[str]) -> PalettesOfClasses:
    """The palettes of a checkpoint, by class; none where it has no such file.

    Raises:
        WeightsRejected: the file is damaged.
    """
    path = folder / CLASS_PALETTES_FILE
    if not path.exists():
        return {}
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path.stat().st_size} bytes; the limit is {MAX_BYTES}")
        values = json.loads(path.read_bytes())
        found = {name: [_distinct(texts.split()) for texts in values.get(name, [])] for name in classes}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError, RequestRejected) as error:
        raise WeightsRejected(f"{folder.name}/{CLASS_PALETTES_FILE}: {error!s:.100}") from error
    return {name: [one for one in some if len(one)] for name, some in found.items()}


def _distinct(texts: Sequence[str]) -> NDArray[np.uint8]:
    """The colours (n, 3) of a palette of a file. Raises RequestRejected when one is repeated, however it is written."""
    colours = parse_hex_colours(list(texts))
    unique, counts = np.unique(colours, axis=0, return_counts=True)
    if len(unique) < len(colours):
        raise RequestRejected(f"a palette holds the colour {bytes(unique[counts.argmax()]).hex()} twice")
    return colours


def class_palettes_json(palettes: PalettesOfClasses) -> bytes:
    """The content of the file that `read_class_palettes` reads."""
    texts = {name: [" ".join(bytes(c).hex() for c in one.tolist()) for one in some] for name, some in palettes.items()}
    return json.dumps(texts, indent=0, ensure_ascii=False).encode()


def _in_colours_of(picture: Picture, codec: Paletted) -> Paletted:
    visible = visible_colours(picture)
    return codec.with_colours(fit_palette(visible, size=codec.levels - 1)) if len(visible) else codec


def _always(codec: Codec) -> CodecOf:
    return lambda seeds: codec


def _checked(palette: Sequence[str], *, most: int) -> NDArray[np.uint8]:
    colours = parse_hex_colours(list(palette))
    twice = [text for text in palette if palette.count(text) > 1]
    if twice:
        raise RequestRejected(f"palette: {twice[0]} stands there twice")
    if not FEWEST <= len(colours) <= most:
        raise RequestRejected(f"palette of {len(colours)} colours: must have {FEWEST} to {most}")
    return colours


def _picked(
    palettes: PalettesOfClasses, class_weights: Mapping[str, float], codec: Paletted, seed: int
) -> NDArray[np.uint8]:
    random = np.random.default_rng([seed, _PICKED])
    weights = {name: class_weights.get(name, 0.0) if class_weights else 1.0 for name, some in palettes.items() if some}
    total = sum(weights.values())
    if not total:
        return codec.colours
    name = str(random.choice(list(weights), p=np.array(list(weights.values())) / total))
    return palettes[name][int(random.integers(len(palettes[name])))]


def _filled(own: NDArray[np.uint8], more: NDArray[np.uint8], codec: Paletted) -> NDArray[np.uint8]:
    """The colours `own` (n, 3), and as many others as fit."""
    others = more[~(more[:, None] == own).all(-1).any(1)] if len(own) else more
    return np.concatenate([own, others])[: codec.levels - 1]
