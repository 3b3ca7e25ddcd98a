"""The checks of the mixture catch each mistake that public code has made, put in on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pixelart.likelihoods import DiscretizedLogisticMixture
from tests import likelihood_checks as checks
from tests.mutants import mixtures
from tests.mutants.patching import mistakes_in

Check = Callable[[DiscretizedLogisticMixture], None]


def sums_to_one(mixture: DiscretizedLogisticMixture) -> None:
    checks.check_sums_to_one(mixture, checks.random_maps(mixture))


def table_is_log_prob(mixture: DiscretizedLogisticMixture) -> None:
    checks.check_table_is_log_prob(mixture, checks.random_maps(mixture))


CASES: list[tuple[type[DiscretizedLogisticMixture], Check, int, int]] = [
    (mixtures.ClampedDifference, checks.check_a_mean_far_off_is_pulled, 256, 1),
    (mixtures.HalfLevelOf8Bits, sums_to_one, 5, 1),
    (mixtures.DensityOf8Bits, sums_to_one, 5, 1),
    (mixtures.MissingTails, sums_to_one, 256, 1),
    (mixtures.BlueReadsBlue, table_is_log_prob, 5, 3),
    (mixtures.SamplesNotRounded, table_is_log_prob, 5, 3),
    (mixtures.LabelsThroughTruncatedFloats, table_is_log_prob, 256, 1),
    (mixtures.MeansTempered, checks.check_temperature, 5, 1),
    (mixtures.LeastScaleAfterTemperature, checks.check_cooling_sharpens_the_sharpest, 5, 1),
]


@pytest.mark.parametrize(("mistake", "check", "levels", "channels"), CASES, ids=[c[0].__name__ for c in CASES])
def test_the_check_catches(mistake: type[DiscretizedLogisticMixture], check: Check, levels: int, channels: int) -> None:
    check(DiscretizedLogisticMixture(channels=channels, levels=levels, mixtures=3))
    with pytest.raises(AssertionError):
        check(mistake(channels=channels, levels=levels, mixtures=3))


def test_the_plain_form_that_mistakes_are_made_in_is_right() -> None:
    plain = mixtures._Plain(channels=3, levels=5, mixtures=3)
    checks.check_against_differences(plain)
    sums_to_one(plain)


def test_every_mistake_is_caught() -> None:
    assert mistakes_in(mixtures) == {mistake for mistake, *_ in CASES}
