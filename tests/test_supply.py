"""What is required is new enough to lack the holes that are known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_tree import ROOT

FLOORS = {
    "pillow": (12, 3),  # thirteen holes of its decoders
    "gradio": (6, 31),  # paths, addresses and redirects
    "torch": (
        2,
        8,
    ),  # what is older lacks a place on hosts of GPUs; its holes before 2.10 are in torch.load: not called
    "safetensors": (0, 6),
    "huggingface-hub": (2, 4),
}


@pytest.mark.parametrize("name", FLOORS)
def test_requirements_start_above_the_holes(name: str) -> None:
    lines = Path(ROOT / "requirements.txt").read_text().splitlines()
    found = next(re.search(r"[>=]=([\d.]+)", line) for line in lines if re.match(rf"{name}\b", line))
    assert found and tuple(map(int, found[1].split("."))) >= FLOORS[name]


def test_every_requirement_has_a_ceiling_too() -> None:
    lines = Path(ROOT / "requirements.txt").read_text().splitlines()
    assert all("==" in line or "<" in line for line in lines if line and not line.startswith("#"))
