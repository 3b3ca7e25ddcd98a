"""Each layer is built as its paper says."""

from __future__ import annotations

import pytest

from tests.models import forms
from tests.models.checks import lively_model

CHECKS = [
    (forms.check_cell, ["row_lstm", "diagonal_bilstm"]),
    (forms.check_residual, ["pixelcnn", "row_lstm", "diagonal_bilstm", "pixelsnail", "pixelcnn_plus_plus"]),
    (forms.check_skip, ["row_lstm", "diagonal_bilstm"]),
    (forms.check_start, ["row_lstm", "diagonal_bilstm", "row_rnn"]),
]


@pytest.mark.parametrize(("check", "name"), [(check, name) for check, names in CHECKS for name in names])
def test_form(check: forms.Check, name: str) -> None:
    check(lively_model(name, channels=1, levels=4, shape=(3, 4)))
