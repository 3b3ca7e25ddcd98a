"""The search for the most probable colours of several channels: exact, or ended early with a true bound."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelart.engine.inspection import MAX_LOOKS, most_probable

pytestmark = pytest.mark.usefixtures("one_thread")


class Made:
    """Tables made up: p(a), p(b | a), p(c | a, b), each with a sharpness of its own; counts what is looked into."""

    def __init__(self, levels: int, *, sharpness: float, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.logits = [random.normal(size=(levels,) * (c + 1)) * sharpness * random.random() * 2 for c in range(3)]
        self.looks = 0

    def __call__(self, levels: Tensor) -> Tensor:
        self.looks += len(levels)
        rows = [self.logits[levels.shape[1]][tuple(row)] for row in levels.tolist()]
        return torch.log_softmax(torch.from_numpy(np.stack(rows)), dim=-1)

    def all(self) -> Tensor:
        """log p of every colour, (K, K, K)."""
        a, b, c = (torch.log_softmax(torch.from_numpy(logits), dim=-1) for logits in self.logits)
        return a[:, None, None] + b[:, :, None] + c


def test_a_search_is_not_misled_by_a_likely_beginning() -> None:
    """The best colour begins with the less likely level of two, so that a beam of one would miss it."""

    def tables(levels: Tensor) -> Tensor:
        sure, flat = [0.97, 0.01, 0.01, 0.01], [0.25] * 4
        by_channel: list[Callable[[list[int]], list[float]]] = [
            lambda _: [0.6, 0.4, 0.0, 0.0],
            lambda row: flat if row[0] == 0 else sure,
            lambda row: flat if row[0] == 0 else sure,
        ]
        return torch.tensor([by_channel[len(row)](row) for row in levels.tolist()], dtype=torch.float64).log()

    (best,), bound = most_probable(tables, channels=3, top=1)
    assert best.levels == (1, 0, 0) and math.exp(best.log_p) == pytest.approx(0.4 * 0.97**2) and bound == best.log_p


@pytest.mark.parametrize("sharpness", [0.05, 1.0, 5.0], ids=["flat", "plain", "sharp"])
@pytest.mark.parametrize("top", [1, 5, 40])
@pytest.mark.parametrize("seed", range(3))
def test_few_levels_are_always_searched_to_the_end(sharpness: float, top: int, seed: int) -> None:
    made = Made(10, sharpness=sharpness, seed=seed)
    found, bound = most_probable(made, channels=3, top=top)
    values, order = torch.sort(made.all().flatten(), descending=True)
    assert [p.log_p for p in found] == pytest.approx(values[:top].tolist(), abs=1e-12)
    assert [p.levels for p in found] == [tuple(map(int, np.unravel_index(i, (10,) * 3))) for i in order[:top].tolist()]
    assert bound == found[-1].log_p and made.looks <= 111


@pytest.mark.parametrize("sharpness", [0.05, 1.0, 3.0, 8.0])
@pytest.mark.parametrize("top", [1, 20, 256])
def test_a_search_that_is_ended_tells_a_true_bound(sharpness: float, top: int) -> None:
    made = Made(48, sharpness=sharpness)
    found, bound = most_probable(made, channels=3, top=top)
    everything = made.all()
    assert len(found) == len({p.levels for p in found}) == top and made.looks <= MAX_LOOKS
    assert [p.log_p for p in found] == pytest.approx([float(everything[p.levels]) for p in found], abs=1e-12)
    assert [p.log_p for p in found] == sorted([p.log_p for p in found], reverse=True)
    for prefix in found:
        everything[prefix.levels] = -math.inf
    assert float(everything.max()) <= bound + 1e-12
    if sharpness == 0.05:
        assert bound > found[-1].log_p
    if sharpness == 8.0 and top < 256:
        assert bound == found[-1].log_p and made.looks < MAX_LOOKS


def test_a_full_list_is_proved_by_the_most_probable_beginnings() -> None:
    """Looking into the deepest first to the end would spend all looks here, and prove nothing."""
    made = Made(48, sharpness=4.0)
    found, bound = most_probable(made, channels=3, top=5)
    assert bound == found[-1].log_p and made.looks < MAX_LOOKS
    assert [p.log_p for p in found] == pytest.approx(made.all().flatten().topk(5).values.tolist(), abs=1e-12)
