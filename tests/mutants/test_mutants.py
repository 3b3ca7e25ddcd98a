"""The contract of causality and coverage catches each mistake that public code has made, put in on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from pixelart.models import AutoregressiveModel
from tests.models.checks import leaks_and_gaps
from tests.mutants import masks, recurrence
from tests.mutants.patching import mistakes_in


@dataclass(frozen=True)
class Case:
    """A variant, what it is measured on, and what a mistake shows as."""

    model: str
    mistake: Callable[[AutoregressiveModel], None]
    shows: Literal["leak", "gap"]
    channels: int = 1
    shape: tuple[int, int] = (5, 5)
    config: Mapping[str, Any] = field(default_factory=dict)

    def measure(self, **change: Any) -> dict[str, Any]:
        """What leaks, and what is missing."""
        values = {"channels": self.channels, "shape": self.shape, **self.config, **change}
        return dict(zip(("leak", "gap"), leaks_and_gaps(self.model, **values), strict=True))


ONE_LAYER = {"layers": 1}
"""A second layer would fill what the first has lost."""
CASES = [
    Case("pixelcnn", masks.mask_b_in_the_first_layer, "leak"),
    Case("pixelcnn", masks.mask_b_in_the_first_layer, "leak", channels=3, shape=(3, 3)),
    Case("pixelcnn", masks.mask_a_hides_the_whole_centre, "gap", channels=3, shape=(3, 3)),
    Case("gated_pixelcnn", masks.mask_a_a_second_time, "gap"),
    Case("gated_pixelcnn", masks.mask_a_a_second_time, "gap", channels=3, shape=(3, 3)),
    Case("pixelcnn", masks.mask_b_clears_its_own_row, "leak"),
    Case("pixelcnn", masks.pointwise_without_groups, "leak", channels=3, shape=(3, 3)),
    Case("pixelcnn", masks.norm_over_all_channels, "leak", channels=3, shape=(3, 3)),
    Case("pixelcnn", masks.logits_dealt_in_turn, "leak", channels=3, shape=(3, 3)),
    Case("gated_pixelcnn", masks.halves_of_a_gate_in_thirds, "leak", channels=3, shape=(3, 3)),
    Case("row_lstm", masks.four_gates_in_thirds, "leak", channels=3, shape=(3, 3)),
    Case("pixelsnail", masks.concat_elu_dealt_anew, "leak", channels=3, shape=(3, 3)),
    Case("gated_pixelcnn", masks.vertical_stack_not_moved_down, "leak"),
    Case("gated_pixelcnn", masks.vertical_stack_half_a_row_short, "gap"),
    Case("pixelcnn_plus_plus", masks.strided_maps_keep_odd_pixels, "leak"),
    Case("diagonal_bilstm", recurrence.right_map_not_moved_down, "leak"),
    Case("diagonal_bilstm", recurrence.right_map_from_the_bottom_up, "leak"),
    Case("diagonal_bilstm", recurrence.right_map_flipped_when_skewed, "gap", shape=(8, 6), config=ONE_LAYER),
    Case("diagonal_bilstm", recurrence.right_map_never_flipped_back, "gap", shape=(2, 11), config=ONE_LAYER),
    Case("diagonal_bilstm", recurrence.diagonal_state_padded_at_the_end, "leak"),
    Case("row_lstm", recurrence.row_input_kernel_along_the_column, "gap", shape=(3, 6)),
    Case("row_lstm", recurrence.row_state_kernel_along_the_column, "gap"),
    Case("row_lstm", recurrence.row_input_kernel_without_mask, "leak"),
    Case("row_lstm", recurrence.row_state_scrambled_by_view, "leak"),
    Case("row_rnn", recurrence.bidirectional_many_to_many, "leak", config={"form": "bidirectional_many_to_one"}),
    Case("pixelcnn_plus_plus", recurrence.rows_above_with_the_row_itself, "leak"),
    Case("pixelsnail", recurrence.attention_to_the_pixel_itself, "leak"),
    Case("pixelsnail", recurrence.attention_asked_by_all_colours, "leak", channels=3, shape=(3, 3)),
]
PLAIN = {(case.model, case.channels, case.shape, *case.config.items()): case for case in CASES}
"""One case of each measurement."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.mistake.__name__}-{case.channels}")
def test_the_contract_catches(case: Case) -> None:
    assert case.measure(change=case.mistake)[case.shows]


@pytest.mark.parametrize("case", PLAIN.values(), ids=list(map(str, PLAIN)))
def test_the_same_measurement_finds_nothing_wrong_with_the_variant(case: Case) -> None:
    assert case.measure() == {"leak": [], "gap": []}


def test_every_mistake_is_measured() -> None:
    assert mistakes_in(masks) | mistakes_in(recurrence) == {case.mistake for case in CASES}
