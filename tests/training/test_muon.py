"""Muon: steps whose directions count alike; what enters and leaves a network is AdamW's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pixelart.training.muon import Muon, is_for_muon, orthogonal
from tests.training.conftest import StartRun
from tests.training.runs import digests_of, resumed


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 24)])
def test_all_singular_values_become_about_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert float(values.min()) > 0.4 and float(values.max()) < 1.3


def test_what_a_mask_leaves_out_is_not_changed() -> None:
    """The gradient of dead taps is zero, and so is what is made of it."""
    kernel = torch.nn.Parameter(torch.zeros(16, 8, 2, 3))
    optimizer = Muon([{"params": [kernel]}], weight_decay=0.0)
    optimizer.state[kernel]["momentum"] = torch.zeros_like(kernel)
    optimizer.param_groups[0]["lr"] = 0.1
    kernel.grad = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(0))
    kernel.grad[:, :, 1, 1:] = 0
    optimizer.step()
    assert not kernel[:, :, 1, 1:].any() and bool(kernel[:, :, 0].ne(0).all())
    values = torch.linalg.svdvals(kernel.detach().flatten(1))
    torch.testing.assert_close(values.mean(), torch.tensor(0.1 * 0.2 * 48**0.5), rtol=0.3, atol=0)


def test_inner_kernels_are_its_own_and_resume_to_the_same_bits(begin: StartRun, tiny_data: Path) -> None:
    whole = begin("whole", optimizer="muon", learning_rate=0.01)
    names = {name for name, parameter in whole.model.named_parameters() if is_for_muon(name, parameter)}
    assert "layers.1.horizontal.weight" in names and not any("logits" in name or "vote" in name for name in names)
    adamw, muon = whole.train_state.optimizers
    counts = [sum(len(group["params"]) for group in one.param_groups) for one in (adamw, muon)]
    assert counts[1] == len(names) and sum(counts) == len(list(whole.model.parameters()))
    whole.train()
    begun = begin("begun", optimizer="muon", learning_rate=0.01)
    begun.train(stop=lambda: begun.step >= 5)
    again = resumed(begun.run, tiny_data)
    assert again.step == 5
    again.train()
    assert digests_of(again.run) == digests_of(whole.run)
