"""Runs that go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pixelart.training.setup import resume_run
from pixelart.training.trainer import Trainer


def resumed(run: Path, data: Path, **given: Any) -> Trainer:
    """The run where it was saved last. It is not held after this: in a test one acts after the other."""
    with resume_run(run, data, given=given) as trainer:
        return trainer
