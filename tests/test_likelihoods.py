"""The mixture of discretized logistics: exact at every level and depth, and at the ends of its parameters."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from pixelart.likelihoods import Categorical, DiscretizedLogisticMixture
from tests import likelihood_checks as checks

every_depth = pytest.mark.parametrize("levels", [2, 5, 256])
every_width = pytest.mark.parametrize("channels", [1, 3])
every_extreme = pytest.mark.parametrize("extreme", checks.EXTREMES.values(), ids=list(checks.EXTREMES))


@pytest.fixture
def mixture(levels: int, channels: int) -> DiscretizedLogisticMixture:
    return DiscretizedLogisticMixture(channels=channels, levels=levels, mixtures=3)


@every_depth
@every_width
@every_extreme
def test_it_is_a_distribution_and_tells_it_one_way(
    mixture: DiscretizedLogisticMixture, extreme: dict[str, float]
) -> None:
    maps = checks.random_maps(mixture, **extreme)
    checks.check_sums_to_one(mixture, maps)
    checks.check_table_is_log_prob(mixture, maps)


@every_depth
@every_width
@every_extreme
def test_gradients_are_finite(mixture: DiscretizedLogisticMixture, extreme: dict[str, float]) -> None:
    checks.check_gradients_are_finite(mixture, checks.random_maps(mixture, **extreme))


@every_depth
@every_width
def test_it_is_what_the_paper_defines(mixture: DiscretizedLogisticMixture) -> None:
    checks.check_against_differences(mixture)
    checks.check_temperature(mixture)
    checks.check_cooling_sharpens_the_sharpest(mixture)
    checks.check_a_mean_far_off_is_pulled(mixture)


@every_depth
@every_width
def test_single_precision_tells_the_same(mixture: DiscretizedLogisticMixture) -> None:
    maps, x = checks.random_maps(mixture), checks.random_levels(mixture, 24)
    single = mixture.log_prob(maps.float(), x)
    assert single.dtype == torch.float32
    assert_close(single.double(), mixture.log_prob(maps, x), rtol=1e-4, atol=1e-4)
    assert mixture.log_prob(maps.bfloat16(), x).dtype == torch.float32


@pytest.mark.parametrize("channels", [1, 3])
def test_a_channel_leans_on_those_before_it(channels: int) -> None:
    """The coefficients are in use: without them the same parameters tell other probabilities."""
    mixture = DiscretizedLogisticMixture(channels=channels, levels=5, mixtures=3)
    maps, x = checks.random_maps(mixture), checks.random_levels(mixture, 24)
    alone = maps.clone()
    alone[:, mixture.parameters - mixture.pairs * mixture.mixtures :] = 0
    moved = (mixture.log_prob(maps, x) - mixture.log_prob(alone, x)).abs().amax((0, 2, 3)) > 1e-3
    assert moved.tolist() == [False, True, True][:channels]


def test_temperature_of_a_softmax_divides_its_logits() -> None:
    softmax = Categorical(channels=3, levels=4)
    maps = torch.randn(6, softmax.parameters, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    heat = torch.linspace(0.3, 4.0, 6, dtype=torch.float64)
    for channel in range(3):
        told = softmax.to_table(maps, torch.zeros(6, 3, dtype=torch.long), channel=channel, temperature=heat)
        powers = softmax.to_table(maps, torch.zeros(6, 3, dtype=torch.long), channel=channel) / heat[:, None]
        assert_close(told, powers - powers.logsumexp(1, keepdim=True))


@every_width
def test_a_single_level_is_certain(channels: int) -> None:
    mixture = DiscretizedLogisticMixture(channels=channels, levels=1, mixtures=3)
    for extreme in checks.EXTREMES.values():
        maps = checks.random_maps(mixture, **extreme)
        checks.check_sums_to_one(mixture, maps)
        checks.check_gradients_are_finite(mixture, maps)
