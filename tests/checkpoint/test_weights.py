"""Weights come back bit for bit, and those that give no finite probabilities are found."""

from __future__ import annotations

from pathlib import Path

import torch

from pixelart.checkpoint.format import WEIGHTS_FILE, read_config
from pixelart.checkpoint.weights import gives_finite, load_weights, pack_weights
from pixelart.models import create_model


def test_a_network_is_tried_on_a_small_picture(own_checkpoints: Path) -> None:
    checkpoint = own_checkpoints / "tiny"
    model = load_weights(checkpoint, read_config(checkpoint))
    assert gives_finite(model)
    bias = model.get_parameter("vote.bias")
    bias.copy_(torch.where(torch.arange(len(bias)) % 2 == 0, 3e38, -3e38))
    assert not gives_finite(model)


def test_save_and_load_are_bit_identical(own_checkpoints: Path) -> None:
    checkpoint = own_checkpoints / "tiny"
    model = create_model("gated_pixelcnn", preset="debug", channels=1, levels=5, height=8, width=8, num_classes=2)
    with torch.no_grad():
        for i, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i)))
    (checkpoint / WEIGHTS_FILE).write_bytes(pack_weights(model))
    loaded = load_weights(checkpoint, read_config(checkpoint))
    expected = model.state_dict()
    assert set(loaded.state_dict()) == set(expected)
    assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())
    assert pack_weights(loaded) == pack_weights(model)
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
