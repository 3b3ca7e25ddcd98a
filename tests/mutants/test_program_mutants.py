"""A comparison with the slow twin catches each mistake in a pixel program, put in on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pixelart.layers import program_decoder
from pixelart.layers.lowering import lower
from pixelart.layers.program import Program
from pixelart.layers.tracing import Recorder, Traced
from pixelart.sampling import Controls, sample_cached
from tests.models.checks import lively_model, noise_for, random_pixels
from tests.models.test_contract import half_known
from tests.mutants import programs
from tests.mutants.patching import mistakes_in

Mistake = Callable[[Program], None]
CASES: list[tuple[Mistake, str, int]] = [
    (programs.taps_a_column_too_far, "gated_pixelcnn", 1),
    (programs.taps_a_column_too_far, "row_lstm", 3),
    (programs.taps_of_the_row_itself, "pixelcnn", 1),
    (programs.taps_above_mirrored, "pixelsnail", 1),
    (programs.taps_above_mirrored, "row_lstm", 1),
    (programs.no_bias, "pixelcnn", 3),
    (programs.gates_in_another_order, "gated_pixelcnn", 1),
    (programs.gates_in_another_order, "diagonal_bilstm", 1),
    (programs.gate_forgotten, "pixelcnn_plus_plus", 1),
    (programs.rows_kept_too_short, "gated_pixelcnn", 1),
    (programs.nothing_stored, "pixelcnn_plus_plus", 1),
    (programs.keys_not_kept, "pixelsnail", 1),
    (programs.keys_before_the_choice, "pixelsnail", 1),
    (programs.attention_without_its_query, "pixelsnail", 1),
    (programs.grown_at_the_same_place, "pixelcnn_plus_plus", 1),
    (programs.embedding_of_the_next_pixel, "row_lstm", 1),
    (programs.no_initial_state, "diagonal_bilstm", 1),
    (programs.no_initial_state, "row_lstm", 1),
    (programs.recurrence_from_the_left_at_once, "diagonal_bilstm", 1),
]


def difference(name: str, channels: int) -> float:
    """How far log p of pixels drawn with the program lies from that of the trunk, which draws the same ones."""
    shape = (6, 5)
    model = lively_model(name, channels=channels, levels=4, shape=shape)
    context = half_known(random_pixels(2, channels, 4, shape))
    drawn = sample_cached(model, context, controls=Controls(), noise=noise_for(model, 3, count=2, shape=shape))
    judged = model.log_prob(drawn.x, context) * context.mask[:, None]
    return float((drawn.log_prob - judged).abs().max())


@pytest.mark.parametrize(("mistake", "name", "channels"), CASES)
def test_the_comparison_catches(mistake: Mistake, name: str, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def lower_wrongly(outputs: Traced, recorder: Recorder) -> Program:
        program = lower(outputs, recorder)
        mistake(program)
        return program

    monkeypatch.setattr(program_decoder, "lower", lower_wrongly)
    assert not difference(name, channels) < 1e-2  # nan is a difference too


@pytest.mark.parametrize(("name", "channels"), sorted({case[1:] for case in CASES}))
def test_the_same_comparison_finds_nothing_wrong_with_the_variant(name: str, channels: int) -> None:
    assert difference(name, channels) < 1e-3


def test_every_mistake_is_measured() -> None:
    assert mistakes_in(programs) == {mistake for mistake, _, _ in CASES}
