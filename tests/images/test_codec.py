"""Pictures to integers and back: exact both ways, bounded, and described by a config that is checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.codec import (
    ALPHA_THRESHOLD,
    RGB,
    Binary,
    Codec,
    Gray,
    Indexed,
    codec_from_config,
    colour_word,
    normalise,
    over_background,
    parse_hex_colours,
)


def _distinct_colours(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    codes = np.random.default_rng(seed).choice(2**24, count, replace=False)
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], 1).astype(np.uint8)


CODECS: dict[str, Codec] = {
    "indexed of 1": Indexed(np.array([[0, 0, 0]], np.uint8)),
    "indexed of 4": Indexed(np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [254, 0, 0]], np.uint8)),
    "indexed of 255": Indexed(_distinct_colours(255, seed=3)),
    "indexed of 255 greys": Indexed(np.repeat(np.arange(255, dtype=np.uint8)[:, None], 3, 1)),
    "indexed of 255 near-equal blues": Indexed(
        np.array([[0, g, 255 - b] for g in range(17) for b in range(15)], np.uint8)
    ),
    "rgb": RGB(),
    "rgb on pink": RGB((255, 0, 255)),
    "gray": Gray(),
    "gray on white": Gray(255),
    "binary": Binary(),
}


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_every_level_of_every_channel_comes_back(codec: Codec) -> None:
    x = torch.arange(codec.levels).repeat(codec.channels, 1)
    x = torch.stack([row.roll(17 * c) for c, row in enumerate(x)])[None, :, None]  # (1, C, 1, K)
    pictures = codec.decode(x)
    assert pictures.dtype == np.uint8 and pictures.shape == (1, 1, codec.levels, 4)
    assert torch.equal(codec.encode(pictures), x)
    assert codec.encode(pictures).dtype == torch.int64


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_random_indices_come_back_and_are_not_snapped(codec: Codec) -> None:
    x = torch.randint(codec.levels, (3, codec.channels, 5, 7), generator=torch.Generator().manual_seed(0))
    pictures = codec.decode(x)
    assert torch.equal(codec.encode(pictures), x)
    assert not codec.snapped(pictures).any()


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_any_picture_is_encoded_within_the_levels_and_then_stable(codec: Codec) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (2, 6, 5, 4)).astype(np.uint8)
    x = codec.encode(pictures)
    assert x.shape == (2, codec.channels, 6, 5)
    assert int(x.min()) >= 0 and int(x.max()) < codec.levels
    assert torch.equal(codec.encode(codec.decode(x)), x)


def test_rgb_keeps_every_colour() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.uint8)
    opaque = np.concatenate([colours, np.full_like(colours[..., :1], 255)], -1)
    assert np.array_equal(RGB().decode(RGB().encode(opaque)), opaque)
    assert np.array_equal(RGB().encode(opaque)[0, 2].numpy(), colours[0, ..., 2])


def test_rgb_and_gray_paint_transparent_pixels_in_their_background() -> None:
    clear = np.array([[[[9, 9, 9, 127], [9, 9, 9, 128]]]], np.uint8)
    assert RGB((1, 2, 3)).encode(clear)[0, :, 0].tolist() == [[1, 9], [2, 9], [3, 9]]
    assert Gray(200).encode(clear).flatten().tolist() == [200, 9]
    assert over_background(clear, (4, 5, 6)).tolist() == [[[[4, 5, 6], [9, 9, 9]]]]


def test_the_background_is_black_unless_told() -> None:
    assert not RGB().encode(np.zeros((1, 2, 2, 4), np.uint8)).any()
    assert not Gray().encode(np.zeros((1, 2, 2, 4), np.uint8)).any()


def test_gray_is_the_rounded_luma() -> None:
    primaries = np.array([[[[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [255, 255, 255, 255]]]], np.uint8)
    assert Gray().encode(primaries).flatten().tolist() == [76, 150, 29, 255]


def test_binary_divides_at_half() -> None:
    greys = np.array([[[[127] * 3 + [255], [128] * 3 + [255], [255, 255, 255, 0]]]], np.uint8)
    assert Binary().encode(greys).flatten().tolist() == [0, 1, 0]
    assert Binary().decode(torch.tensor([[[[0, 1]]]])).tolist() == [[[[0, 0, 0, 255], [255, 255, 255, 255]]]]


def test_alpha_is_thresholded_at_128() -> None:
    codec = Indexed(np.array([[7, 8, 9]], np.uint8))
    row = np.array([[[[7, 8, 9, alpha] for alpha in (0, 1, 127, 128, 254, 255)]]], np.uint8)
    assert codec.encode(row).flatten().tolist() == [0, 0, 0, 1, 1, 1]
    assert normalise(row)[0, 0].tolist() == [[0, 0, 0, 0]] * 3 + [[7, 8, 9, 255]] * 3


def test_index_0_is_transparent_and_opaque_black_is_not() -> None:
    codec = Indexed(np.array([[0, 0, 0], [1, 1, 1]], np.uint8))
    row = np.array([[[[0, 0, 0, 0], [0, 0, 0, 255], [99, 99, 99, 0]]]], np.uint8)
    assert codec.encode(row).flatten().tolist() == [0, 1, 0]
    assert codec.decode(torch.tensor([[[[0, 1, 2]]]])).tolist() == [[[[0, 0, 0, 0], [0, 0, 0, 255], [1, 1, 1, 255]]]]


def test_foreign_colours_snap_to_the_nearest_and_are_told() -> None:
    codec = Indexed(np.array([[255, 0, 0], [0, 0, 255]], np.uint8))
    row = np.array([[[[250, 5, 0, 255], [0, 0, 255, 255], [20, 0, 230, 255], [3, 3, 3, 0]]]], np.uint8)
    assert codec.encode(row).flatten().tolist() == [1, 2, 2, 0]
    assert codec.snapped(row).tolist() == [[[True, False, True, False]]]
    assert not RGB().snapped(row).any(), "transparent pixels never count"


def test_normalise_leaves_its_argument_alone() -> None:
    row = np.array([[[5, 6, 7, 3]]], np.uint8)
    normalise(row)
    assert row.tolist() == [[[5, 6, 7, 3]]]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_config_round_trip(codec: Codec) -> None:
    again = codec_from_config(codec.to_config())
    assert type(again) is type(codec) and again.to_config() == codec.to_config()
    pictures = np.random.default_rng(2).integers(0, 256, (1, 4, 4, 4)).astype(np.uint8)
    assert torch.equal(again.encode(pictures), codec.encode(pictures))


BAD_CONFIGS: list[Any] = [
    {},
    [],
    None,
    "rgb",
    {"name": "cmyk"},
    {"name": ["rgb"]},
    {"name": "indexed"},
    {"name": "indexed", "colours": []},
    {"name": "indexed", "colours": None},
    {"name": "indexed", "colours": "ff0044"},
    {"name": "indexed", "colours": [1, 2]},
    {"name": "indexed", "colours": [None]},
    {"name": "indexed", "colours": ["ff004"]},
    {"name": "indexed", "colours": ["ff0044ff"]},
    {"name": "indexed", "colours": ["gg0044"]},
    {"name": "indexed", "colours": ["١٢٣٤٥٦"]},
    {"name": "indexed", "colours": ["ff0044", "FF0044"]},
    {"name": "indexed", "colours": [f"{i:06x}" for i in range(256)]},
    {"name": "rgb"},
    {"name": "rgb", "background": [0, 0]},
    {"name": "rgb", "background": [0, 0, 256]},
    {"name": "rgb", "background": [0, 0, -1]},
    {"name": "rgb", "background": [0, 0, 1.5]},
    {"name": "gray"},
    {"name": "gray", "background": "0"},
]


@pytest.mark.parametrize("config", BAD_CONFIGS, ids=lambda config: repr(config)[:50])
def test_bad_configs_are_rejected(config: Any) -> None:
    with pytest.raises(WeightsRejected):
        codec_from_config(config)


@pytest.mark.parametrize("shape", [(0, 3), (256, 3), (4, 4), (3,)])
def test_palettes_of_a_wrong_shape_are_rejected(shape: tuple[int, ...]) -> None:
    colours = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    with pytest.raises(WeightsRejected, match="1 to 255"):
        Indexed(colours)


@pytest.mark.parametrize("value", [-1, 256])
def test_palettes_of_a_value_that_no_byte_holds_are_rejected(value: int) -> None:
    colours: Any = np.array([[0, 0, value]])
    with pytest.raises(WeightsRejected, match="outside 0 to 255"):
        Indexed(colours)


def test_hex_colours_are_read_with_and_without_hash() -> None:
    assert parse_hex_colours(["ff0044", " #00FF10 "]).tolist() == [[255, 0, 68], [0, 255, 16]]
    assert parse_hex_colours([]).shape == (0, 3)


@pytest.mark.parametrize("text", ["", "#", "fff", "ff00441", "0x0044", "red", "-f0044", "ff 044"])
def test_texts_that_are_no_colour_are_refused(text: str) -> None:
    with pytest.raises(RequestRejected, match="six hexadecimal digits"):
        parse_hex_colours([text])


def test_colours_are_written_as_they_are_read() -> None:
    assert colour_word((255, 0, 68, 255)) == "ff0044" and colour_word((255, 0, 68, ALPHA_THRESHOLD)) == "ff0044"
    assert colour_word((0, 0, 0, 0)) == colour_word((9, 9, 9, ALPHA_THRESHOLD - 1)) == "transparent"
    for colour in _distinct_colours(50, seed=1).tolist():
        assert parse_hex_colours([colour_word([*colour, 255])]).tolist() == [colour]
