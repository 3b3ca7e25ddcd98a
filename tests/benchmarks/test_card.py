"""The figures of a card are those of `evaluate`, each measured once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import card
from pixelart.cli import evaluate as commands
from pixelart.cli.main import main as pixelart
from pixelart.cli.main import parse
from pixelart.engine import Engine
from pixelart.images.masks import HOLES
from pixelart.training.config import Schedule
from pixelart.training.data.pictures import read_pictures


@pytest.mark.slow
def test_a_card_measures_each_figure_once_and_as_evaluate_does(
    tiny_checkpoints: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--checkpoint", "tiny", "--checkpoints", str(tiny_checkpoints), "--data", str(tiny_data)]
    pixelart([*words, "--holes", "centre8", "--per-class", "--json"])
    told = json.loads(capsys.readouterr().out)
    measured: list[str] = []

    def spied(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def spy(*given: Any, **more: Any) -> Any:
            measured.append(more.get("holes", name))
            return original(*given, **more)

        return spy

    for name in ("nats_per_stage", "hole_sums"):
        monkeypatch.setattr(commands, name, spied(name, getattr(commands, name)))
    engine = Engine(tiny_checkpoints, device=torch.device("cpu"))
    pictures = commands.held_out(read_pictures(tiny_data), engine.library.seen_in_training("tiny"), tiny_data)
    text = card.figures(engine.library.load("tiny"), pictures)
    assert measured == ["nats_per_stage", *HOLES]
    assert f"Held-out pictures: {told['images']}. **{told['bits_per_dim']:.3f} bits per dimension**" in text
    assert "| bits/dim | " + " | ".join(f"{bits:.2f}" for bits in told["per_class"].values()) + " |" in text
    bits = f"{told['hole_bits']:.3f} / {told['hole_bits_without_context']:.3f}"
    assert f"| centre8 | {bits} | none / none | none |" in text  # it fills pictures of 8 x 8


@pytest.mark.slow
def test_a_new_card_tells_the_command_that_trains_such_a_checkpoint(tiny_checkpoints: Path) -> None:
    loaded = Engine(tiny_checkpoints, device=torch.device("cpu")).library.load("tiny")
    text = card.new_card(loaded)
    command = next(line.strip() for line in text.splitlines() if "pixelart train" in line).split()
    options = parse(command[3:])
    training = loaded.info.training
    for name in ("steps", "batch_size", "save_every", "learning_rate", "ema", "seed", "threads"):
        said = getattr(options, name)
        assert training[name] == (getattr(Schedule(), name) if said is None else said), name
    assert (options.model, options.codec) == (loaded.info.model, loaded.codec.name)
    assert card.BEGIN in text and card.END in text and "van den Oord" in text
