"""A run on another device than the CPU learns the same weights, continues, fine-tunes and becomes a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load

from pixelart.checkpoint.weights import pack_weights
from pixelart.engine import Engine, Request
from pixelart.models import get_variant, list_models
from pixelart.training.config import Schedule
from pixelart.training.distributed import Processes
from pixelart.training.export import export_run
from pixelart.training.runs import resume_run, start_run
from pixelart.training.trainer import Trainer
from tests.pretend_device import PRETEND, pretending

CPU = torch.device("cpu")
QUICK: dict[str, Any] = {"steps": 2, "batch_size": 2, "save_every": 2, "seed": 3, "threads": 1, "precision": "fp32"}
QUICK |= {"memory_format": "contiguous", "validation_share": 0.0, "warmup_steps": 0, "context_first": 0.0}


@pytest.fixture(autouse=True)
def one_thread(same_threads: None) -> Iterator[None]:
    torch.set_num_threads(1)
    yield


def run_on(device: torch.device, run: Path, data: Path, *, how: dict[str, Any], **schedule: Any) -> dict[str, Any]:
    """Train a run. Returns its weights and averages."""
    options = Schedule(**{**QUICK, **schedule})
    with start_run(run, data, schedule=options, processes=Processes(device), **how) as trainer:
        trainer.train()
        return weights_of(trainer)


def weights_of(trainer: Trainer) -> dict[str, Any]:
    return {
        **load(pack_weights(trainer.model)),
        **{f"average {k}": v for k, v in load(pack_weights(trainer.average)).items()},
    }


def how_of(name: str) -> dict[str, Any]:
    """What a run of a variant takes."""
    codecs = get_variant(name).codecs
    return {"model": name, "preset": "debug", "codec": codecs[0] if codecs else "indexed", "colours": 8}


def check_close(here: dict[str, Any], there: dict[str, Any], **limits: Any) -> None:
    assert here.keys() == there.keys()
    for name, weight in here.items():
        torch.testing.assert_close(there[name], weight, msg=lambda text, name=name: f"{name}: {text}", **limits)


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_every_variant_learns_the_same(name: str, tiny_data: Path, tmp_path: Path) -> None:
    """In full precision, from parts of batches, with checkpointed gradients; one step trains the context alone."""
    extra = {"accumulate": 2, "gradient_checkpointing": True, "context_first": 0.5}
    expected = run_on(CPU, tmp_path / "here", tiny_data, how=how_of(name), **extra)
    with pretending():
        made = run_on(PRETEND, tmp_path / "there", tiny_data, how=how_of(name), **extra)
    check_close(expected, made, atol=1e-4, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_every_variant_learns_in_bfloat16(name: str, tiny_data: Path, tmp_path: Path) -> None:
    """Autocast lowers the same operations as on the CPU, up to a few that only one of them has."""
    how, extra = how_of(name), {"precision": "bf16", "memory_format": "channels_last", "learning_rate": 1e-4}
    expected = run_on(CPU, tmp_path / "here", tiny_data, how=how, **extra)
    with pretending():
        made = run_on(PRETEND, tmp_path / "there", tiny_data, how=how, **extra)
    check_close(expected, made, atol=1e-3, rtol=0.0)
    assert all(weight.dtype == torch.float32 for weight in made.values())


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_continued_run_learns_what_one_at_once_learns(optimizer: str, tiny_data: Path, tmp_path: Path) -> None:
    how, extra = how_of("gated_pixelcnn"), {"steps": 4, "optimizer": optimizer, "accumulate": 2}
    with pretending():
        at_once = run_on(PRETEND, tmp_path / "at once", tiny_data, how=how, **extra)
        with start_run(
            tmp_path / "parts", tiny_data, schedule=Schedule(**{**QUICK, **extra}), processes=Processes(PRETEND), **how
        ) as trainer:
            trainer.train(stop=lambda: trainer.step == 2)
        with resume_run(tmp_path / "parts", tiny_data, processes=Processes(PRETEND)) as trainer:
            assert trainer.step == 2
            trainer.train()
            continued = weights_of(trainer)
    check_close(at_once, continued, atol=0.0, rtol=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gated_pixelcnn", "sketch_pixelcnn"])
def test_a_base_is_tuned_and_exported(name: str, tiny_data: Path, tmp_path: Path) -> None:
    """The base comes from the CPU, and what was tuned on the other device draws on the CPU."""
    run_on(CPU, tmp_path / "base run", tiny_data, how=how_of(name), steps=1)
    export_run(tmp_path / "base run", tmp_path / "base")
    with pretending() as copies:
        how = {"base": tmp_path / "base"}
        run_on(PRETEND, tmp_path / "run", tiny_data, how=how, steps=1, optimizer="muon", keep="best", dropout=0.2)
        assert copies.to_device
    export_run(tmp_path / "run", tmp_path / "checkpoints" / "tuned")
    drawn = Engine(tmp_path / "checkpoints", device=CPU).generate(Request("tuned", count=2))
    assert all(np.isfinite(drawing.log_prob) for drawing in drawn)
