"""Prints what a benchmark measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def tell(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Print figures by name: as one JSON value, or a line each."""
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name}: {value}")
