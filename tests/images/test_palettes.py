"""Palettes: Oklab as published, nearest colours, and a deterministic k-means."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from pixelart.images.palettes import fit_palette, from_oklab, nearest_colours, oklab

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


def _noise(count: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, (count, 3)).astype(np.uint8)


def _mean_error(pixels: Bytes, palette: Bytes) -> float:
    return float(np.square(oklab(pixels) - oklab(palette)[nearest_colours(pixels, palette)]).sum(1).mean())


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((255, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 255, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 255), (0.45201, -0.03246, -0.31153)),
        ((128, 128, 128), (0.59987, 0.0, 0.0)),
    ],
)
def test_oklab_has_the_published_values(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    assert oklab(np.array([rgb], np.uint8))[0] == pytest.approx(lab, abs=2e-4)


def test_colours_come_back_from_oklab() -> None:
    corners = np.array([(r, g, b) for r in (0, 1, 255) for g in (0, 1, 255) for b in (0, 1, 255)], np.uint8)
    colours = np.concatenate([corners, _noise(5000), np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)])
    assert np.array_equal(from_oklab(oklab(colours)), colours)
    assert from_oklab(np.array([[1.5, 0, 0], [-0.5, 0, 0]])).tolist() == [[255] * 3, [0] * 3]


def test_lightness_of_greys_rises() -> None:
    assert (np.diff(oklab(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1))[:, 0]) > 0).all()


def test_nearest_is_the_nearest_in_oklab() -> None:
    colours, palette = _noise(300), _noise(40, seed=1)
    distance = np.square(oklab(colours)[:, None] - oklab(palette)[None]).sum(-1)
    chosen = nearest_colours(colours, palette)
    assert distance[np.arange(300), chosen] == pytest.approx(distance.min(1), abs=1e-12)


def test_an_equal_colour_wins_even_among_its_neighbours() -> None:
    neighbours = np.array([(r, g, b) for r in range(250, 256) for g in range(250, 256) for b in range(250, 256)])
    dark = np.array([(r, g, b) for r in range(3) for g in range(3) for b in range(4)])
    for palette in (neighbours.astype(np.uint8), dark.astype(np.uint8)):
        assert nearest_colours(palette, palette).tolist() == list(range(len(palette)))


def test_few_colours_are_kept_exactly_from_dark_to_light() -> None:
    pixels = np.array([[255, 255, 255], [10, 0, 0], [255, 255, 255], [0, 0, 0], [90, 90, 90]], np.uint8)
    assert fit_palette(pixels, size=4).tolist() == [[0, 0, 0], [10, 0, 0], [90, 90, 90], [255, 255, 255]]
    assert fit_palette(pixels, size=255).tolist() == fit_palette(pixels, size=4).tolist()


def test_the_same_pixels_give_the_same_palette_in_any_order() -> None:
    pixels = _noise(3000)
    shuffled = np.random.default_rng(5).permutation(pixels)
    np.random.seed(1)  # the fit must not depend on global randomness
    first = fit_palette(pixels, size=16)
    np.random.seed(2)
    assert fit_palette(shuffled, size=16).tolist() == first.tolist()


def test_a_palette_holds_at_most_size_colours_that_occur_and_none_twice() -> None:
    pixels = _noise(2000)
    palette = fit_palette(pixels, size=31)
    occurring = {tuple(c) for c in pixels.tolist()}
    assert 16 <= len(palette) <= 31
    assert all(tuple(c) in occurring for c in palette.tolist())
    assert len(np.unique(palette, axis=0)) == len(palette)
    assert (np.diff(oklab(palette)[:, 0]) >= 0).all()


def test_well_separated_clusters_are_all_found() -> None:
    centres = np.array([[20, 20, 20], [230, 30, 30], [30, 220, 40], [40, 40, 230], [240, 240, 240], [230, 220, 30]])
    random = np.random.default_rng(0)
    pixels = (centres[random.integers(0, 6, 3000)] + random.integers(-6, 7, (3000, 3))).astype(np.uint8)
    palette = fit_palette(pixels, size=6)
    assert sorted(np.abs(centres[:, None] - palette[None].astype(int)).max(-1).argmin(0).tolist()) == list(range(6))
    assert np.abs(centres[:, None] - palette[None].astype(int)).max(-1).min(0).max() <= 6


def test_rare_colours_are_found_beside_a_common_one() -> None:
    """The start must spread out: drawn by frequency alone, it would fall into the common colour every time."""
    random = np.random.default_rng(0)
    common = (np.array([120, 120, 120]) + random.integers(-4, 5, (20_000, 3))).astype(np.uint8)
    rare = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0], [0, 250, 250], [250, 0, 250]], np.uint8)
    palette = fit_palette(np.concatenate([common, rare.repeat(300, axis=0)]), size=8).tolist()
    assert all(colour in palette for colour in rare.tolist())


def test_frequent_colours_weigh_more() -> None:
    many = np.repeat(np.array([[200, 0, 0], [210, 0, 0]], np.uint8), 5000, axis=0)
    rare = np.array([[0, 0, 255], [0, 0, 225]], np.uint8)
    palette = fit_palette(np.concatenate([many, rare]), size=3).tolist()
    assert [200, 0, 0] in palette and [210, 0, 0] in palette


def test_k_means_beats_chance_by_far() -> None:
    pixels = _noise(4000)
    by_chance = min(_mean_error(pixels, pixels[start : start + 32]) for start in range(0, 320, 32))
    assert _mean_error(pixels, fit_palette(pixels, size=32)) < 0.8 * by_chance


def test_more_colours_serve_better() -> None:
    pixels = _noise(2000)
    errors = [_mean_error(pixels, fit_palette(pixels, size=size)) for size in (4, 16, 64)]
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]


def test_a_comparison_with_the_colours_of_a_photo_takes_little_memory() -> None:
    """As when a palette has been fitted and each of its colours becomes one that occurs."""
    palette, photo = _noise(255), _noise(100_000, seed=1)
    tracemalloc.start()
    try:
        found = nearest_colours(palette, photo)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 * 2**20, "half of what all distances and their lengths take"
    some = slice(0, 255, 40)
    assert np.array_equal(found[some], nearest_colours(palette[some], photo))
