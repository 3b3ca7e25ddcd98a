"""What CI leaves to a release is named by tests that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiers import IN_CI, TRAINING

TESTS = Path(__file__).parent


@pytest.mark.parametrize("path", IN_CI)
def test_each_name_begins_that_of_a_test(path: str) -> None:
    text = (TESTS / path).read_text()
    for name in IN_CI[path]:
        assert f"def {name.split('[')[0]}" in text, name


@pytest.mark.parametrize("start", TRAINING)
def test_each_path_is_there(start: str) -> None:
    assert list(TESTS.glob(f"{start}*"))
