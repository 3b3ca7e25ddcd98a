"""How much is tried when: see the markers in pyproject.toml."""

from __future__ import annotations

from typing import Any

import pytest


def a_long(*values: Any) -> Any:
    """A parameter of which the test is for a release alone."""
    return pytest.param(*values, marks=pytest.mark.long)
