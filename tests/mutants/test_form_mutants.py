"""The checks of forms catch each mistake that public code has made, put in on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pixelart.models import AutoregressiveModel
from tests.models.checks import lively_model
from tests.models.forms import Check, check_cell, check_residual, check_skip, check_start
from tests.mutants import forms
from tests.mutants.patching import mistakes_in

Mistake = Callable[[AutoregressiveModel, pytest.MonkeyPatch], None]
CASES: list[tuple[Mistake, Check, str]] = [
    *((forms.candidate_squashed_by_a_sigmoid, check_cell, name) for name in ("row_lstm", "diagonal_bilstm")),
    *((forms.gates_split_in_another_order, check_cell, name) for name in ("row_lstm", "diagonal_bilstm")),
    *((forms.two_forget_gates, check_cell, name) for name in ("row_lstm", "diagonal_bilstm")),
    *((forms.residual_added_twice, check_residual, name) for name in ("pixelcnn", "row_lstm", "pixelsnail")),
    *((forms.residual_forgotten, check_residual, name) for name in ("pixelcnn", "diagonal_bilstm", "pixelsnail")),
    *((forms.skip_forgotten, check_skip, name) for name in ("row_lstm", "diagonal_bilstm")),
    *((forms.initial_state_of_zeros, check_start, name) for name in ("row_lstm", "diagonal_bilstm", "row_rnn")),
]


@pytest.mark.parametrize(("mistake", "check", "name"), CASES)
def test_the_check_catches(mistake: Mistake, check: Check, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = lively_model(name, channels=1, levels=4, shape=(3, 4))
    mistake(model, monkeypatch)
    with pytest.raises(AssertionError):
        check(model)


def test_every_mistake_is_caught() -> None:
    assert mistakes_in(forms) == {mistake for mistake, _, _ in CASES}
