"""Figures of quality have the values that their definitions give."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality import metrics
from benchmarks.quality.choosing import choose_presets, grid
from benchmarks.quality.orders import rank_correlation, ranks
from benchmarks.quality.two_sample import tells_apart
from pixelart.images import defects
from pixelart.images.codec import Picture

RANDOM = np.random.default_rng(5)


def test_the_kernel_distance_is_the_sum_over_pairs() -> None:
    one, other = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(4, 3))

    def mean_kernel(a: metrics.Features, b: metrics.Features, *, apart: bool) -> float:
        pairs = [(x @ y / 3 + 1) ** 3 for i, x in enumerate(a) for j, y in enumerate(b) if not (apart and i == j)]
        return float(np.mean(pairs))

    expected = mean_kernel(one, one, apart=True) + mean_kernel(other, other, apart=True)
    expected -= 2 * mean_kernel(one, other, apart=False)
    assert metrics.kernel_distance(one, other) == pytest.approx(100 * expected)


def test_the_kernel_distance_of_equal_distributions_is_zero_on_average() -> None:
    draws = [metrics.kernel_distance(*RANDOM.normal(size=(2, 30, 8))) for _ in range(200)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / np.sqrt(200)
    assert metrics.kernel_distance(RANDOM.normal(size=(30, 8)), RANDOM.normal(1, 1, size=(30, 8))) > 100


def test_precision_and_recall_tell_what_is_missing() -> None:
    near, far = RANDOM.normal(size=(40, 2)), RANDOM.normal(size=(40, 2)) + 1000
    real = np.concatenate([near[:20], far[:20]])
    assert metrics.precision_recall(real, real) == (1, 1)
    half = metrics.precision_recall(real, near[20:].repeat(2, 0) + RANDOM.normal(0, 0.01, (40, 2)))
    assert half.precision > 0.8 and half.recall <= 0.5, "one of two kinds is never drawn"
    wrong = metrics.precision_recall(real, np.concatenate([near[20:], far[20:] + 5000]))
    assert wrong.precision <= 0.5 and wrong.recall <= 0.5


def test_shares_and_means_have_their_intervals() -> None:
    figure = metrics.share(np.array([True] * 8 + [False] * 2))
    assert (figure.value, figure.count) == (0.8, 10)
    assert (figure.low, figure.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert metrics.share(np.zeros(0, np.bool_)) == metrics.NOTHING
    whole = metrics.mean(np.array([1.0, 3.0]))
    assert (whole.value, whole.high) == (2.0, pytest.approx(2 + 1.96)) and metrics.mean(np.ones(1)).low is None


def test_the_spread_over_halves_is_about_that_of_new_sets() -> None:
    def difference(a: metrics.Features, b: metrics.Features) -> float:
        return float(a.mean() - b.mean())

    one, other = RANDOM.normal(size=(2, 200, 1))
    figure = metrics.over_halves(difference, one, other, least=4)
    assert figure.value is not None and figure.high is not None and figure.count == 200
    assert figure.high - figure.value == pytest.approx(1.96 * 0.1, rel=0.3)
    assert metrics.over_halves(difference, one[:3], other, least=4).value is None
    assert metrics.over_halves(difference, one[:5], other, least=4).low is None


def picture_of(rows: list[str]) -> Picture:
    """A letter a colour; a dot is transparent."""
    picture = np.zeros((len(rows), len(rows[0]), 4), np.uint8)
    for row, letters in enumerate(rows):
        for column, letter in enumerate(letters):
            if letter != ".":
                picture[row, column] = [ord(letter), 0, 0, 255]
    return picture


def test_what_a_picture_looks_like_is_counted() -> None:
    picture = picture_of(["a..b", ".a.b", "..c.", "...."])
    empty = np.zeros_like(picture)
    empty[..., :3] = 7  # colours that nobody sees
    both = np.stack([picture, empty])
    assert defects.lone_share(both).tolist() == [1 / 5, 0], "neighbours at a corner count"
    assert metrics.colours_of(both).tolist() == [3, 0]
    assert defects.visible_share(both).tolist() == [5 / 16, 0]
    same = empty.copy()
    same[..., :3] = 9
    assert metrics.distinct(np.stack([picture, empty, same, picture])).tolist() == [True, True, False, False]


@pytest.mark.slow
def test_the_two_sample_net_sees_a_difference_and_no_other() -> None:
    dark = RANDOM.integers(0, 128, (40, 8, 8, 4), dtype=np.uint8)
    light = RANDOM.integers(128, 256, (40, 8, 8, 4), dtype=np.uint8)
    dark[..., 3] = light[..., 3] = 255
    assert tells_apart(dark, light).mean() > 0.95
    assert 0.2 < tells_apart(dark[:20], dark[20:]).mean() < 0.8


def test_ranks_share_their_mean_where_values_are_equal() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2.5, 0, 2.5, 1]
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([1.0, 4, 9])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2, 3]), np.ones(3)) == 0


def row_of(controls: tuple[float, float, float], **pooled: float) -> dict[str, object]:
    temperature, top_p, guidance = controls
    values = {"kernel_distance": 9.0, "precision": 0.5, "recall": 0.5, "class_accuracy": 0.5, "blank": 0.0, **pooled}
    settings = {"temperature": temperature, "top_p": top_p, "top_k": 0, "guidance": guidance}
    figures = {kind: {"value": value} for kind, value in values.items()}
    means = {**values, "lone_pixels": {"drawn": 0.1, "real": 0.1}}
    return {"controls": settings, "pooled": figures, "mean_of_classes": means}


def test_presets_are_the_best_of_their_side_and_seldom_blank() -> None:
    rows = [
        row_of((1.0, 1.0, 1.0), recall=0.9),
        row_of((0.9, 1.0, 1.5), kernel_distance=1.0, class_accuracy=0.8),
        row_of((0.8, 0.9, 2.0), precision=0.9, class_accuracy=0.7),
        row_of((0.9, 0.9, 2.0), kernel_distance=0.5, class_accuracy=0.9, precision=0.9, recall=0.9, blank=0.3),
    ]
    found = choose_presets(rows)
    assert {name: (p.temperature, p.top_p, p.guidance) for name, p in found.items()} == {
        "calm": (0.8, 0.9, 2.0),
        "balanced": (0.9, 1.0, 1.5),
        "wild": (1.0, 1.0, 1.0),
    }
    assert len(set(choose_presets(rows[:1]).values())) == 1
    with pytest.raises(ValueError, match="no settings"):
        choose_presets([])
    assert [(c.temperature, c.top_p, c.guidance) for c in grid([0.9], [1, 0.9], [2])] == [(0.9, 1, 2), (0.9, 0.9, 2)]
