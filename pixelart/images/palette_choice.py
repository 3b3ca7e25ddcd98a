"""Choose the palette of a model whose palette is an input: from the request, the picture, or a training picture, which
also tells the look and the kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelart.errors import RequestRejected
from pixelart.images.class_names import NO_KIND, NO_LOOK
from pixelart.images.codec import (
    ALPHA_THRESHOLD,
    Codec,
    EachPalette,
    Paletted,
    Picture,
    parse_hex_colours,
    visible_colours,
)
from pixelart.images.example_palettes import ExamplePalette, PalettesOfClasses, of_any_look
from pixelart.images.palettes import fit_palette

AUTO_PALETTE, OF_PICTURE, OF_MODEL = "", "picture", "model"
WORDS = (AUTO_PALETTE, OF_PICTURE, OF_MODEL)
FEWEST = 2
"""Smallest palette, besides transparent: with one colour there is nothing to choose."""
ENOUGH = 4
"""With fewer colours than this, a picture does not determine a palette."""
NAMED = 0.25
"""From this share of the pictures on, those that have a kind stand for all of their class and look."""


CodecOf = Callable[[range], Codec]
"""The codec for the pictures of a range of seeds."""
ExampleOf = Callable[[int], ExamplePalette | None]
"""The training picture whose palette, look and kind a seed picks; None if there is none."""
_PICKED, _PICKED_LOOK = 0x9A1E77E, 0x100C
"""Two random streams, so that the picks among pictures of one look do not depend on whether it was given."""


def codec_of(
    codec: Codec,
    palette: str | tuple[str, ...],
    *,
    picture: Picture,
    mask: NDArray[np.bool_],
    example_of: ExampleOf,
    name: str,
) -> CodecOf:
    """The codecs of a request.

    Args:
        codec: the checkpoint's codec; `name` is the checkpoint's name in errors.
        palette: "picture" = the colours of `picture` (H, W, 4) where `mask` (H, W) is False; "model" = the
            checkpoint's; or colours as hexadecimal text. "" = those of the picture; if it has fewer than ENOUGH, plus
            those of the example that the seed picks, or the checkpoint's.

    Raises:
        RequestRejected: a palette for a model with a fixed palette, or one that does not fit.
    """
    if not isinstance(codec, Paletted):
        if palette not in (AUTO_PALETTE, OF_MODEL):
            raise RequestRejected(f"palette: {name} has a fixed palette")
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

    def filled(seed: int) -> Paletted:
        example = example_of(seed)
        return codec.with_colours(_filled(own, example.colours if example else codec.colours, codec))

    return lambda seeds: EachPalette([filled(seed) for seed in seeds])


def example_picker(
    palettes: PalettesOfClasses,
    size: tuple[int, int],
    *,
    class_weights: Mapping[str, float],
    look: str = NO_LOOK,
    kind: str = NO_KIND,
) -> ExampleOf:
    """Picks one of the `palettes` by the seed.

    It is of a class by `class_weights`, empty = any; of the look and of the kind, if one of these classes has some; and
    of the pictures of the nearest `size`, (height, width). First the look is picked, each as often as it has pictures;
    so for one class, a seed picks the same picture again if that look is given. If no kind is given, but NAMED of the
    pictures of the look have one, it is one of these.

    If some of these pictures have no look, and no look is given, it is one of them: they are what a network learned
    last that was trained further without looks, such as on an artist's own pictures.
    """
    drawn = {name: some for name, some in palettes.items() if not class_weights or class_weights.get(name)}
    drawn = _matching(_matching(drawn, "look", look), "kind", kind)
    if not look:
        drawn = {name: of_any_look(some, lambda one: one.look) for name, some in drawn.items()}
    near = {name: _of_nearest_size(some, *size) for name, some in drawn.items()}
    return lambda seed: _picked(near, class_weights, seed)


def palette_fitting(codec: Codec, picture: Picture) -> Codec:
    """The codec; if its palette is an input, with the colours of a picture (H, W, 4), reduced to as many as fit."""
    return _in_colours_of(picture, codec) if isinstance(codec, Paletted) else codec


def as_learned(codec: Codec, pictures: Picture) -> Picture:
    """Pictures (N, H, W, 4) as a network with this codec sees them in training.

    If the palette is an input, each in its own colours, reduced to as many as fit; else in the codec's colours.
    """
    if not isinstance(codec, Paletted) or not len(pictures):
        return codec.decode(codec.encode(pictures))
    own = EachPalette([_in_colours_of(picture, codec) for picture in pictures])
    return own.decode(own.encode(pictures))


def palette_settings(codec: Codec, number: int) -> dict[str, Any]:
    """The palette of picture `number` as settings to save; empty if the palette is not an input."""
    if isinstance(codec, EachPalette):
        codec = codec.codecs[number]
    return {"colours": codec.to_config()["colours"]} if isinstance(codec, Paletted) else {}


def as_palette(given: Any) -> str | tuple[str, ...]:
    """Normalise a palette for a request: to a word, or to colours as hexadecimal text.

    Args:
        given: one of WORDS, None for "", texts such as ff0044, or an array (N, 3) or RGBA (N, 4) of 0 to 255, whose
            transparent colours are dropped.

    Raises:
        RequestRejected: something else.
    """
    if given is None or (isinstance(given, str) and given in WORDS):
        return given or AUTO_PALETTE
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
        raise RequestRejected("palette: needs colours (N, 3) or (N, 4) of whole numbers from 0 to 255")
    opaque = values if values.shape[1] == 3 else values[values[:, 3] >= ALPHA_THRESHOLD]
    return tuple(bytes(colour).hex() for colour in opaque[:, :3].tolist())


def _in_colours_of(picture: Picture, codec: Paletted) -> Paletted:
    visible = visible_colours(picture)
    return codec.with_colours(fit_palette(visible, size=codec.levels - 1)) if len(visible) else codec


def _always(codec: Codec) -> CodecOf:
    return lambda seeds: codec


def _checked(palette: Sequence[str], *, most: int) -> NDArray[np.uint8]:
    colours = parse_hex_colours(list(palette))
    twice = [text for text in palette if palette.count(text) > 1]
    if twice:
        raise RequestRejected(f"palette: {twice[0]} occurs twice")
    if not FEWEST <= len(colours) <= most:
        raise RequestRejected(f"palette of {len(colours)} colours: must have {FEWEST} to {most}")
    return colours


def _picked(palettes: PalettesOfClasses, class_weights: Mapping[str, float], seed: int) -> ExamplePalette | None:
    random = np.random.default_rng([seed, _PICKED])
    weights = {name: class_weights.get(name, 0.0) if class_weights else 1.0 for name, some in palettes.items() if some}
    total = sum(weights.values())
    if not total:
        return None
    name = str(random.choice(list(weights), p=np.array(list(weights.values())) / total))
    of_class = palettes[name]
    look = of_class[int(np.random.default_rng([seed, _PICKED_LOOK]).integers(len(of_class)))].look
    of_look = _named([one for one in of_class if one.look == look])
    return of_look[int(random.integers(len(of_look)))]


def _matching(palettes: PalettesOfClasses, what: Literal["look", "kind"], wanted: str) -> PalettesOfClasses:
    """The palettes of a look or of a kind; all, if there are none of it."""
    found = {name: [one for one in some if getattr(one, what) == wanted] for name, some in palettes.items()}
    return found if wanted and any(found.values()) else palettes


def _named(palettes: Sequence[ExamplePalette]) -> Sequence[ExamplePalette]:
    """Those of some kind, if they are at least the share NAMED; else all."""
    named = [one for one in palettes if one.kind]
    return named if named and len(named) >= NAMED * len(palettes) else palettes


def _of_nearest_size(palettes: Sequence[ExamplePalette], height: int, width: int) -> Sequence[ExamplePalette]:
    """The palettes of the pictures whose size is nearest, by the ratio of the areas: small pictures have few
    colours."""
    ratios = [abs(math.log(math.prod(one.size) / (height * width))) if one.size else 0.0 for one in palettes]
    nearest = min(ratios, default=0.0)
    return [one for one, ratio in zip(palettes, ratios, strict=True) if ratio == nearest]


def _filled(own: NDArray[np.uint8], more: NDArray[np.uint8], codec: Paletted) -> NDArray[np.uint8]:
    """The colours `own` (n, 3), plus as many of `more` as fit."""
    others = more[~(more[:, None] == own).all(-1).any(1)] if len(own) else more
    return np.concatenate([own, others])[: codec.levels - 1]
